"""A wish about a platform, and the one commit that fulfils it on the newest tree."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pointsman.catalog.config import read_config
from pointsman.catalog.effects import Effects, effects
from pointsman.catalog.features import feature_named
from pointsman.catalog.gate import FEATURES
from pointsman.catalog.repository import Repository
from pointsman.catalog.resolution import Resolution, resolve
from pointsman.catalog.switch import switched
from pointsman.catalog.telling import Told
from pointsman.delivery.git import Change, Edit, Files, Mark
from pointsman.delivery.git.branches import Branches
from pointsman.delivery.git.history import last_change
from pointsman.delivery.git.making import files_of
from pointsman.delivery.git.program import Git, open_git
from pointsman.delivery.git.tree import read_tree
from pointsman.delivery.platform.layout import Spot

__all__ = ["Proposal", "Wish", "propose"]


@dataclass(frozen=True, slots=True)
class Wish:
    """A feature as it is to be; or nothing but a groups file that follows from the configuration."""

    feature: str = ""
    on: bool = True

    @property
    def words(self) -> str:
        """``enable llm-d``."""
        return f"{'enable' if self.on else 'disable'} {self.feature}" if self.feature else "resolve the groups"

    @property
    def said(self) -> str:
        """One sentence for the commit."""
        if not self.feature:
            return "The groups file follows from the configuration again."
        return f"features.{self.feature} is {'true' if self.on else 'false'} from now on; the groups file follows."


@dataclass(frozen=True, slots=True)
class Proposal:
    """What would be committed, and what comes of it."""

    change: Change
    effects: Effects
    told: tuple[Told, ...]
    """What is warned of, of the platform after the change."""


async def propose(repository: Repository, wish: Wish, *, remote: str, branch: str) -> Proposal:
    """The change of the platform as the branch's newest commit has it. Changes nothing.

    Raises UsageError for an unknown feature, RefusedError where it cannot be set alone, and what asking a remote means.
    """
    top = (await open_git(repository.root)).folder.resolve()
    inside = repository.root.resolve().relative_to(top).as_posix()
    spot = Spot("" if inside == "." else f"{inside}/", repository.env, repository.platform)

    async def look(git: Git, tip: str) -> Proposal:
        newest = await last_change(git, tip, (spot.config, spot.groups_file))
        draft = _change(spot, wish, newest)
        files = await files_of(draft, await read_tree(git, tip))
        with spot.laid_out(_decided(spot, wish, files)) as laid:
            found = resolve(laid)
            come = effects(laid, files.get(spot.groups_file), found.rows)
        return Proposal(_change(spot, wish, newest, _because(wish, come)), come, found.told)

    return await Branches(repository.root, remote, branch).at_tip(look)


def _change(spot: Spot, wish: Wish, newest: str, body: str = "") -> Change:
    """``newest``: the last commit that decided anything, which makes a second wish of the same kind another one."""
    words = re.sub(r"[^A-Za-z0-9]+", "-", wish.words).strip("-")[:60]
    config = Edit(spot.config, lambda content, files: _set(spot, wish, files))
    groups = Edit(spot.groups_file, lambda content, files: _resolved(spot, files))
    return Change(
        mark=Mark(re.sub(r"[^A-Za-z0-9]+", "-", spot.env).strip("-"), f"{words}-{newest[:10]}"),
        subject=f"{spot.env}: {wish.words}",
        body=body,
        edits=(config, groups) if wish.feature else (groups,),
        reads=spot.read,
    )


def _decided(spot: Spot, wish: Wish, files: Files) -> Files:
    return files.after(spot.config, _set(spot, wish, files)) if wish.feature else files


def _set(spot: Spot, wish: Wish, files: Files) -> bytes:
    """The configuration with the feature as it is wished."""
    with spot.laid_out(files) as repository:
        config = read_config(repository)
        name = feature_named(repository.platform, config, wish.feature)
        source = config.source
        if config.switch((FEATURES, name)) is wish.on:
            return source.bytes()
        return (source.bom + switched(source, name, wish.on).text).encode()


def _resolved(spot: Spot, files: Files) -> bytes:
    """The groups file of the configuration, which may have just been edited."""
    with spot.laid_out(files) as repository:
        found: Resolution = resolve(repository)
        return found.after


def _because(wish: Wish, come: Effects) -> str:
    """Why, and what it does."""
    if not come.lines():
        return f"{wish.said} No group is turned on or off by it."
    told = "\n".join(f"  {line}" for line in come.lines())
    return f"{wish.said} As far as the repository tells, without a cluster, these come (+) and go (-):\n\n{told}"
