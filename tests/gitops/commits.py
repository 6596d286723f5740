"""What commits on a platform's branch say of themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from tests.gitops.initialised import Platform

__all__ = ["Commit", "commits", "unexplained", "weights"]

VALUES = "platform/litellm/values.yaml"

TRAILER = re.compile(r"^Pointsman-Move: (\S+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Commit:
    """One of them."""

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


def commits(platform: Platform, since: str) -> list[Commit]:
    """Those on the platform's branch since then, the oldest first."""
    platform("git", "fetch", "--quiet")
    told = platform("git", "log", "--reverse", "--name-only", "--format=%x1e%an%x1f%B%x1f", f"{since}..origin/main")
    parts = [one.split("\x1f") for one in told.split("\x1e") if one.strip()]
    return [Commit(author, message.strip(), tuple(paths.split())) for author, message, paths in parts]


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
