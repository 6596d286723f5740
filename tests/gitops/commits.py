"""What commits say of themselves, and which of those that a test did not make itself some move explains."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import yaml

from tests.gitops.initialised import Platform
from tests.gitops.repository import Clone

__all__ = ["Commit", "Tally", "commits", "foreign", "read_commits", "tally", "unexplained", "weights"]

VALUES = "platform/litellm/values.yaml"

TRAILER = re.compile(r"^Pointsman-Move: (\S+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Commit:
    """One of them."""

    id: str
    author: str
    message: str
    paths: tuple[str, ...]

    @property
    def mark(self) -> tuple[str, str]:
        """The move and the step that its trailer names; empty words without one."""
        found = TRAILER.search(self.message)
        return (found.group(1), found.group(2)) if found else ("", "")

    @property
    def move(self) -> str:
        """Which move it is of; empty when it says of none."""
        return self.mark[0]

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Tally:
    """Commits that a test did not make itself."""

    made: int
    explained: int
    odd: tuple[str, ...]
    """What is to be said against them; nothing where all are explained."""

    @property
    def clean(self) -> bool:
        """Does a move explain each of them?"""
        return not self.odd and self.made == self.explained


def read_commits(git: Callable[..., str], *span: str) -> list[Commit]:
    """Those of a span, as ``git log`` takes it, the oldest first."""
    told = git("log", "--reverse", "--name-only", "--format=%x01%H%x00%an%x00%B%x00", *span)
    parts = [one.split("\0") for one in told.split("\x01") if one.strip()]
    return [Commit(name, author, message.strip(), tuple(paths.split())) for name, author, message, paths in parts]


def commits(platform: Platform, since: str) -> list[Commit]:
    """Those on the platform's branch since then, the oldest first."""
    platform("git", "fetch", "--quiet")
    return read_commits(lambda *words: platform("git", *words), f"{since}..origin/main")


def foreign(here: Clone) -> list[Commit]:
    """Those on the remote's branch that were not made in this clone."""
    if not here.git("ls-remote", "origin", f"refs/heads/{here.branch}"):
        return []
    here.git("fetch", "--quiet", "origin", here.branch)
    return [one for one in read_commits(here.git, "FETCH_HEAD") if one.id not in here.own()]


def tally(found: Sequence[Commit], moves: Sequence[str]) -> Tally:
    """How many there are, and how many of them one of these moves explains: of the edge's file alone, made once."""
    first = {one.mark: one.id for one in reversed(found)}
    explained = [one for one in found if one.move in moves and len(one.paths) == 1 and first[one.mark] == one.id]
    return Tally(len(found), len(explained), tuple(unexplained(found, moves, silent=True)))


def unexplained(found: Sequence[Commit], moves: Sequence[str], *, silent: bool = False) -> Iterator[str]:
    """In words: commits of none of these moves, of more files than the edge's, made twice; and moves without any.

    ``silent``: a move may have made none.
    """
    for one in found:
        if one.move not in moves:
            yield f"commit of none of the moves, by {one.author}: {one.subject}"
        if len(one.paths) != 1:
            yield f"commit of {len(one.paths)} files: {one.subject}"
    marks = [one.mark for one in found]
    yield from (f"made twice: {' '.join(one)}" for one in sorted({one for one in marks if marks.count(one) > 1}))
    if not silent:
        yield from (f"{move} made no commit" for move in moves if move not in {one.move for one in found})


def weights(platform: Platform) -> dict[str, int]:
    """Of the alias's members, as the newest commit declares them."""
    platform("git", "fetch", "--quiet")
    told = yaml.safe_load(platform("git", "show", f"origin/main:{VALUES}"))["proxy_config"]["model_list"]
    return {one["model_info"]["id"]: one["litellm_params"]["weight"] for one in told}
