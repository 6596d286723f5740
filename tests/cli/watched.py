"""A view with ``--watch`` in a pipe, and its end by ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.cluster import ReadOnlyCluster, serving
from tests.cli.program import ROOT, START

__all__ = ["ended", "watching"]


@contextmanager
def watching(view: str, made: ReadOnlyCluster, folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The view of this cluster, run in ``folder``."""
    with serving(made, folder) as kubeconfig:
        process = subprocess.Popen(
            [*START, view, "--watch", "--kubeconfig", str(kubeconfig), *words],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What came after ctrl-C, which is no error."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out, err
