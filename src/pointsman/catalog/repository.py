"""Where a platform lies: its root, its environment, and the places of its files.

A repository is known by ``platform.yaml`` at its root, or by its shape: a configuration for each environment. The
program is often started somewhere inside, so the folders above are looked at too, up to the one that git begins in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsman.catalog.platform import Platform, usual_platform
from pointsman.catalog.sound import unsound
from pointsman.catalog.source import Source, named, read_source
from pointsman.errors import SpecError, UsageError
from pointsman.spec.document import Document
from pointsman.spec.judging import judge_as, nearest
from pointsman.spec.problems import InvalidSpecError, Problem

__all__ = ["FILE", "Repository", "declared_platform", "open_repository", "platform_in"]

FILE = "platform.yaml"


@dataclass(frozen=True, slots=True)
class Repository:
    """One environment of a platform."""

    root: Path
    platform: Platform
    env: str

    def path(self, template: str) -> Path:
        """A place that the platform names, in this environment."""
        return self.root / template.replace("{env}", self.env)

    @property
    def config(self) -> Path:
        """The file that people edit."""
        return self.path(self.platform.spec.config)

    @property
    def groups_file(self) -> Path:
        """What the ApplicationSets read."""
        return self.path(self.platform.spec.groups_file)

    def named(self, path: Path) -> str:
        """As people call it: from the repository's root on."""
        return named(path, self.root)


def open_repository(start: Path, env: str | None) -> Repository:
    """The platform at ``start`` or above it, and the environment that is meant.

    Raises UsageError when there is none, or several environments and none is named; SpecError for a ``platform.yaml``
    that is wrong.
    """
    for root in _upwards(start):
        declared = _declared(root)
        platform = declared or usual_platform()
        known = platform.spec.environments or tuple(_environments(root, platform, whole=declared is None))
        if declared is not None or known:
            return Repository(root, platform, _chosen(known, env, platform))
    raise UsageError(
        f"there is no platform here: neither {FILE}, nor environments/ENV/config.yaml with a folder clusters/ENV",
        where=str(start.expanduser().resolve()),
        next_action="run this in a platform repository, or name one with --repo",
        code="platform-missing",
    )


def declared_platform(start: Path) -> Platform | None:
    """What a ``platform.yaml`` at ``start`` or above it declares; None when there is none, whatever else is there."""
    for root in _upwards(start):
        if (declared := _declared(root)) is not None:
            return declared
    return None


def _upwards(start: Path) -> Iterator[Path]:
    """The folder and those above it, up to the first that git begins in."""
    try:
        first = start.expanduser().resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        raise UsageError(
            "there is no such folder", where=str(start), next_action="name a folder", code="platform-missing"
        ) from None
    for folder in (first, *first.parents):
        yield folder
        if (folder / ".git").exists():
            return


def _declared(root: Path) -> Platform | None:
    path = root / FILE
    if not (path.exists() or path.is_symlink()):
        return None
    return platform_in(read_source(path, root))


def platform_in(source: Source) -> Platform:
    """The platform that a file declares; raises SpecError that lists every problem with its line."""
    data = source.data
    if not isinstance(data, dict):
        raise SpecError(
            "a platform is a mapping, and this is not one",
            where=source.at(()),
            next_action="start the file with apiVersion: pointsman.dev/v1alpha1, or remove it",
            code="spec-not-a-mapping",
        )
    document = Document(data, source.reading.lines, source.reading.spans)
    judged = judge_as(document, Platform)
    if not isinstance(judged, Platform):
        raise InvalidSpecError(Path(source.where), judged)
    wrong = [Problem(document.line(place), what, action, code) for place, what, action, code in unsound(judged)]
    if wrong:
        raise InvalidSpecError(Path(source.where), wrong)
    return judged


def _environments(root: Path, platform: Platform, *, whole: bool) -> Iterator[str]:
    """Environments whose configuration is there; ``whole``: and the folder of their groups file, too."""
    template, groups = platform.spec.config, platform.spec.groups_file
    pattern = re.compile(
        re.escape(template).replace(re.escape("{env}"), "(?P<env>[^/]+)", 1).replace(r"\{env\}", "[^/]+")
    )
    for path in sorted(root.glob(template.replace("{env}", "*"))):
        found = pattern.fullmatch(str(path.relative_to(root)))
        if not found or not path.is_file() or found["env"].startswith("."):
            continue
        if not whole or (root / groups.replace("{env}", found["env"])).parent.is_dir():
            yield found["env"]


def _chosen(known: Sequence[str], env: str | None, platform: Platform) -> str:
    if env is not None and env in known:
        return env
    told = ", ".join(known) or "none"
    if env is not None:
        near = nearest(env, list(known))
        raise UsageError(
            f"there is no environment {env[:80]!r}" + (f"; did you mean {near!r}?" if near else ""),
            next_action=f"use one of: {told}",
            code="env-unknown",
        )
    if len(known) == 1:
        return known[0]
    if not known:
        raise UsageError(
            f"no environment has a configuration ({platform.spec.config})",
            next_action="add one, or name environments in platform.yaml",
            code="env-unknown",
        )
    raise UsageError(
        f"the platform has {len(known)} environments: {told}",
        next_action="name the one you mean: --env ENV",
        code="env-not-named",
    )
