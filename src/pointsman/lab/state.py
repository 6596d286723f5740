"""What the supervisor tells others: one small JSON file, replaced whole at every change.

Whether the supervisor lives is not in the file: a dead one cannot say so. That is told by the lock it holds.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from pointsman.lab import locks
from pointsman.lab.config import LabConfig

__all__ = ["Phase", "ProcessState", "State", "lock_path", "read_state", "supervisor_pid", "write_state"]

Phase = Literal["starting", "ready", "stopping", "failed", "stopped"]


class ProcessState(BaseModel):
    """One process as the supervisor sees it."""

    model_config = ConfigDict(frozen=True)

    name: str
    pid: int | None
    ready: bool
    restarts: int
    port: int | None


class State(BaseModel):
    """The lab as its supervisor sees it."""

    model_config = ConfigDict(frozen=True)

    phase: Phase
    processes: tuple[ProcessState, ...] = ()
    error: dict[str, str] = {}


def lock_path(config: LabConfig) -> Path:
    """The file that the supervisor keeps locked while it lives."""
    return config.run / "supervisor.lock"


def supervisor_pid(config: LabConfig) -> int | None:
    """The living supervisor, or None."""
    return locks.holder(lock_path(config))


def write_state(config: LabConfig, state: State) -> None:
    """Replace the file."""
    draft = config.run / f".state.{os.getpid()}"
    draft.write_text(state.model_dump_json())
    draft.replace(config.run / "state.json")


def read_state(config: LabConfig) -> State | None:
    """The last state written, or None."""
    with contextlib.suppress(OSError, ValidationError):
        return State.model_validate_json((config.run / "state.json").read_bytes())
    return None
