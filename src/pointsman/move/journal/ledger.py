"""Where journals live: one ConfigMap per move, one data key per record.

The patch that adds a record (``chain``) also sets the label that says whether the move is open; the label is an index
for lists, the records are the truth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.errors import NeedsPersonError, NotFoundError
from pointsman.kube.resources import Ref, kind_of
from pointsman.kube.shapes import version_of
from pointsman.move.boundary import Clock, Cluster, Object
from pointsman.move.holding.lock import NAMESPACE, ensure_namespace
from pointsman.move.journal.chain import Chain
from pointsman.move.journal.journal import Opening, Progress, Record, encode, fold, take, torn
from pointsman.move.journal.readings import CAPTURED, LEFT
from pointsman.move.journal.states import Event
from pointsman.move.journal.tally import allowances

__all__ = ["Journal", "Ledger", "Summary"]

RECORD_LIMIT = 64 * 1024
"""Bytes one record may have."""
JOURNAL_LIMIT = 900 * 1024
"""Bytes all records of a move may have; a ConfigMap holds 1 MiB."""

MOVE, MODEL, OPEN = "pointsman.dev/move", "pointsman.dev/moved-model", "pointsman.dev/open"


@dataclass(frozen=True, slots=True)
class Summary:
    """A move as a list shows it."""

    progress: Progress
    model: str


class Journal:
    """The journal of one move, open for adding."""

    def __init__(
        self,
        cluster: Cluster,
        clock: Clock,
        progress: Progress,
        version: str,
        size: int,
        holder: str,
        left: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.cluster = cluster
        self.clock = clock
        self.progress = progress
        self.holder = holder
        self.epoch = progress.epoch
        self._chain = Chain(cluster, self.ref, version, "move", code="move-lost")
        self._size = size
        self._left = left or {}

    @property
    def ref(self) -> Ref:
        """The ConfigMap."""
        return Ref(kind_of("ConfigMap"), self.progress.move, NAMESPACE)

    async def append(self, event: Event, step: str = "", detail: Mapping[str, Any] | None = None) -> Progress:
        """Add a record and return the state after it.

        Raises NeedsPersonError when the journal was written to by another holder: whoever finds that has lost the
        move and must not act any more.
        """
        line, after = _next(self.progress, self.clock, event, step, detail or {}, self.epoch, self.holder)
        size = self._size + len(line.encode())
        if size > JOURNAL_LIMIT:
            raise torn(self.progress.move, f"it would grow over {JOURNAL_LIMIT} bytes")
        await self._chain.add(after.seq, line, self.progress.tip, {OPEN: "no" if after.closed else "yes"})
        self.progress, self._size = after, size
        return after

    async def claim(self, epoch: int, holder: str) -> Progress:
        """Take the move over from a process that lost it; ``epoch`` is the one the model's lock gave."""
        self.epoch, self.holder = max(epoch, self.progress.epoch + 1), holder
        before = str(self.progress.epoch)
        left = {before: self._left[before]} if before in self._left else {}
        detail = {"from": self.progress.holder, **({CAPTURED: {LEFT: left}} if left else {})}
        return await self.append(Event.CLAIMED, detail=detail)


class Ledger:
    """All journals of a cluster."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self.cluster = cluster
        self.clock = clock

    async def open(self, move: str, opening: Opening, *, epoch: int, holder: str) -> Journal:
        """Begin a journal with its first record."""
        await ensure_namespace(self.cluster)
        detail = opening.model_dump(mode="json")
        line, progress = _next(Progress(move=move), self.clock, Event.OPENED, "", detail, epoch, holder)
        made = await self.cluster.create(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": move,
                    "namespace": NAMESPACE,
                    "labels": {
                        "app.kubernetes.io/managed-by": "pointsman",
                        MOVE: move,
                        MODEL: opening.model,
                        OPEN: "yes",
                    },
                },
                "data": {_key(1): line},
            }
        )
        version = str(made["metadata"]["resourceVersion"])
        return Journal(self.cluster, self.clock, progress, version, len(line.encode()), holder)

    async def load(self, move: str, *, holder: str = "") -> Journal:
        """The journal of a move, as it is in the cluster; raises NotFoundError when there is none."""
        ref = Ref(kind_of("ConfigMap"), move, NAMESPACE)
        found = await self.cluster.find(ref)
        if found is None:
            raise NotFoundError(
                "there is no such move", where=str(ref), next_action="pointsman status", code="move-unknown"
            )
        progress = _fold(found)
        size = sum(len(line.encode()) for line in (found.get("data") or {}).values())
        version = version_of(found, ref)
        return Journal(self.cluster, self.clock, progress, version, size, holder, allowances(found))

    async def moves(self, *, model: str = "", only_open: bool = True) -> list[Summary]:
        """Moves, oldest first. Of one model an open move is found by its records too, if somebody took its labels."""
        labels = {MOVE: "", **({OPEN: "yes"} if only_open else {}), **({MODEL: model} if model else {})}
        listed = await self._listed(labels, only_open)
        if model and only_open and not listed:
            listed = [one for one in await self._listed({}, only_open) if one.model == model]
        return sorted(listed, key=lambda one: (str(one.progress.opened), one.progress.move))

    async def _listed(self, labels: Mapping[str, str], only_open: bool) -> list[Summary]:
        found = await self.cluster.list(kind_of("ConfigMap"), NAMESPACE, labels)
        folded = [_fold(item) for item in found if labels or _key(1) in (item.get("data") or {})]
        return [Summary(one, one.plan.model) for one in folded if not (only_open and one.closed)]

    async def open_ones(self, *, model: str = "") -> tuple[dict[str, Summary], dict[str, NeedsPersonError]]:
        """The open move of each model, and an error for each model whose open journal cannot be read."""
        labels = {MOVE: "", OPEN: "yes", **({MODEL: model} if model else {})}
        told: dict[str, Summary] = {}
        torn_ones: dict[str, NeedsPersonError] = {}
        for item in await self.cluster.list(kind_of("ConfigMap"), NAMESPACE, labels):
            try:
                progress = _fold(item)
            except NeedsPersonError as error:
                torn_ones[str(item["metadata"]["labels"].get(MODEL, ""))] = error
                continue
            if not progress.closed:
                told[progress.plan.model] = Summary(progress, progress.plan.model)
        return told, torn_ones

    async def every(self, *, model: str = "") -> tuple[list[Summary], list[NeedsPersonError]]:
        """All moves there ever were, oldest first, and an error for each journal that cannot be read."""
        labels = {MOVE: "", **({MODEL: model} if model else {})}
        told: list[Summary] = []
        torn_ones: list[NeedsPersonError] = []
        for item in await self.cluster.list(kind_of("ConfigMap"), NAMESPACE, labels):
            try:
                told.append(Summary(_fold(item), str(item["metadata"]["labels"].get(MODEL, ""))))
            except NeedsPersonError as error:
                torn_ones.append(error)
        return sorted(told, key=lambda one: (str(one.progress.opened), one.progress.move)), torn_ones


def _key(seq: int) -> str:
    return f"{seq:06d}"


def _fold(found: Object) -> Progress:
    name, data = found["metadata"]["name"], found.get("data") or {}
    if not isinstance(data, dict):
        raise torn(name, "its records are no mapping")
    for number, key in enumerate(sorted(data), start=1):
        if key != _key(number):
            raise torn(name, f"data key {key!r} stands where record {number} belongs")
    return fold((data[key] for key in sorted(data)), name)


def _next(
    progress: Progress, clock: Clock, event: Event, step: str, detail: Mapping[str, Any], epoch: int, holder: str
) -> tuple[str, Progress]:
    """The next line, checked by folding it before anyone sees it."""
    record = Record(
        seq=progress.seq + 1,
        at=clock.now(),
        move=progress.move,
        epoch=epoch,
        holder=holder,
        event=event,
        step=step,
        detail=json.loads(json.dumps(detail, default=str)),
        previous=progress.tip,
    )
    line = encode(record)
    if len(line.encode()) > RECORD_LIMIT:
        raise torn(progress.move, f"record {record.seq} would have more than {RECORD_LIMIT} bytes")
    return line, take(progress, line)
