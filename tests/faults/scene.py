"""A move under way, as those see it who disturb it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pointsman.lab.faults.api import ApiFaults
from tests.conftest import RunningLab

__all__ = ["Scene", "until"]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where it happens, the operator's process, its road to the API server, and the tenants' clock."""

    lab: RunningLab
    process: asyncio.subprocess.Process
    road: ApiFaults | None
    now: Callable[[], float]
    marks: dict[str, float] = field(default_factory=dict)
    """Moments on the tenants' clock, by name."""
    names: dict[str, str] = field(default_factory=dict)
    """What was hurt, for the words that are expected."""


def until(true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Look at the cluster until something holds there."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.2)
