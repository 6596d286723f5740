"""helm and kustomize, as Argo CD in the lab renders with them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.lab.gitops.toolset import ARGO_CD
from pointsman.lab.paths import cache_root
from pointsman.lab.toolchain import toolchain_key
from pointsman.lab.wholeness import is_whole

__all__ = ["charted", "kustomized"]


def _tool(name: str) -> str:
    build = cache_root() / ARGO_CD.folder / toolchain_key(ARGO_CD)
    if not is_whole(build):
        pytest.skip(f"{name} is not built here; pointsman lab up --gitops builds it")
    return str(build / "bin" / name)


def _drawn(*words: str) -> list[dict[str, Any]]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def kustomized(folder: Path) -> list[dict[str, Any]]:
    """What Argo CD would apply of a kustomize folder."""
    return _drawn(_tool("kustomize"), "build", str(folder))


def charted(root: Path, namespace: str, *more: str) -> list[dict[str, Any]]:
    """What Argo CD would apply of the edge's chart, with the values that people edit."""
    words = ("template", "litellm", str(root / "charts/litellm"), "--namespace", namespace)
    return _drawn(_tool("helm"), *words, "--values", str(root / "platform/litellm/values.yaml"), *more)
