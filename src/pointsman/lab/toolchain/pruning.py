"""Packages built without some of their files, so that what only those need is never compiled.

Go compiles what is imported, used or not. Where the programs use nothing of a file, the build takes a copy of its
module without it: symbolic links into the module cache, real folders only on the way to the package. What the programs
run is what their projects wrote; a file that is needed after all ends the build with its name, not the lab with a
surprise. One package is put in place of another: of a whole kubelet one function is called, and stays.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from pointsman.lab.progress import Report
from pointsman.lab.toolchain.build import fetch_module, replace_module
from pointsman.lab.toolchain.golang import Go

__all__ = ["EVICTED", "PRUNED", "Pruned", "forget_copies", "prune"]


@dataclass(frozen=True, slots=True)
class Pruned:
    """What is left out of one module."""

    module: str
    left_out: Mapping[str, Sequence[str]]
    """Patterns of files, by the package's folder below the module's."""
    added: Mapping[str, Path] = field(default_factory=dict)
    """A file of ours, by the package's folder."""


EVICTED = Path(__file__).with_name("evicted.go")
_EVICTION = "pkg/kubelet/eviction"
PRUNED = (
    # Its types take a list of URI schemes from there; the rest is its agent's downloaders, with three clouds' SDKs.
    Pruned("github.com/kserve/kserve", {"pkg/agent/storage": ("azure.go", "gcs.go", "https.go", "s3.go", "utils.go")}),
    # Helpers for tests of theirs, which need every fake client there is.
    Pruned("k8s.io/apiserver", {"pkg/admission/plugin/policy/generic": ("policy_test_context.go",)}),
    Pruned(
        "k8s.io/kubernetes",
        {"pkg/scheduler/backend/queue": ("testing.go",), _EVICTION: ("*.go",)},
        {_EVICTION: EVICTED},
    ),
)
"""554 of 3,251 packages are needed by these files alone."""


def prune(go: Go, draft: Path, modules: Sequence[Pruned], report: Report) -> None:
    """Let ``draft/go.mod`` take these modules from copies that lack the files."""
    for number, pruned in enumerate(modules):
        copy = _folder(draft) / str(number)
        _graft(fetch_module(go, draft, pruned.module, report), copy, pruned, PurePosixPath())
        replace_module(go, draft, pruned.module, copy)


def forget_copies(draft: Path) -> None:
    """Remove the copies: a finished build needs no module cache."""
    shutil.rmtree(_folder(draft), ignore_errors=True)


def _folder(draft: Path) -> Path:
    return draft / "pruned"


def _graft(source: Path, copy: Path, pruned: Pruned, here: PurePosixPath) -> None:
    copy.mkdir(parents=True)
    patterns = pruned.left_out.get(str(here), ())
    for entry in source.iterdir():
        place = here / entry.name
        if any(PurePosixPath(package).is_relative_to(place) for package in pruned.left_out):
            _graft(entry, copy / entry.name, pruned, place)
        elif not any(fnmatch(entry.name, pattern) for pattern in patterns):
            (copy / entry.name).symlink_to(entry)
    if added := pruned.added.get(str(here)):
        shutil.copyfile(added, copy / added.name)
