"""What an edge has to answer so that a move can shift aliases.

An alias has one member per layer in play, and members that are no layer of the model: a cloud, another cluster, other
engines. Those are *others*; they keep their share. A member has an id, so that a response can be attributed to it.
Weights are relative; they are written for all members in one change, because an edge may read a missing weight
as zero (LiteLLM 1.106, measured).

Two things are told apart everywhere: what is *declared* (the configuration) and what *runs* (what each replica says it
has loaded).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from pointsman.edge.awaited import Waiting, uncounted
from pointsman.edge.obstacle import Obstacle

if TYPE_CHECKING:
    from pointsman.kube.rights import Right

__all__ = [
    "CLOSED",
    "CLOSED_URL",
    "OTHER",
    "AliasState",
    "Awaits",
    "Edge",
    "Member",
    "Observation",
    "Obstacle",
    "Owe",
    "Reacher",
    "Reason",
    "Replica",
    "ShownKey",
    "Weight",
    "member_id",
    "said",
]

Awaits = Callable[[str], Awaitable[None]]
"""Is told what people are waited for: ``the merge of a branch``; nothing when that is over."""

Weight = int | float
"""A relative share, as LiteLLM takes it: any number from 0 on, no percent."""

OTHER = ""
"""In the place of a layer: the member is none of ours."""

CLOSED = "closed"
"""In the place of a layer: the member that answers nobody, where an alias points while there is no engine."""
CLOSED_URL = "http://closed.invalid/v1"
"""A name that never resolves (RFC 6761), so a caller gets an error that says: try again."""


@dataclass(frozen=True, slots=True)
class Member:
    """One way an alias can go."""

    id: str
    """Pinned id, ``<model>-<layer>``; comes back in the response header ``x-litellm-model-id``. Of another's member
    without a pinned id: ``<alias>#<number of its entry>``."""
    layer: str
    """Id of the layer behind it; ``OTHER`` when it is none of ours."""
    base_url: str
    """OpenAI base URL, ending in ``/v1``; of another's member as its entry says it, which may be nothing."""
    served_name: str
    """The model's name there; of another's member with its provider: ``bedrock/claude``."""
    weight: Weight
    """Relative share. 0 is a standby that covers for failing members, not off."""
    alias: str = field(default="", compare=False)
    """The name of its entry, ``model_name`` in LiteLLM; empty in journals of before there were several."""

    @property
    def ours(self) -> bool:
        """Does it lead to a layer of the model, or to nobody while the alias is closed?"""
        return self.layer != OTHER


def member_id(model: str, layer: str, alias: str = "") -> str:
    """The id of a new member: ``qwen-kserve``; of an alias that moves along, ``qwen-kserve@gpt-4o-mini``.

    It is a label of metrics and a header's value, so what is odd in an alias's name is spelled by its code: ``_2a_``.
    """
    spelled = re.sub(r"[^-A-Za-z0-9._:]", lambda found: f"_{ord(found.group()):x}_", alias)
    return f"{model}-{layer}@{spelled}" if alias else f"{model}-{layer}"


def said(members: Sequence[Member] | None) -> str:
    """Members in a few words: ``qwen-kserve 50, qwen-raw-vllm 50``."""
    if members is None:
        return "what it does not say"
    return ", ".join(f"{one.id} {one.weight:g}" for one in members) or "nothing"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why aliases are changed, for whoever keeps a record of changes."""

    text: str
    """A sentence or several, for people."""
    back: bool = False
    """Are tenants put back where they were?"""


Owe = Callable[[Mapping[str, Any]], Awaitable[None]]
"""Told what will be owed (``what``, ``why``, ``application``, ``held``), before anything of it is done."""


@dataclass(frozen=True, slots=True)
class AliasState:
    """Where an alias, and those that move together with it, point by declaration."""

    alias: str
    """The first of them, that marked requests ask for."""
    members: tuple[Member, ...]
    """Of all of them, others' members too."""
    revision: str
    """Digest of the whole edge configuration the alias is part of."""
    groups: tuple[str, ...] = ()
    """What answers each of the aliases, ``model_name`` of its entries; an alias that has none yet is there too."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One running process of the edge."""

    name: str
    members: tuple[Member, ...] | None
    """What it says it has loaded for the aliases; None when it does not say (it starts, it ends, it is mute)."""
    ready: bool
    terminating: bool
    why: str = ""
    """Why it does not say, as a sentence."""
    since: datetime | None = None
    """When its process began: it has run what it runs since then."""

    def runs(self, members: Sequence[Member]) -> bool:
        """Has it loaded exactly these?"""
        return self.members is not None and frozenset(self.members) == frozenset(members)


@dataclass(frozen=True, slots=True)
class ShownKey:
    """The key that a member of ours shows its engine, or would."""

    alias: str
    value: str | None = field(repr=False)
    """None: nobody can know."""
    why: str = ""
    """Why not."""


@dataclass(frozen=True, slots=True)
class Reacher:
    """A name of the edge by which tenants reach certain engines, and which does not move with them."""

    name: str
    how: str
    """``its entry``, ``a fallback of chat``."""
    place: str
    harmless: bool = False
    """Does it follow what moves by itself, as another name of it does?"""
    certain: bool = True
    """False: its address is known only to the edge's process."""
    another_of: str = ""
    """The name that it is only another name of; empty when it stands for itself."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What responses said: requests answered per member id, and failures by kind."""

    answered: Mapping[str, int]
    failed: Mapping[str, int]
    replicas: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Requests answered per member id, by the replica of the edge that was asked."""
    aliases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Requests answered per member id, by the alias that was asked for; all of them when only one was."""
    undelivered: int = 0
    """Requests that the API server says it did not get through, beside the others: each was sent once more."""


class Edge(Protocol):
    """A tenant edge that can be read, written in one change, confirmed and observed."""

    def begin(
        self,
        move: str,
        tell: Callable[[str], None],
        waiting: Waiting = uncounted,
        awaits: Awaits | None = None,
    ) -> None:
        """Whose changes these are from now on, for whoever keeps a record of changes.

        ``tell`` takes narration, ``waiting`` counts the time in which somebody else is waited for, ``awaits`` is told
        what people are waited for.
        """

    async def read(self) -> AliasState:
        """The declared state. An alias that does not exist has no members."""

    async def write(self, members: Sequence[Member], why: Reason | None = None) -> str:
        """Declare all members in one change and roll the edge where it runs others; returns the revision. Idempotent.

        Of others' members only the weight is written, and only where it would not count otherwise.
        """

    async def put_back(self, members: Sequence[Member], why: Reason | None, owe: Owe) -> str:
        """Declare what was declared before a move, by whatever way is open: tenants may suffer where they are.

        What cannot be done now is told to ``owe`` first. Returns the revision. Idempotent.
        """

    async def settle(self) -> str:
        """Do what a putting-back left to be done; returns what still cannot be, empty when nothing is owed."""

    async def withdraw(self, keep: Sequence[Member]) -> None:
        """Take back what was proposed to people and is not made yet, but for what declares these members."""

    async def remove(self, why: Reason | None = None) -> str:
        """Take the alias away in one change, roll the edge, return the new revision. Idempotent."""

    async def replicas(self) -> Sequence[Replica]:
        """Every live process of the edge, terminating ones included, each asked what it has loaded."""

    async def names_of_replicas(self) -> Sequence[str]:
        """Those that serve and were not told to end; nobody is asked."""

    async def confirm(self, members: Sequence[Member], *, timeout: float) -> None:
        """Wait until every replica has loaded ``members`` and none with others can be given a request.

        Whoever rolled it. Raises TemporaryError after ``timeout`` seconds, naming the replica that lags, and
        ConflictError when somebody declared something else meanwhile.
        """

    async def observe(self, requests: int) -> Observation:
        """Send marked requests for each alias through every replica in turn and read who answered."""

    @property
    def names(self) -> Sequence[str]:
        """The aliases that move together, the first one first."""

    async def obstacles(self) -> Sequence[Obstacle]:
        """Settings that a move cannot or should not be made on."""

    async def shown_keys(self) -> Sequence[ShownKey]:
        """For each alias the key that a new member of ours would show its engine."""

    async def reaching(self, base_urls: Sequence[str]) -> Sequence[Reacher]:
        """Whoever else of this edge reaches these addresses: what does not move together with the aliases."""

    def means(self, name: str, asked: str) -> bool:
        """Does the edge take what a tenant asked for as this name of its configuration: itself, or its wildcard?"""

    async def lags(self) -> Mapping[str, float]:
        """Seconds each staying replica takes to answer a question that no engine is needed for; infinity: it does not.

        One that is late has requests that it accepted and did not read yet, and loses them when it is told to end
        before it has caught up (uvicorn 0.54 closes such connections at SIGTERM; measured in the lab with LiteLLM).
        """

    async def sent(self, base_urls: Sequence[str]) -> Mapping[str, int] | None:
        """Requests that the staying replicas sent to these addresses since they started, by the name that was asked
        for; None when one of them does not say.
        """

    def rights(self) -> Sequence[Right]:
        """What reading, writing, confirming and observing it needs."""

    async def answered(self) -> Mapping[str, Mapping[str, int] | None]:
        """Requests each staying replica answered since it started, by member id; None when it does not say."""
