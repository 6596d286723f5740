"""Folders that ``pointsman init`` wrote into, and how it answered."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.docs.schemas.holding import held

__all__ = ["files", "git", "refused", "written"]


def written(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What it says it wrote."""
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    held("init", found)
    return found


def refused(done: subprocess.CompletedProcess[str], code: str, exit_code: int) -> str:
    """What it said when it refused, by this code."""
    assert (done.returncode, f"error [{code}]" in done.stderr) == (exit_code, True), done.stderr
    return done.stderr


def files(folder: Path) -> set[str]:
    """Every file and folder below it."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def git(folder: Path, *words: str) -> None:
    """Run git there."""
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)
