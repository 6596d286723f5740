"""Whom a change of an edge waits for, where that is somebody else than the edge.

Whoever keeps the time of a move says how such a wait is counted; an edge says only when one begins and ends.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum

__all__ = ["Awaited", "Waiting", "uncounted"]


class Awaited(StrEnum):
    """Others that a change goes through."""

    GIT = "git"
    """The remote: asked where a branch is, fetched from, pushed to."""
    PEOPLE = "review"
    """People, from a proposed change until it is merged."""
    ARGO_CD = "argo-cd"
    """Argo CD, from a pushed commit until the cluster declares what it says."""


Waiting = Callable[[Awaited], AbstractContextManager[object]]
"""Counts the time of the block as a wait for somebody."""


def uncounted(whom: Awaited) -> AbstractContextManager[object]:
    """Nobody keeps the time."""
    return nullcontext()
