"""What an edge has to answer so that a move can shift an alias.

An alias has one member per layer in play. A member has a pinned id, so that a response can be attributed to it.
Weights are relative; they are written for all members in one change, because an edge may read a missing weight
as zero (LiteLLM 1.106, measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pointsman.kube.rights import Right

__all__ = ["CLOSED", "CLOSED_URL", "AliasState", "Edge", "Member", "Observation", "Replica"]

CLOSED = "closed"
"""In the place of a layer: the member that answers nobody, where an alias points while there is no engine."""
CLOSED_URL = "http://closed.invalid/v1"
"""A name that never resolves (RFC 6761), so a caller gets an error that says: try again."""


@dataclass(frozen=True, slots=True)
class Member:
    """One way an alias can go."""

    id: str
    """Pinned id, ``<model>-<layer>``; comes back in the response header ``x-litellm-model-id``."""
    layer: str
    base_url: str
    """OpenAI base URL, ending in ``/v1``."""
    served_name: str
    weight: int
    """Relative share, 0 to 100. 0 is a standby that covers for failing members, not off."""


@dataclass(frozen=True, slots=True)
class AliasState:
    """Where an alias points by declaration."""

    alias: str
    members: tuple[Member, ...]
    revision: str
    """Digest of the whole edge configuration the alias is part of."""
    warnings: tuple[str, ...] = ()
    """Settings of the edge that weaken a move, one sentence each; nothing that stops one."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One running process of the edge."""

    name: str
    revision: str
    """Digest of the configuration it was started with; empty when unknown."""
    ready: bool
    terminating: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """What responses said: requests answered per member id, and failures by kind."""

    answered: Mapping[str, int]
    failed: Mapping[str, int]
    replicas: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Requests answered per member id, by the replica of the edge that was asked."""


class Edge(Protocol):
    """A tenant edge that can be read, written in one change, confirmed and observed."""

    async def read(self) -> AliasState:
        """The declared state. An alias that does not exist has no members."""

    async def write(self, members: Sequence[Member]) -> str:
        """Declare all members in one change, roll the edge, return the new revision. Idempotent."""

    async def remove(self) -> str:
        """Take the alias away in one change, roll the edge, return the new revision. Idempotent."""

    async def replicas(self) -> Sequence[Replica]:
        """Every live process of the edge, terminating ones included."""

    async def confirm(self, revision: str, *, timeout: float) -> None:
        """Wait until every replica runs ``revision`` and none of an older one is left.

        Raises TemporaryError after ``timeout`` seconds, naming the replica that lags.
        """

    async def observe(self, requests: int) -> Observation:
        """Send marked requests through every replica in turn and read who answered."""

    async def lags(self) -> Mapping[str, float]:
        """Seconds each staying replica takes to answer a question that no engine is needed for; infinity: it does not.

        One that is late has requests that it accepted and did not read yet, and loses them when it is told to end
        before it has caught up (uvicorn 0.54 closes such connections at SIGTERM; measured in the lab with LiteLLM).
        """

    def rights(self) -> Sequence[Right]:
        """What reading, writing, confirming and observing it needs."""

    async def answered(self) -> Mapping[str, Mapping[str, int] | None]:
        """Requests each staying replica answered since it started, by member id; None when it does not say."""
