"""What an engine counted: requests running, waiting and finished, as vLLM's own metrics say.

A metric that is missing is not zero. ``None`` stands for "the engine did not say", and whoever decides by these
numbers takes it for busy.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.errors import ClusterError
from pointsman.move.analysis.samples import Histogram
from pointsman.move.boundary import Cluster
from pointsman.move.probes.pods import EnginePod

__all__ = [
    "NOT_ANSWERED",
    "Counters",
    "Reading",
    "more",
    "parse",
    "read_all",
    "readings_data",
    "total",
    "unfinished",
    "whole",
]

_LABEL = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)="((?:[^"\\]|\\.)*)"')

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"
NOT_ANSWERED = frozenset({"abort", "error"})
"""Reasons for which a request ends without a whole answer, as vLLM names them: the engine gave it up. For one whose
client left, vLLM 0.32 counts no reason at all, and an answer 2xx (measured: ``docs/real-engines.md``)."""
NO_QUESTIONS = ("/render", "/derender", "/count_tokens", "_lora_adapter", "}", "/cancel")
"""How paths end at which vLLM 0.32 answers on ``/v1`` without a request to the model."""
FINISHED, HTTP = "vllm:request_success_total", "http_requests_total"
TTFT = "vllm:time_to_first_token_seconds"
ITL = ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")
"""Newer and older name; an engine that has both counts the same twice, so the first one counts."""
GENERATED = "vllm:request_generation_tokens"
_HISTOGRAMS = frozenset(f"{name}_{part}" for name in (TTFT, *ITL, GENERATED) for part in ("bucket", "sum"))
_NAMES = "|".join(sorted((RUNNING, WAITING, FINISHED, HTTP, *_HISTOGRAMS)))
_SAMPLE = re.compile(rf"^({_NAMES})(?:\{{(.*)\}})?[ \t]+(\S+)", re.MULTILINE)
"""A line with a number that is read here: one of some fifty in an engine's text."""


@dataclass(frozen=True, slots=True)
class Counters:
    """One engine's numbers at one moment."""

    running: float | None
    waiting: float | None
    finished: Mapping[str, float]
    """Requests that ended, by ``finished_reason``."""
    answered: Mapping[str, float]
    """HTTP answers on ``/v1``, by status class (``2xx``)."""
    ttft: Histogram | None = None
    """Seconds to the first token."""
    itl: Histogram | None = None
    """Seconds between tokens."""
    generated: Histogram | None = None
    """Tokens of each answer."""

    @property
    def idle(self) -> bool:
        """Nothing runs and nothing waits, and the engine says so."""
        return self.running == 0 and self.waiting == 0

    @property
    def under_way(self) -> float:
        """Requests running or waiting, as far as the engine says."""
        return (self.running or 0.0) + (self.waiting or 0.0)

    @property
    def ended(self) -> float:
        """Requests that ended, those that were left among them."""
        return whole(self.finished) + unfinished(self.finished, self.answered)

    @property
    def work(self) -> tuple[float, float]:
        """Two sums that only grow: if they stood still, nothing came and nothing ended."""
        return sum(self.finished.values()), sum(self.answered.values())

    @property
    def longest(self) -> int:
        """Tokens that none of its answers exceeded, as closely as its buckets tell; 0: it does not say."""
        shape = self.generated.cumulative if self.generated and self.generated.count else {}
        finite = sorted(bound for bound in shape if bound < math.inf)
        return round(next((bound for bound in finite if shape[bound] == shape[math.inf]), finite[-1])) if finite else 0

    @property
    def broken(self) -> float:
        """Answers that were the engine's fault."""
        return self.answered.get("5xx", 0.0)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pod said; ``counters`` is None when it said nothing, and ``why`` tells."""

    pod: str
    role: str
    counters: Counters | None
    why: str = ""


def more(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """By how much each count has grown."""
    return {name: count - before.get(name, 0.0) for name, count in after.items()}


def whole(finished: Mapping[str, float]) -> float:
    """Requests that ended with a whole answer."""
    return sum(count for reason, count in finished.items() if reason not in NOT_ANSWERED)


def unfinished(finished: Mapping[str, float], answered: Mapping[str, float]) -> float:
    """Requests without a whole answer, of what an engine counted more: given up by it, or left by who had asked.

    The second are answers 2xx that no finished request stands for. An engine that counts those as aborted, too, says
    the same twice, so the larger number counts; those that it answered 5xx are not among the 2xx. One request that is
    several to the engine (``n``, a list of prompts) hides others. What is answered at the very moment of a reading may
    be in one count and not yet in the other.
    """
    given_up = sum(count for reason, count in finished.items() if reason in NOT_ANSWERED)
    refused = min(finished.get("error", 0.0), answered.get("5xx", 0.0))
    return max(given_up - refused, answered.get("2xx", 0.0) - whole(finished), 0.0) + refused


def parse(text: str) -> Counters:
    """The numbers in Prometheus text."""
    running: float | None = None
    waiting: float | None = None
    finished: dict[str, float] = {}
    answered: dict[str, float] = {}
    shapes: dict[str, dict[float, float]] = {}
    for name, labels, value in _samples(text):
        if name == RUNNING:
            running = (running or 0.0) + value
        elif name == WAITING:
            waiting = (waiting or 0.0) + value
        elif name == FINISHED:
            reason = labels.get("finished_reason", "")
            finished[reason] = finished.get(reason, 0.0) + value
        elif name == HTTP and _asks(labels.get("handler", "/v1")):
            status = _status_class(labels.get("status", ""))
            answered[status] = answered.get(status, 0.0) + value
        else:
            bound = float(labels.get("le", "nan"))
            shape = shapes.setdefault(name, {})
            shape[bound] = shape.get(bound, 0.0) + value
    itl = next((one for one in ITL if f"{one}_bucket" in shapes), ITL[0])
    times = _histogram(shapes, TTFT), _histogram(shapes, itl)
    return Counters(running, waiting, finished, answered, *times, _histogram(shapes, GENERATED))


def _asks(handler: str) -> bool:
    """Is it a question to the model? A monitor that lists models is no tenant."""
    return handler.startswith("/v1") and handler != "/v1/models" and not handler.endswith(NO_QUESTIONS)


def _histogram(shapes: Mapping[str, Mapping[float, float]], name: str) -> Histogram | None:
    """Over all label sets; None when the engine has no such metric."""
    buckets = shapes.get(f"{name}_bucket")
    if not buckets or math.inf not in buckets:
        return None
    return Histogram(buckets, sum(shapes.get(f"{name}_sum", {}).values()))


def _samples(text: str) -> Iterable[tuple[str, dict[str, str], float]]:
    for name, labels, value in _SAMPLE.findall(text):
        yield name, dict(_LABEL.findall(labels)), float(value)


def _status_class(status: str) -> str:
    return f"{status[0]}xx" if len(status) == 3 and status[0].isdigit() else status


async def read(cluster: Cluster, pod: EnginePod) -> Reading:
    """One pod's numbers, through the API server."""
    try:
        answer = await cluster.proxy_get(pod.namespace, pod.name, pod.port, "/metrics")
    except ClusterError as error:
        return Reading(pod.name, pod.role, None, error.what)
    if answer.status != 200:
        return Reading(pod.name, pod.role, None, f"/metrics answers {answer.status}")
    try:
        return Reading(pod.name, pod.role, parse(answer.text))
    except ValueError as error:
        return Reading(pod.name, pod.role, None, f"/metrics cannot be read: {error}")


async def read_all(cluster: Cluster, pods: Sequence[EnginePod]) -> list[Reading]:
    """All pods' numbers, asked at once."""
    return list(await asyncio.gather(*(read(cluster, pod) for pod in pods)))


def total(readings: Iterable[Reading]) -> float:
    """Requests that ended, and answers, on all these pods that answer tenants: grows whenever one of them is asked."""
    return sum(sum(one.counters.work) for one in readings if one.counters and one.role == "serve")


def readings_data(readings: Iterable[Reading]) -> dict[str, Any]:
    """Readings for the journal: by pod."""
    return {one.pod: _reading_data(one) for one in readings}


def _reading_data(one: Reading) -> dict[str, Any]:
    if one.counters is None:
        return {"role": one.role, "unread": one.why}
    return {
        "role": one.role,
        "running": one.counters.running,
        "waiting": one.counters.waiting,
        "finished": dict(one.counters.finished),
        "answered": dict(one.counters.answered),
    }
