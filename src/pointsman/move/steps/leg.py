"""A step as one leg of a move over a bridge: from the source to the bridge, or from there to the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pointsman.edge.contract import Member
from pointsman.move.context import Context
from pointsman.move.steps.contract import Description, Detail, Step

__all__ = ["FIRST", "Leg"]

FIRST = "bridge."
"""Begins the ids of the first leg's steps."""


@dataclass(frozen=True, slots=True)
class Leg:
    """The step ``inner``, between two layers of the three."""

    inner: Step
    first: bool

    @property
    def id(self) -> str:
        """``bridge.shift-10``; the second leg's steps have no prefix."""
        return (FIRST if self.first else "") + self.inner.id

    @property
    def commits(self) -> bool:
        """Only the second leg has a point of no return."""
        return self.inner.commits

    @property
    def shifts(self) -> bool:
        """As the step itself."""
        return self.inner.shifts

    def members(self, context: Context) -> Sequence[Member] | None:
        """As the step itself, on this leg."""
        return self.inner.members(self.within(context))

    def describe(self, context: Context) -> Description:
        """The step in words."""
        return self.inner.describe(self.within(context))

    async def validate(self, context: Context) -> Detail:
        """As the step itself, on this leg."""
        return await self.inner.validate(self.within(context))

    async def apply(self, context: Context, seen: Detail) -> Detail:
        """As the step itself, on this leg."""
        return await self.inner.apply(self.within(context), seen)

    async def undo(self, context: Context, seen: Detail) -> Detail:
        """As the step itself, on this leg."""
        return await self.inner.undo(self.within(context), seen)

    def within(self, context: Context) -> Context:
        """The context as a move between the leg's two layers would have it."""
        bridge = context.bridge
        assert bridge is not None, "a leg without a bridge"
        if not self.first:
            there = context.alone(bridge)
            return replace(context, source=bridge, alias=replace(context.alias, members=there))
        tell = context.note
        return replace(
            context,
            target=bridge,
            promoted=context.promoted.within(FIRST),
            note=lambda step, text, data: tell(FIRST + step, text, data),
        )
