"""A teardown in a process of its own, killed by SIGKILL as soon as it says that a step begins or is done."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["killed_at"]


def killed_at(command: Sequence[str], folder: Path, env: Mapping[str, str], step: str, mark: str = "→") -> None:
    """Run it until it says that a step begins (→) or is done (✓); fails when it ends before that."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = []
        for line in process.stderr:
            said.append(line)
            if f" {mark} {step} " in line:
                process.send_signal(signal.SIGKILL)
                break
        process.stderr.read()
        assert process.wait() == -signal.SIGKILL, "".join(said)
