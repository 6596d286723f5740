"""The lab's programs, built once from ``go.mod`` into the user's cache.

A finished build is a directory named after everything that decides its content, with a manifest of its files.
It is made beside its final name and renamed in one step, so a directory that has a manifest is whole; files that
were damaged later no longer match the manifest and the build is done again. One process builds, others wait.
"""

from __future__ import annotations

import errno
import hashlib
import json
import platform
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab import locks
from pointsman.lab.paths import cache_root
from pointsman.lab.progress import Progress, Report, silent
from pointsman.lab.toolchain import manifests
from pointsman.lab.toolchain.build import BUILD_FLAGS, build_tools
from pointsman.lab.toolchain.golang import find_go

__all__ = ["Toolchain", "ensure_toolchain", "toolchain_key"]

_MODULE = Path(__file__).parent.parent
_OWN_CODE = (Path(manifests.__file__),)


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A finished build."""

    directory: Path

    @property
    def bin(self) -> Path:
        """etcd, kube-apiserver, kubectl and the others."""
        return self.directory / "bin"

    @property
    def manifests(self) -> Path:
        """The add-ons' manifests, as their own projects publish them."""
        return self.directory / "manifests"

    @property
    def key(self) -> str:
        """What the build was made of."""
        return self.directory.name

    def tool(self, name: str) -> str:
        """The path of one program."""
        return str(self.bin / name)


def toolchain_key() -> str:
    """A name for everything that decides what a build contains."""
    digest = hashlib.sha256(repr((BUILD_FLAGS, platform.machine())).encode())
    for path in (_MODULE / "go.mod", _MODULE / "go.sum", *_OWN_CODE):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def ensure_toolchain(report: Report = silent) -> Toolchain:
    """The lab's programs, built now if they are not there or not whole."""
    if sys.platform != "linux":
        raise LabError(
            f"the lab runs on Linux only, this is {sys.platform}",
            next_action="use a Linux machine or container, or a cluster of your own (--kubeconfig)",
            code="lab-linux-only",
        )
    folder = cache_root() / "toolchain"
    toolchain = Toolchain(folder / toolchain_key())
    if _is_whole(toolchain.directory):
        return toolchain
    try:
        with locks.hold(folder / f"{toolchain.key}.lock", lambda pid: report(_waits(pid))):
            if not _is_whole(toolchain.directory):
                _make(toolchain.directory, report)
    except OSError as failed:
        raise _storage_error(failed, folder) from failed
    return toolchain


def _waits(pid: int) -> Progress:
    return Progress("toolchain", f"waiting for process {pid}, which is building the lab's tools")


def _make(directory: Path, report: Report) -> None:
    draft = directory.with_suffix(".part")
    for leftover in (draft, directory):
        shutil.rmtree(leftover, ignore_errors=True)
    (draft / "bin").mkdir(parents=True)
    try:
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(_MODULE / name, draft / name)
        go = find_go(_wanted_version(), directory.parent, report)
        build_tools(go, draft, draft / "bin", report)
        manifests.collect(go, draft, report)
        _write_manifest(draft)
        draft.rename(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _wanted_version() -> tuple[int, ...]:
    match = re.search(r"^go (\S+)$", (_MODULE / "go.mod").read_text(), re.MULTILINE)
    assert match
    return tuple(int(part) for part in match[1].split("."))


def _write_manifest(directory: Path) -> None:
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    listed = {str(path.relative_to(directory)): _describe(path) for path in files}
    (directory / "manifest.json").write_text(json.dumps(listed, indent=1))


def _is_whole(directory: Path) -> bool:
    """Whether every listed file is there as it was made. Digests are read only where a file was touched."""
    try:
        listed: dict[str, list[int | str]] = json.loads((directory / "manifest.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(listed) and all(_matches(directory / name, noted) for name, noted in listed.items())


def _matches(path: Path, noted: list[int | str]) -> bool:
    try:
        found = path.stat()
        return found.st_size == noted[0] and (found.st_mtime_ns == noted[1] or _digest(path) == noted[2])
    except OSError:
        return False


def _describe(path: Path) -> list[int | str]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, _digest(path)]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _storage_error(failed: OSError, folder: Path) -> LabError:
    if failed.errno == errno.ENOSPC:
        return LabError(
            "the disk is full while building the lab's tools",
            where=str(folder),
            next_action="make room, or point POINTSMAN_CACHE at another disk",
            code="lab-disk-full",
        )
    return LabError(
        f"the lab's cache cannot be used: {failed}",
        where=str(folder),
        next_action="point POINTSMAN_CACHE at a directory you can write to",
        code="lab-cache",
    )
