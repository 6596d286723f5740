"""The lab's programs, built once from a ``go.mod`` into the user's cache: one build for each toolset.

A finished build is a directory named after everything that decides its content. It is made beside its final name,
sealed and renamed in one step; what was interrupted or damaged later is built again. One process builds, others wait.
"""

from __future__ import annotations

import hashlib
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
from pointsman.lab.retention import forget_old, use
from pointsman.lab.storage import storage_errors
from pointsman.lab.toolchain.build import BUILD_FLAGS, build_tools, refuse_full_disk
from pointsman.lab.toolchain.golang import find_go
from pointsman.lab.toolchain.pruning import forget_copies, prune
from pointsman.lab.toolchain.toolset import CONTROL_PLANE, Toolset
from pointsman.lab.wholeness import is_whole, seal

__all__ = ["Toolchain", "ensure_toolchain", "is_built", "toolchain_key"]


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


def toolchain_key(of: Toolset = CONTROL_PLANE) -> str:
    """A name for everything that decides what a build contains."""
    digest = hashlib.sha256(repr((BUILD_FLAGS, platform.machine())).encode())
    for path in (of.module / "go.mod", of.module / "go.sum", *of.code):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def is_built(of: Toolset = CONTROL_PLANE) -> bool:
    """Are the programs there already?"""
    return is_whole(cache_root() / of.folder / toolchain_key(of))


def ensure_toolchain(report: Report = silent, of: Toolset = CONTROL_PLANE) -> Toolchain:
    """The lab's programs, built now if they are not there or not whole."""
    if sys.platform != "linux":
        raise LabError(
            f"the lab runs on Linux only, this is {sys.platform}",
            next_action="use a Linux machine or container, or a cluster of your own (--kubeconfig)",
            code="lab-linux-only",
        )
    folder = cache_root() / of.folder
    toolchain = Toolchain(folder / toolchain_key(of))
    use(toolchain.directory)
    if is_whole(toolchain.directory):
        return toolchain
    with (
        storage_errors(folder, "POINTSMAN_CACHE"),
        locks.hold(folder / f"{toolchain.key}.lock", lambda pid: report(_waits(pid))),
    ):
        if not is_whole(toolchain.directory):
            _make(of, toolchain.directory, report)
            forget_old(folder, toolchain.directory)
    return toolchain


def _waits(pid: int) -> Progress:
    return Progress("toolchain", f"waiting for process {pid}, which is building the lab's tools")


def _make(of: Toolset, directory: Path, report: Report) -> None:
    draft = directory.with_suffix(".part")
    for leftover in (draft, directory):
        shutil.rmtree(leftover, ignore_errors=True)
    (draft / "bin").mkdir(parents=True)
    try:
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(of.module / name, draft / name)
        refuse_full_disk(draft, of.room)
        go = find_go(_wanted_version(of), cache_root() / CONTROL_PLANE.folder, report)
        prune(go, draft, of.pruned, report)
        build_tools(go, draft, of.renamed, report)
        of.collect(go, draft, report)
        forget_copies(draft)
        seal(draft)
        draft.rename(directory)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _wanted_version(of: Toolset) -> tuple[int, ...]:
    match = re.search(r"^go (\S+)$", (of.module / "go.mod").read_text(), re.MULTILINE)
    assert match
    return tuple(int(part) for part in match[1].split("."))
