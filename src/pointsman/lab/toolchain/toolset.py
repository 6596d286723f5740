"""What is built together: the programs of one ``go.mod``, and the manifests that go with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsman.lab.progress import Report
from pointsman.lab.toolchain import manifests, pruning
from pointsman.lab.toolchain.golang import Go

__all__ = ["CONTROL_PLANE", "Toolset"]


@dataclass(frozen=True, slots=True)
class Toolset:
    """Programs that are built, kept and thrown away together."""

    folder: str
    """Where its builds lie below the lab's cache."""
    module: Path
    """The folder of its ``go.mod`` and ``go.sum``."""
    renamed: Mapping[str, str]
    """What a program is called, by the name that ``go build`` gives it."""
    collect: Callable[[Go, Path, Report], None]
    """Writes the manifests that go with them into a draft."""
    code: tuple[Path, ...]
    """Our own files that decide what is written."""
    pruned: tuple[pruning.Pruned, ...] = ()
    """Modules that are built without some of their files."""
    room: int = 1_500_000_000
    """Bytes without which a build is not begun."""


CONTROL_PLANE = Toolset(
    "toolchain",
    Path(__file__).parent.parent,
    {"server": "etcd", "manager": "kserve-manager", "llmisvc": "kserve-llmisvc"},
    manifests.collect,
    (Path(manifests.__file__), Path(pruning.__file__), pruning.EVICTED),
    pruning.PRUNED,
)
"""etcd, Kubernetes and KServe: every lab has them."""
