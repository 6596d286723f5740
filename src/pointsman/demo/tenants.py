"""What tenants ask: a few prompts, several lengths, streams and plain answers, on a fixed schedule.

The schedule is drawn once from a seed. It does not look at answers, so a slow edge meets more requests, not fewer:
that is what tenants do, and what a load that waits would hide.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["LENGTHS", "PATIENCE", "PROMPTS", "Arrival", "Case", "Traffic", "arrivals", "cases"]

PROMPTS = (
    "Explain to a child what a railway signal does.",
    "List three reasons why a train may be late.",
    "Write a short note to a colleague about a delayed parcel.",
    "What should a traveller pack for two days in the mountains?",
    "Summarise the water cycle.",
    "Give advice to somebody who starts to learn the piano.",
)
LENGTHS = (4, 8, 16, 96)
PATIENCE = 60.0
"""Seconds one request may take; a request that takes longer is lost."""
LIMIT_RATE = 200.0
LIMIT_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Case:
    """One question with one length: what has exactly one right answer."""

    prompt: int
    max_tokens: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of the schedule."""

    number: int
    at: float
    """Seconds after the load's start."""
    case: Case
    stream: bool


@dataclass(frozen=True, slots=True)
class Traffic:
    """A load, bounded by construction."""

    rate: float = 16.0
    """Requests per second."""
    streams: float = 0.4
    """Share of requests that are streamed."""
    seed: int = 1
    seconds: float = 1800.0
    """The load ends by itself after this long."""
    patience: float = PATIENCE
    """Seconds that a tenant waits for an answer."""

    def __post_init__(self) -> None:
        if not (0 < self.rate <= LIMIT_RATE and 0 <= self.streams <= 1 and 0 < self.seconds <= LIMIT_SECONDS):
            raise ValueError(f"a load takes up to {LIMIT_RATE:g} requests/s for up to {LIMIT_SECONDS:g} s")


def cases() -> list[Case]:
    """Every question there is."""
    return [Case(prompt, length) for prompt in range(len(PROMPTS)) for length in LENGTHS]


def arrivals(traffic: Traffic) -> Iterator[Arrival]:
    """The schedule: evenly spaced, each one moved by up to half a gap either way."""
    draw = random.Random(traffic.seed)
    known = cases()
    gap = 1 / traffic.rate
    for number in range(int(traffic.rate * traffic.seconds)):
        at = (number + 0.5 + draw.uniform(-0.5, 0.5)) * gap
        yield Arrival(number, at, draw.choice(known), draw.random() < traffic.streams)
