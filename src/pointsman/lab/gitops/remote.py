"""A bare repository that stands for a git host, protected branches included."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab.gitops import hook

__all__ = ["BRANCH", "check_git", "make", "protect", "protected_as"]

BRANCH = "main"
_SECONDS = 30.0


def make(path: Path) -> None:
    """An empty repository whose pushes to main are answered by ``hook.py``; harmless to repeat."""
    if not (path / "HEAD").exists():
        path.mkdir(parents=True, exist_ok=True)
        _git(path, "init", "--quiet", "--bare", f"--initial-branch={BRANCH}", ".")
    _git(path, "config", "receive.procReceiveRefs", f"refs/heads/{BRANCH}")
    program = path / "hooks" / "proc-receive"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{hook.__file__}"\n', "utf-8")
    program.chmod(0o700)


def protect(path: Path, host: str) -> None:
    """Refuse pushes to main as this host (one of ``hook.HOSTS``) words it; "" lets them through."""
    _git(path, "config", hook.SETTING, host)


def protected_as(path: Path) -> str:
    """The host whose words refuse pushes to main; "" where they are let through."""
    found = _git(path, "config", "--default", "", "--get", hook.SETTING).strip()
    return found if found in hook.HOSTS else ""


def check_git() -> None:
    """Raise LabError where there is no git."""
    if shutil.which("git") is None:
        raise LabError("a lab with --gitops needs git", next_action="install git", code="lab-no-git")


def _git(where: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=where, capture_output=True, text=True, timeout=_SECONDS, check=False)
    if done.returncode:
        raise LabError(
            f"git {words[0]} failed: {done.stderr.strip()}",
            where=str(where),
            next_action="remove the lab with --purge and start it again",
            code="lab-git",
        )
    return done.stdout
