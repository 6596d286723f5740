"""How long a move will take: from the receipts of moves that were made, else from figures that are written down here.

Each figure says where it comes from, so that nobody takes a guess for a measurement.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.move.context import Options

__all__ = ["DEFAULTS", "Prediction", "StepTime", "predict"]

DEFAULTS: Mapping[str, float] = {
    "deploy": 1.0,
    "serve-ready": 120.0,
    "contract": 2.0,
    "shift-10": 15.0,
    "shift-50": 15.0,
    "shift-100": 15.0,
    "detach": 10.0,
    "drain": 5.0,
    "park": 10.0,
}
"""Seconds per step where no move was made yet: the lab's figures, with two minutes for an engine's cold start."""
RECENT = 5
"""Moves that are looked at, the latest first."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """One step's predicted seconds, and why."""

    step: str
    seconds: float
    source: str


@dataclass(frozen=True, slots=True)
class Prediction:
    """A move's predicted time; ``downtime`` is what tenants are without any engine, in seconds."""

    steps: tuple[StepTime, ...]
    downtime: float

    @property
    def seconds(self) -> float:
        """All steps together."""
        return sum(one.seconds for one in self.steps)


def predict(steps: Sequence[str], options: Options, target: str, receipts: Sequence[Mapping[str, Any]]) -> Prediction:
    """The prediction for these steps; ``receipts`` are those of the model's moves, oldest first."""
    done = [one for one in receipts if one["state"] == "done" and one["to"] == target][-RECENT:]
    return Prediction(tuple(_step(step, options, done) for step in steps), downtime=0.0)


def _step(step: str, options: Options, done: Sequence[Mapping[str, Any]]) -> StepTime:
    if step == "hold":
        return StepTime(step, options.hold, "as asked")
    seen = [part["seconds"] for one in done for part in one["steps"] if part["id"] == step]
    if seen:
        return StepTime(step, round(statistics.median(seen), 1), f"median of {len(seen)} moves there")
    return StepTime(step, DEFAULTS.get(step, 0.0), "no move there yet: a default")
