"""Packages built from fewer of their files, so that what only the others need is never compiled.

Go compiles what is imported, used or not. Where the programs use nothing of a file, the build takes a copy of its
module without it: symbolic links into the module cache, real folders only on the way to that package. Nothing is
changed, only left out; a file that is needed after all ends the build with its name, not the lab with a surprise.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pointsman.lab.progress import Report
from pointsman.lab.toolchain.build import fetch_module, replace_module
from pointsman.lab.toolchain.golang import Go

__all__ = ["KSERVE_DOWNLOADERS", "Pruned", "forget_copies", "prune"]


@dataclass(frozen=True, slots=True)
class Pruned:
    """One package of one module."""

    module: str
    package: str
    """Its folder, below the module's."""
    kept: tuple[str, ...]
    """The files that stay."""


KSERVE_DOWNLOADERS = Pruned("github.com/kserve/kserve", "pkg/agent/storage", ("provider.go",))
"""KServe's types take the list of URI schemes from there. Beside it lie the agent's downloaders, which no controller
calls; with them come the SDKs of three clouds, 382 of 3,251 packages."""


def prune(go: Go, draft: Path, packages: Sequence[Pruned], report: Report) -> None:
    """Let ``draft/go.mod`` take these packages' modules from copies that lack the other files."""
    for number, pruned in enumerate(packages):
        copy = _folder(draft) / str(number)
        parts = PurePosixPath(pruned.package).parts
        _graft(fetch_module(go, draft, pruned.module, report), copy, parts, pruned.kept)
        replace_module(go, draft, pruned.module, copy)


def forget_copies(draft: Path) -> None:
    """Remove the copies: a finished build needs no module cache."""
    shutil.rmtree(_folder(draft), ignore_errors=True)


def _folder(draft: Path) -> Path:
    return draft / "pruned"


def _graft(source: Path, copy: Path, way: Sequence[str], kept: Sequence[str]) -> None:
    copy.mkdir(parents=True)
    for entry in source.iterdir():
        if not way:
            if entry.name in kept:
                shutil.copyfile(entry, copy / entry.name)
        elif entry.name == way[0]:
            _graft(entry, copy / entry.name, way[1:], kept)
        else:
            (copy / entry.name).symlink_to(entry)
