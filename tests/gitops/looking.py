"""Looking at a lab's objects as a person does, until something is so."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import RunningLab

__all__ = ["found"]


def found(lab: RunningLab, kind: str, name: str, namespace: str = "argocd") -> dict[str, Any]:
    """An object; empty when there is none."""
    done = lab.kubectl("get", kind, name, f"--namespace={namespace}", "--output=json", check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {}
