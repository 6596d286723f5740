"""Trees as git keeps them: which paths may be written, what stands there, and a new tree with some files changed.

Bytes are stored as they are given: no attribute, no ``core.autocrlf`` and no filter touches them. The new tree is made
in an index of its own, in a folder of its own; the user's index is never opened.
"""

from __future__ import annotations

import fnmatch
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pointsman.delivery.git.changes import Made
from pointsman.delivery.git.program import Git
from pointsman.errors import RefusedError

__all__ = ["Entry", "Tree", "entry_to_write", "file_at", "read_tree", "temporary_index", "write_tree"]

PLAIN = "100644"
_KINDS = {"120000": "a symbolic link", "160000": "a submodule"}
_STILL = ("-c", "core.splitIndex=false", "-c", "index.sparse=false", "-c", "core.fsmonitor=false")
"""Settings of a user's index that would write beside it, or leave files out of ours."""
_STILL_TOO = ("-c", "core.untrackedCache=false")


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of a tree."""

    mode: str
    object: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a commit."""

    git: Git
    commit: str
    entries: Mapping[str, Entry]

    def matching(self, patterns: Iterable[str]) -> list[str]:
        """Paths of ordinary files that one of the patterns means."""
        files = [path for path, entry in self.entries.items() if entry.mode not in _KINDS]
        wanted = tuple(patterns)
        return [path for path in files if any(path == one or fnmatch.fnmatchcase(path, one) for one in wanted)]

    async def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The bytes of these files; those that are not there are missing."""
        wanted = [path for path in dict.fromkeys(paths) if path in self.entries]
        if not wanted:
            return {}
        asked = "".join(f"{self.entries[path].object}\n" for path in wanted).encode()
        answer = await self.git.answer("cat-file", "--batch", given=asked)
        return dict(zip(wanted, _blobs(answer), strict=True))


async def read_tree(git: Git, commit: str) -> Tree:
    """All files of a commit, with their modes."""
    lines = (await git.answer("ls-tree", "-r", "-z", "--full-tree", commit)).split(b"\0")
    found = {}
    for line in lines:
        head, _, path = line.partition(b"\t")
        if path:
            mode, _, name = head.decode().split(" ")
            found[os.fsdecode(path)] = Entry(mode, name)
    return Tree(git, commit, found)


async def file_at(git: Git, commit: str, path: str) -> bytes | None:
    """One file's bytes in a commit; None when there is no file of that name."""
    answer = await git.answer("cat-file", "--batch", given=os.fsencode(f"{commit}:{path}\n"))
    head = answer.partition(b"\n")[0]
    return next(_blobs(answer)) if re.fullmatch(rb"[0-9a-f]+ blob \d+", head) else None


def _blobs(answer: bytes) -> Iterator[bytes]:
    """What ``cat-file --batch`` answered: a line that ends with the size, the bytes, a line end."""
    at = 0
    while at < len(answer):
        end = answer.index(b"\n", at)
        size = int(answer[at:end].rsplit(b" ", 1)[1])
        yield answer[end + 1 : end + 1 + size]
        at = end + 2 + size


def entry_to_write(path: str, entries: Mapping[str, Entry]) -> str:
    """The mode a file is written with there, which is the one it has; raises RefusedError when it may not be."""
    parts = path.split("/")
    if why := _outside(path, parts):
        raise _refused(path, f"the path {why}")
    for parent in (str(one) for one in list(PurePosixPath(path).parents)[:-1]):
        if parent in entries:
            raise _refused(path, f"{parent} is {_KINDS.get(entries[parent].mode, 'a file')}, not a folder")
    if path not in entries:
        if any(one.startswith(f"{path}/") for one in entries):
            raise _refused(path, "it is a folder")
        return PLAIN
    mode = entries[path].mode
    if mode in _KINDS:
        raise _refused(path, f"it is {_KINDS[mode]}, not a file")
    return mode


def _outside(path: str, parts: Sequence[str]) -> str:
    if path.startswith("/") or ".." in parts:
        return "leads out of the repository"
    if not path.isprintable() or "\\" in path:
        return "holds a character that no path of a declaration has"
    if any(part in ("", ".") for part in parts):
        return "is not written from the repository's root on"
    return "leads into git's own folder" if any(part.lower() == ".git" for part in parts) else ""


def _refused(path: str, why: str) -> RefusedError:
    return RefusedError(
        f"it cannot be written: {why}",
        where=path or "an empty path",
        next_action="name an ordinary file of the repository itself",
        code="git-path",
    )


@contextmanager
def temporary_index() -> Iterator[dict[str, str]]:
    """The environment in which git has an index of ours, which is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="pointsman-index-") as folder:
        yield {"GIT_INDEX_FILE": str(Path(folder) / "index")}


async def write_tree(
    git: Git, base: Tree, files: Mapping[str, Made], modes: Mapping[str, str], index: Mapping[str, str]
) -> str:
    """The id of a tree: the base's, with these files put or taken away."""
    lines = []
    for path, content in files.items():
        if content is None:
            lines.append(f"0 {'0' * len(base.commit)}\t{path}\0")
        else:
            name = (await git.answer("hash-object", "-w", "--stdin", given=content)).decode().strip()
            lines.append(f"{modes[path]} {name}\t{path}\0")
    await git.answer(*_STILL, *_STILL_TOO, "read-tree", base.commit, env=index)
    given = os.fsencode("".join(lines))
    await git.answer(*_STILL, *_STILL_TOO, "update-index", "-z", "--index-info", given=given, env=index)
    return await git.text(*_STILL, *_STILL_TOO, "write-tree", env=index)
