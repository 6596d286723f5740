"""How long a move will take: from the receipts of moves that were made, else from figures that are written down here.

Each figure says where it comes from, so that nobody takes a guess for a measurement.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointsman.kube.resources import kind_of
from pointsman.move.context import Context
from pointsman.move.judging.evidence import limits_of
from pointsman.move.plan.strategy import Choice
from pointsman.move.plan.verdict import pace_of
from pointsman.report.counting import count_of

__all__ = ["DEFAULTS", "Engines", "Prediction", "StepTime", "engines_of", "predict"]

DEFAULTS: Mapping[str, float] = {
    "reference": 0.5,
    "close": 10.0,
    "deploy": 1.0,
    "serve-ready": 120.0,
    "contract": 2.0,
    "shift": 20.0,
    "target": 120.0,
    "source": 10.0,
    "open": 10.0,
    "detach": 10.0,
    "drain": 5.0,
    "release": 10.0,
    "park": 10.0,
    "settle": 0.2,
}
"""Seconds per kind of step where no move was made yet: the lab's figures, with two minutes for a cold start."""
STARTS = ("serve-ready", "target")
"""Kinds of steps that are a cold start of an engine, before all else."""
RECENT = 5
"""Moves that are looked at, the latest first."""
ANYWHERE = ("deploy", "serve-ready", "contract")
"""Steps that take as long in a gap as beside a source; a drain, say, does not: there the edge is rolled already."""
WITHOUT = ("drain", "release", "deploy", "serve-ready", "contract", "open")
"""Steps of a gap during which tenants have no engine."""


BESIDE = 3.0
"""Seconds of a shift beside its verdict: the edge takes the new weights."""


@dataclass(frozen=True, slots=True)
class Engines:
    """What the source's engines show of how long things take. Seconds."""

    started: float | None = None
    """From a pod's start until its engine was ready; None where that is not known."""
    judged: float | None = None
    """Of a shift's verdict, by how fast they answer; None as well."""


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
    downtime_source: str

    @property
    def seconds(self) -> float:
        """All steps together."""
        return sum(one.seconds for one in self.steps)

    def between(self, first: str, last: str) -> float:
        """Seconds from the beginning of one step to the end of another; 0 where they do not come in this order."""
        ids = [one.step for one in self.steps]
        if first not in ids or last not in ids:
            return 0.0
        return sum(one.seconds for one in self.steps[ids.index(first) : ids.index(last) + 1])


def predict(
    steps: Sequence[str], choice: Choice, target: str, receipts: Sequence[Mapping[str, Any]], engines: Engines
) -> Prediction:
    """The prediction for these steps; ``receipts`` are those of the model's moves, oldest first."""
    done = [one for one in receipts if one["state"] == "done" and one["to"] == target][-RECENT:]
    found = tuple(_step(step, choice, done, engines) for step in steps)
    if choice.strategy != "gap":
        return Prediction(found, 0.0, "one side always serves")
    measured = [one["downtime"]["measuredSeconds"] for one in done if one["downtime"]["measuredSeconds"]]
    if measured:
        return Prediction(found, round(statistics.median(measured), 1), f"median of {len(measured)} gaps there")
    return Prediction(found, sum(one.seconds for one in found if one.step in WITHOUT), f"steps {', '.join(WITHOUT)}")


def _alone(strategy: str) -> bool:
    return strategy == "gap"


async def engines_of(context: Context) -> Engines:
    """What the source's engines show now."""
    limits = limits_of(context.model)
    started, pace = await asyncio.gather(_cold_start(context), pace_of(context))
    return Engines(started, pace.verdict(limits) if pace.requests else None)


async def _cold_start(context: Context) -> float | None:
    """Seconds from a pod's start until its engine was ready, as the source's pods show it; None when they do not."""
    serving = context.source.engines(context.model)[0]
    pods = await context.cluster.list(kind_of("Pod"), serving.namespace, serving.labels)
    times = [one for pod in pods if (one := _took(pod.get("status") or {})) is not None]
    return statistics.median(times) if times else None


def _took(status: Mapping[str, Any]) -> float | None:
    """Only of a pod whose engine never restarted: later its condition tells of another start."""
    ready = [one for one in status.get("conditions") or [] if one["type"] == "Ready" and one["status"] == "True"]
    restarted = any(one.get("restartCount") for one in status.get("containerStatuses") or [])
    if restarted or not ready or not ready[0].get("lastTransitionTime") or not status.get("startTime"):
        return None
    began, ended = (datetime.fromisoformat(one) for one in (status["startTime"], ready[0]["lastTransitionTime"]))
    return max(0.0, (ended - began).total_seconds())


def _step(step: str, choice: Choice, done: Sequence[Mapping[str, Any]], engines: Engines) -> StepTime:
    if step.endswith("hold"):
        return StepTime(step, choice.options.hold, "as asked")
    alike = [one for one in done if step in ANYWHERE or _alone(one["strategy"]) == _alone(choice.strategy)]
    seen = [part["seconds"] for one in alike for part in one["steps"] if part["id"] == step]
    if seen:
        return StepTime(step, round(statistics.median(seen), 1), f"median of {count_of(len(seen), 'move')} there")
    plain = step.removeprefix("bridge.")
    kind = plain if plain in DEFAULTS else plain.rsplit("-", 1)[0]
    if kind in STARTS and engines.started is not None:
        return StepTime(step, round(engines.started + 1.0, 1), "no move there yet: as the source's engine started")
    if kind == "shift" and engines.judged is not None:
        return StepTime(step, round(engines.judged + BESIDE, 1), "no move there yet: as the source's engine answers")
    return StepTime(step, DEFAULTS.get(kind, 0.0), "no move there yet: a default")
