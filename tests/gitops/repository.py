"""A clone of the lab's git repository, as an operator has one."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import RunningLab

__all__ = ["Clone", "clone"]

NAMED = ("-c", "user.name=An Operator", "-c", "user.email=operator@example.com")


@dataclass(frozen=True, slots=True)
class Clone:
    """One worktree on the branch that Argo CD reads."""

    path: Path
    branch: str = "main"

    def git(self, *words: str) -> str:
        """Run git in it; its output."""
        done = subprocess.run(["git", *NAMED, *words], cwd=self.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"git {words[0]}: {done.stderr}"
        return done.stdout.strip()

    def own(self) -> frozenset[str]:
        """Commits that were made here, pushed or not: git keeps a record of what it did."""
        told = self.git("log", "--walk-reflogs", "--format=%H %gs", "HEAD").splitlines()
        return frozenset(one.partition(" ")[0] for one in told if one.partition(" ")[2].startswith("commit"))

    def push(self, files: Mapping[str, str], message: str) -> str:
        """Commit these files and push; the commit."""
        for name, text in files.items():
            target = self.path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")
        self.git("push", "--quiet", "origin", f"HEAD:{self.branch}")
        return self.git("rev-parse", "HEAD")


def clone(lab: RunningLab, folder: Path, branch: str = "main") -> Clone:
    """A new clone in this folder, with nothing in it on another branch than ``main``."""
    subprocess.run(
        ["git", "clone", "--quiet", lab.config.remote.as_uri(), str(folder)], check=True, capture_output=True
    )
    made = Clone(folder, branch)
    if branch != "main":
        made.git("checkout", "--quiet", "--orphan", branch)
        made.git("rm", "-r", "--quiet", "--force", "--ignore-unmatch", ".")
        made.git("commit", "--quiet", "--allow-empty", "--message=Begin")
    return made
