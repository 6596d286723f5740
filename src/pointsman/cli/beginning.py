"""How a view of a whole cluster begins: what takes the API server longest is asked for while the rest is imported."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pointsman.cli.watching import Opening
    from pointsman.kube.client import Client

__all__ = ["SENDING", "begin", "once"]

SENDING = 0.02
"""Seconds in which connections are made and requests are sent."""


async def begin(
    client: Client, kinds: Iterable[str], labels: dict[str, str] | None = None, *, records: bool = True
) -> None:
    """Ask for these kinds, and for the records of models; the same lists are taken later, and not asked for again.

    What is imported after that is imported while the API server works. Not in a thread: whoever reads an answer of
    many small parts beside a busy thread waits 5 ms for each of them.
    """
    from pointsman.kube.resources import kind_of
    from pointsman.move.records import KEPT

    if records:
        client.begin(*KEPT)
    for kind in kinds:
        client.begin(kind_of(kind), None, labels)
    await asyncio.sleep(SENDING)


async def once(opening: Opening) -> Any:
    """One look."""
    async with opening() as read:
        return await read()
