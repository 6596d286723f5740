"""A remote, a clone of it, and a colleague who pushes there too: real git, real hooks, nothing of this machine."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsman.delivery.git import Change, Delivered, Edit, Files, Mark, Mode, Patience, deliver

CONFIG = b"features:\n  gateway: false\n  tracing: false\n\nnodes: 3\n# kept by hand\nregion: north\n"
FILE = "environments/lab/config.yaml"
IDENTITY = """[user]
\tname = Ada Operator
\temail = ada@example.org
[init]
\tdefaultBranch = main
"""
LINE = "Pointsman-Move: m-1 features"


def git(folder: Path, *words: str, given: bytes = b"", check: bool = True) -> str:
    """Run git as a person would; what it says on standard output."""
    found = subprocess.run(("git", "-C", str(folder), *words), input=given, capture_output=True, check=False)
    assert not check or found.returncode == 0, (words, found.stderr.decode())
    return os.fsdecode(found.stdout).rstrip("\n")


async def _no_pause(seconds: float) -> None:
    """Races are made, not waited for."""


QUICK = Patience(seconds=0.0, sleep=_no_pause, chance=lambda: 0.5)


def switched(name: str, word: str = "true") -> Callable[[bytes | None, Files], bytes | None]:
    """An edit that sets one feature, and needs its line to be there."""

    def make(before: bytes | None, files: Files) -> bytes | None:
        assert before is not None
        lines = before.splitlines(keepends=True)
        at = next(at for at, line in enumerate(lines) if line.startswith(f"  {name}:".encode()))
        end = b"\r\n" if lines[at].endswith(b"\r\n") else b"\n"
        lines[at] = f"  {name}: {word}".encode() + end
        return b"".join(lines)

    return make


def change(name: str = "gateway", *, mark: Mark | None = None, **more: object) -> Change:
    """Switch a feature on."""
    edits = (Edit(FILE, switched(name)),)
    given = {"subject": f"Switch {name} on", "body": "The gateway is wanted in the lab.", "edits": edits, **more}
    return Change(mark or Mark("m-1", "features"), **given)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Ground:
    """Where a delivery happens."""

    root: Path
    remote: Path
    clone: Path

    async def deliver(self, asked: Change | None = None, *, folder: Path | None = None, **more: object) -> Delivered:
        """Deliver a change from the clone to main."""
        given = {"remote": "origin", "branch": "main", "patience": QUICK, **more}
        return await deliver(folder or self.clone, asked or change(), **given)  # type: ignore[arg-type]

    async def request(self, asked: Change | None = None) -> Delivered:
        """Deliver it as a pull request."""
        return await self.deliver(asked, mode=Mode.PULL_REQUEST)

    def read(self, path: str = FILE, at: str = "main") -> bytes:
        """A file of the remote."""
        return subprocess.run(
            ("git", "-C", str(self.remote), "cat-file", "blob", f"{at}:{path}"), capture_output=True, check=True
        ).stdout

    def commits(self, line: str = LINE, at: str = "main") -> list[str]:
        """Commits of a branch of the remote that carry a trailer, newest first."""
        return git(self.remote, "log", "--format=%H", "--fixed-strings", f"--grep={line}", at).split()

    def tip(self, branch: str = "main") -> str:
        """The newest commit of a branch of the remote."""
        return git(self.remote, "rev-parse", branch)

    def colleague(self, files: Mapping[str, bytes | None], message: str = "Others' work", branch: str = "main") -> str:
        """Somebody else pushes a commit on the newest one."""
        return commit_on(self.remote, branch, files, message)

    def hook(self, name: str, script: str, folder: Path | None = None) -> Path:
        """A hook of the remote, or of another repository."""
        path = Path(git(folder or self.remote, "rev-parse", "--absolute-git-dir")) / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path


def commit_on(bare: Path, branch: str, files: Mapping[str, bytes | None], message: str) -> str:
    """A commit on a branch of a bare repository, in one call without a work tree."""
    parts = [f"commit refs/heads/{branch}\ncommitter Grace Colleague <grace@example.org> 1790000000 +0200\n".encode()]
    parts.append(f"data {len(message.encode())}\n".encode() + message.encode() + b"\n")
    if git(bare, "for-each-ref", f"refs/heads/{branch}"):
        parts.append(f"from refs/heads/{branch}^0\n".encode())
    for path, content in files.items():
        if content is None:
            parts.append(f"D {path}\n".encode())
        else:
            parts.append(f"M 100644 inline {path}\ndata {len(content)}\n".encode() + content + b"\n")
    git(bare, "fast-import", "--quiet", "--date-format=raw", given=b"".join(parts))
    return git(bare, "rev-parse", branch)


def lay(root: Path) -> Ground:
    """A bare remote with one commit, and a clone of it."""
    remote, clone = root / "remote.git", root / "clone"
    git(root, "init", "-q", "--bare", str(remote))
    commit_on(remote, "main", {FILE: CONFIG, "README.md": b"# Platform\n"}, "The platform")
    git(root, "clone", "-q", str(remote), str(clone))
    return Ground(root, remote, clone)


def untouched(clone: Path) -> dict[str, str]:
    """Everything of a clone that is the user's: each file's digest and mode, git's own folder too.

    Left out are objects, which nobody refers to, and what a push moves by itself: ``refs/remotes``.
    """
    found = {}
    for path in _files(clone):
        name = str(path.relative_to(clone))
        inside = name.rpartition(".git/")[2]
        if inside.startswith(("objects/", "refs/remotes/", "logs/refs/remotes/")):
            continue
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        found[name] = f"{path.lstat().st_mode:o} {hashlib.sha256(content).hexdigest()}"
    return found


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        for name in [*names, *(one for one in folders if (Path(place) / one).is_symlink())]:
            yield Path(place) / name
