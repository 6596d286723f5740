"""An edge around another one: passes every call on, for those that watch or guard some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pointsman.edge.awaited import Waiting, uncounted
from pointsman.edge.contract import (
    AliasState,
    Awaits,
    Edge,
    Member,
    Observation,
    Obstacle,
    Owe,
    Reacher,
    Reason,
    Replica,
    ShownKey,
)
from pointsman.kube.rights import Right

__all__ = ["WrappedEdge"]


class WrappedEdge:
    """Everything of ``pointsman.edge.contract.Edge``, as the edge inside answers it."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge

    @property
    def names(self) -> Sequence[str]:
        """The aliases that move together."""
        return self._edge.names

    def begin(
        self,
        move: str,
        tell: Callable[[str], None],
        waiting: Waiting = uncounted,
        awaits: Awaits | None = None,
    ) -> None:
        """Whose changes these are from now on."""
        self._edge.begin(move, tell, waiting, awaits)

    async def read(self) -> AliasState:
        """The declared state."""
        return await self._edge.read()

    async def write(self, members: Sequence[Member], why: Reason | None = None) -> str:
        """Declare all members."""
        return await self._edge.write(members, why)

    async def put_back(self, members: Sequence[Member], why: Reason | None, owe: Owe) -> str:
        """Declare what was declared before."""
        return await self._edge.put_back(members, why, owe)

    async def settle(self) -> str:
        """What is still owed."""
        return await self._edge.settle()

    async def withdraw(self, keep: Sequence[Member]) -> None:
        """Take back what was proposed."""
        await self._edge.withdraw(keep)

    async def remove(self, why: Reason | None = None) -> str:
        """Take the aliases away."""
        return await self._edge.remove(why)

    async def replicas(self) -> Sequence[Replica]:
        """Every live process of the edge."""
        return await self._edge.replicas()

    async def names_of_replicas(self) -> Sequence[str]:
        """Those that serve."""
        return await self._edge.names_of_replicas()

    async def confirm(self, members: Sequence[Member], *, timeout: float) -> None:
        """Wait until every replica runs these members."""
        await self._edge.confirm(members, timeout=timeout)

    async def observe(self, requests: int) -> Observation:
        """Marked requests."""
        return await self._edge.observe(requests)

    async def obstacles(self) -> Sequence[Obstacle]:
        """Settings that a move cannot or should not be made on."""
        return await self._edge.obstacles()

    async def shown_keys(self) -> Sequence[ShownKey]:
        """The keys that new members would show."""
        return await self._edge.shown_keys()

    async def reaching(self, base_urls: Sequence[str]) -> Sequence[Reacher]:
        """Whoever else reaches these addresses."""
        return await self._edge.reaching(base_urls)

    async def sent(self, base_urls: Sequence[str]) -> Mapping[str, int] | None:
        """What the replicas sent to these addresses, by name."""
        return await self._edge.sent(base_urls)

    def means(self, name: str, asked: str) -> bool:
        """Is what was asked for meant by this name?"""
        return self._edge.means(name, asked)

    async def lags(self) -> Mapping[str, float]:
        """How late each replica answers."""
        return await self._edge.lags()

    async def answered(self) -> Mapping[str, Mapping[str, int] | None]:
        """What each replica counted."""
        return await self._edge.answered()

    def rights(self) -> Sequence[Right]:
        """What it needs."""
        return self._edge.rights()
