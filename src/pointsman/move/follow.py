"""Waiting for a set of objects by following them, so that nothing is asked twice and nothing is noticed late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from pointsman.errors import TemporaryError
from pointsman.kube.resources import Kind, Ref
from pointsman.move.boundary import Cluster, Object

__all__ = ["View", "Watched", "follow_until"]

RECHECK = 1.0
"""Seconds after which a verdict is asked for again although nothing changed: some verdicts depend on time."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Watched:
    """One object (by name) or the objects with some labels."""

    kind: Kind
    namespace: str | None
    name: str | None = None
    labels: Mapping[str, str] | None = None


class View:
    """What is known of the watched objects now."""

    def __init__(self) -> None:
        self._objects: dict[Ref, Object] = {}

    def get(self, ref: Ref) -> Object | None:
        """One object."""
        return self._objects.get(ref)

    def selected(self, kind: Kind, namespace: str, labels: Mapping[str, str]) -> list[Object]:
        """All objects of a kind with these labels, by name."""
        wanted = labels.items()
        return [
            found
            for ref, found in sorted(self._objects.items(), key=lambda item: item[0].name)
            if ref.kind == kind and ref.namespace == namespace and wanted <= _labels(found).items()
        ]

    def learn(self, ref: Ref, found: Object | None) -> None:
        """Take in a change; None when the object is gone."""
        if found is None:
            self._objects.pop(ref, None)
        else:
            self._objects[ref] = found


def _labels(found: Object) -> dict[str, str]:
    return found["metadata"].get("labels") or {}


@dataclass(slots=True)
class _Board:
    view: View = field(default_factory=View)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    unsynced: int = 0


async def follow_until(
    cluster: Cluster, watched: Sequence[Watched], judge: Callable[[View], T | None], *, timeout: float, what: str
) -> T:
    """Follow all of ``watched`` until ``judge`` returns something; that is returned.

    ``judge`` is first asked when everything that exists is known, then after each change and once a second. What it
    raises ends the wait. Raises TemporaryError after ``timeout`` seconds, naming ``what`` was waited for.
    """
    board = _Board(unsynced=len(watched))
    tasks = [asyncio.create_task(_watch(cluster, one, board)) for one in watched]
    try:
        async with asyncio.timeout(timeout):
            return await _judged(board, judge, tasks)
    except TimeoutError as error:
        raise TemporaryError(f"waited {timeout:g} s for {what}", code="wait-timeout") from error
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _judged(board: _Board, judge: Callable[[View], T | None], tasks: Sequence[asyncio.Task[None]]) -> T:
    while True:
        if board.unsynced <= 0:
            verdict = judge(board.view)
            if verdict is not None:
                return verdict
        board.changed.clear()
        waiting = asyncio.create_task(board.changed.wait())
        try:
            await asyncio.wait({waiting, *tasks}, timeout=RECHECK, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        for task in tasks:
            if task.done():
                task.result()


async def _watch(cluster: Cluster, one: Watched, board: _Board) -> None:
    synced = False
    async for event in cluster.watch(one.kind, one.namespace, one.labels, name=one.name):
        if event.type == "SYNCED":
            board.unsynced -= 0 if synced else 1
            synced = True
        else:
            metadata = event.object["metadata"]
            ref = Ref(one.kind, metadata["name"], metadata.get("namespace") if one.kind.namespaced else None)
            board.view.learn(ref, None if event.type == "DELETED" else event.object)
        board.changed.set()
