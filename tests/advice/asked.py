"""``pick`` and ``compare`` as a user runs them, on files of a folder."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from pointsman.cli.entry import run
from tests.advice.cases import CASES, Case
from tests.docs.schemas.holding import held

__all__ = ["asked", "case", "run_in", "said"]


def run_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """One command line in this very process; nothing that lies in this machine's cache of the hub is seen."""
    out, err = io.StringIO(), io.StringIO()
    before = dict(os.environ)
    os.environ |= {"HF_HOME": str(folder / "hub"), "HF_HUB_CACHE": ""}
    try:
        with contextlib.chdir(folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words)
    finally:
        os.environ.clear()
        os.environ |= before
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def case(name: str) -> Case:
    """One of the twelve."""
    return next(one for one in CASES if one.name == name)


def asked(folder: Path, about: Case, *words: str) -> tuple[int, Any]:
    """The exit code, and what is said as JSON."""
    done = run_in(folder, *about.write(folder), *words, "--output", "json")
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    held("pick", found)
    return done.returncode, found


def said(folder: Path, about: Case, *words: str) -> Any:
    """What is said, whatever the exit code."""
    return asked(folder, about, *words)[1]
