"""Looking at a lab's objects as a person does, until something is so."""

from __future__ import annotations

from typing import Any

from tests.conftest import RunningLab
from tests.reading import read

__all__ = ["found"]


def found(lab: RunningLab, kind: str, name: str, namespace: str = "argocd") -> dict[str, Any]:
    """An object; empty when there is none."""
    return read(lab.kubeconfig, kind, name, namespace)
