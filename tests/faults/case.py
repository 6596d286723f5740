"""What a fault is: what is done, when, and how a move has to end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import RunningLab
from tests.faults.scene import Scene

__all__ = ["Case", "Moment"]

Act = Callable[[Scene], None]
Mend = Callable[[RunningLab], None]


@dataclass(frozen=True, slots=True)
class Moment:
    """When the program says this, something is done."""

    event: str
    step: str
    """Empty: any."""
    act: Act


@dataclass(frozen=True, slots=True)
class Case:
    """One fault."""

    id: str
    title: str
    engine: Mapping[str, Any] = field(default_factory=dict)
    """Faults of the target's engines, as the simulator knows them."""
    around: Callable[[RunningLab], AbstractContextManager[None]] = lambda lab: nullcontext()
    """What holds for the whole move."""
    moments: tuple[Moment, ...] = ()
    """What is done while it moves, one after the other."""
    image: str = ""
    """Another engine image for the target."""
    exits: tuple[int, ...] = (3,)
    """Exit codes that are right."""
    code: tuple[str, ...] = ()
    """Beginnings of error codes that are right, when the exit code is not 0."""
    says: str = ""
    """Words that the error has to contain; ``{name}`` stands for what the scene calls so."""
    ends: str = "source"
    """Where tenants have to be at the end: source, target, or any (a whole layer, whichever)."""
    loss: str = "none"
    """Whose death takes requests along (``pointsman`` can do nothing for them): see ``tests.faults.losses``."""
    road: float | None = None
    """The share of calls that fail on the road to the API server; None: a straight one."""
    clock: float = 0.0
    """Seconds by which the operator's clock is ahead."""
    release: float = 0.0
    """Seconds the program waits for objects to be gone, where its own five minutes are too long for a test."""
    disk_full: bool = False
    """Can the operator's process write no file, nor its standard output?"""
    words: tuple[str, ...] = ()
    """More words of the command line."""
    mend: Mend | None = None
    """What an operator does before the next command."""
    after: Mapping[int, str] = field(default_factory=lambda: {4: "rollback"})
    """The command that an operator gives next, by exit code."""
