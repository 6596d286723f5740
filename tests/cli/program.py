"""The program as a process, for tests of how it starts and how it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cli.cluster import kubeconfig_for
from tests.forked import may_fork, run_forked

__all__ = ["ROOT", "SPEC", "START", "ended", "run", "silent"]

ROOT = Path(__file__).parents[2]
SPEC = str(ROOT / "examples/platform/models/qwen.yaml")
START = (sys.executable, "-c", "from pointsman.cli.main import main; main()")


def run(*words: str, env: dict[str, str] | None = None, shell: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command line to its end; ``shell`` is what a shell does with it, e.g. ``"$@" >&-``."""
    if not shell and may_fork(env or {}):
        return run_forked(words, os.environ | (env or {}), ROOT, 60)
    command = ["sh", "-c", shell, "sh", *START, *words] if shell else [*START, *words]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def silent(folder: Path) -> Iterator[tuple[socket.socket, str]]:
    """An API server that takes calls and never answers, and its kubeconfig."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        config = folder / "kubeconfig"
        config.write_text(kubeconfig_for(server.getsockname()[1]))
        yield server, str(config)


def ended(
    words: Sequence[str], folder: Path, *numbers: signal.Signals, shell: str = 'exec "$@"'
) -> subprocess.CompletedProcess[str]:
    """Run one command line, send it these signals once it waits for the API server, and wait for its end."""
    with silent(folder) as (server, config):
        command = ["sh", "-c", shell, "sh", *START, *words, "--kubeconfig", config]
        with subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            call, _ = server.accept()
            with call:
                for number in numbers:
                    process.send_signal(number)
                out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)
