"""Accelerators and their memory: what ``nvidia-smi`` reports as ``memory.total``, in MiB.

Makers quote round numbers of another unit (an "80 GB" H100 has 79.6 GiB), and an engine counts what the driver says, so
the driver's number stands here. A GPU that is missing is given by ``--gpu-memory``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.errors import UsageError

__all__ = ["AS_OF", "GPUS", "Gpu", "gpu_called", "gpu_in", "gpu_of_labels"]

AS_OF = "2026-11"
"""When the table was last looked over."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind."""

    name: str
    mib: int
    """``memory.total``."""
    source: str
    """Who reported it."""

    @property
    def bytes(self) -> int:
        """The same in bytes."""
        return self.mib << 20


_MODAL = "nvidia-smi, reported in modal-labs/modal-client PR 2797 (2025-01)"
GPUS: tuple[Gpu, ...] = (
    Gpu("T4", 15360, _MODAL),
    Gpu("A10", 23028, _MODAL),
    Gpu("L4", 23034, _MODAL),
    Gpu("RTX-4090", 24564, "nvidia-smi, reported in vllm-project/vllm issue 7768 (2024-08)"),
    Gpu("A100-40GB", 40960, _MODAL),
    Gpu("L40S", 46068, _MODAL),
    Gpu("H100-80GB", 81559, _MODAL),
    Gpu("A100-80GB", 81920, _MODAL),
    Gpu("H200", 143771, "nvidia-smi of driver 570, in several public logs (2025)"),
    Gpu("B200", 183359, "nvidia-smi of driver 570, in several public logs (2025)"),
)
"""By memory."""

_LABELS = ("nvidia.com/gpu.product", "cloud.google.com/gke-accelerator", "karpenter.k8s.aws/instance-gpu-name")
"""Labels of nodes that name a GPU, as a node selector may have them, too."""
_SLICED = {"mig", "shared", "vgpu"}


def gpu_called(name: str) -> Gpu:
    """The one called so on the command line; raises UsageError naming the known ones."""
    found = gpu_in(name)
    if found is None:
        known = ", ".join(one.name for one in GPUS)
        raise UsageError(
            f"no one GPU is known by {name[:40]!r}",
            next_action=f"use one of {known}, or say its memory: --gpu-memory 48",
            code="gpu-unknown",
        )
    return found


def gpu_in(text: str) -> Gpu | None:
    """The one that a product's name means (``NVIDIA-A100-SXM4-80GB``); None for none, several, or a slice of one."""
    words = set(re.split(r"[^a-z0-9]+", text.lower()))
    if words & _SLICED:
        return None
    fitting = [one for one in GPUS if set(one.name.lower().split("-")) <= words]
    if not fitting:
        fitting = [one for one in GPUS if one.name.lower().split("-")[0] in words - {"rtx"}]
    return fitting[0] if len(fitting) == 1 else None


def gpu_of_labels(labels: Mapping[str, str]) -> tuple[Gpu, str] | None:
    """The one that a node's labels, or a selector of nodes, name; with the label. GPU feature discovery says MiB."""
    for label in _LABELS:
        found = gpu_in(labels.get(label, ""))
        if found is not None:
            said = labels.get("nvidia.com/gpu.memory", "")
            exact = int(said) if said.isdigit() else found.mib
            return Gpu(found.name, exact, f"the label nvidia.com/gpu.memory={said}") if exact != found.mib else found, (
                f"{label}={labels[label]}"
            )
    return None
