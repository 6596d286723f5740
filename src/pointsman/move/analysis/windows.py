"""What both sides did over the same minutes.

There are two kinds of evidence and they are never mixed, since requests of tenants and our own differ in length:
``Window`` is what the engines counted of everything that came through the alias, ``Probed`` is what our own requests,
sent past the alias to both sides in turn, met.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from pointsman.move.analysis.samples import Histogram, Values

__all__ = ["Pair", "Probed", "Round", "Window"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair(Generic[T]):
    """The same of both sides."""

    target: T
    source: T


@dataclass(frozen=True, slots=True)
class Window:
    """One side's engines, grown over a window."""

    requests: int = 0
    """Answers 2xx and 5xx; what the caller did wrong (4xx) is nobody's evidence."""
    broken: int = 0
    """Answers 5xx."""
    came: int = 0
    """Requests that came, those under way among them. Whoever leaves does so early and whole answers end late, so that
    of what has *ended* soon after a shift, most was left."""
    aborted: int = 0
    """Of them: those without a whole answer."""
    waiting: float = 0.0
    """Requests in the queue at the end."""
    running: float = 0.0
    ttft: Histogram = field(default_factory=lambda: Histogram({}))
    itl: Histogram = field(default_factory=lambda: Histogram({}))


@dataclass(frozen=True, slots=True)
class Round:
    """A few of our own requests to one side, sent in turn with as many to the other."""

    asked: int = 0
    broken: int = 0
    """Not answered in full: 5xx, a stream cut, no answer in time."""
    ttft: Values = field(default_factory=Values)
    itl: Values = field(default_factory=Values)
    """One value per answer: the mean of its gaps."""


@dataclass(frozen=True, slots=True)
class Probed:
    """Our own requests to one side, round by round."""

    rounds: tuple[Round, ...] = ()

    @property
    def asked(self) -> int:
        """All of them."""
        return sum(one.asked for one in self.rounds)

    @property
    def broken(self) -> int:
        """All that were not answered in full."""
        return sum(one.broken for one in self.rounds)

    @property
    def ttft(self) -> Values:
        """Of all rounds."""
        return Values.of(value for one in self.rounds for value in one.ttft.values)

    @property
    def itl(self) -> Values:
        """Of all rounds."""
        return Values.of(value for one in self.rounds for value in one.itl.values)
