"""The journal of a teardown: what is to go in which order, and how far that came. ConfigMaps, one a teardown.

The same chain of records as a move has, with a table of its own: nothing goes back, so a step that failed is begun
again, and the end is ``finished`` or ``abandoned``. What the steps do is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from pointsman.errors import NeedsPersonError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.kube.shapes import version_of
from pointsman.move.boundary import Clock, Cluster, Object
from pointsman.move.holding.lock import NAMESPACE, ensure_namespace
from pointsman.move.journal.chain import Chain, digest

__all__ = [
    "LABEL",
    "TeardownJournal",
    "TeardownOpening",
    "TeardownProgress",
    "Teardowns",
    "Word",
    "refuse_torn_down",
    "torn",
]

LABEL = "pointsman.dev/teardown"
"""``open``, ``finished`` or ``abandoned``: an index for lists, the records are the truth."""
PREFIX = "record-"
"""Begins the keys, so that no journal of a move can be taken for this."""
RECORD_LIMIT = 256 * 1024
"""Bytes one record may have; the first one lists all steps."""
JOURNAL_LIMIT = 900 * 1024
"""Bytes all records may have; a ConfigMap holds 1 MiB."""


class Word(StrEnum):
    """What a record says."""

    OPENED = "opened"
    CLAIMED = "claimed"
    INTENT = "intent"
    OUTCOME = "outcome"
    FAILED = "failed"
    FINISHED = "finished"
    ABANDONED = "abandoned"


_ENDS = frozenset({Word.FINISHED, Word.ABANDONED})


class TeardownOpening(BaseModel):
    """The detail of the first record: all that another process needs to carry on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: Literal["model", "layer", "all"]
    name: str = ""
    """The model or the layer; empty with ``all``."""
    models: tuple[str, ...]
    steps: tuple[str, ...]
    choices: dict[str, Any]
    stays: tuple[dict[str, str], ...] = ()
    """What was told to stay: ``name``, ``uid`` and ``why`` of each."""


class Entry(BaseModel):
    """One record."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Literal[1] = 1
    seq: int = Field(ge=1)
    at: datetime
    teardown: str
    epoch: int = Field(ge=1)
    holder: str
    word: Word
    step: str = ""
    detail: dict[str, Any] = Field(default_factory=dict)
    previous: str = ""


@dataclass(frozen=True, slots=True)
class TeardownProgress:
    """The fold of a journal."""

    teardown: str = ""
    opening: TeardownOpening | None = None
    opened: datetime | None = None
    at: datetime | None = None
    holder: str = ""
    epoch: int = 0
    seq: int = 0
    tip: str = ""
    ended: Word | None = None
    seen: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By step, what its first intent noted: a later one would see traces of the first."""
    done: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By step, its outcome."""
    failure: str = ""
    """Why the last step that was begun did not end."""
    failed: frozenset[str] = frozenset()
    """Steps that failed, once at least."""

    @property
    def plan(self) -> TeardownOpening:
        """The first record's detail."""
        if self.opening is None:
            raise torn(self.teardown, "it has no first record")
        return self.opening

    @property
    def step(self) -> str:
        """The first that is not done; empty when all are."""
        return next((one for one in self.plan.steps if one not in self.done), "")

    @property
    def command(self) -> str:
        """What is said to begin it, and to carry it on."""
        return f"pointsman teardown {self.plan.name or '--all'}"

    @property
    def title(self) -> str:
        """For people: ``teardown of model qwen``."""
        what = {"model": f"model {self.plan.name}", "layer": f"layer {self.plan.name}", "all": "everything"}
        return f"teardown of {what[self.plan.scope]}"

    def covers(self, model: str) -> bool:
        """Does it take this model, or something of it, away?"""
        return self.plan.scope == "all" or model in self.plan.models

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "id": self.teardown,
            "scope": self.plan.scope,
            "name": self.plan.name or None,
            "state": self.ended.value if self.ended else "open",
            "step": self.step or None,
            "done": len(self.done),
            "steps": len(self.plan.steps),
            "holder": self.holder,
            "since": self.opened.isoformat() if self.opened else None,
            "failure": self.failure or None,
            "next": None if self.ended else self.command,
        }


def torn(teardown: str, why: str) -> NeedsPersonError:
    """The error for a journal that cannot be read."""
    return NeedsPersonError(
        f"the journal of this teardown cannot be trusted: {why}",
        where=f"ConfigMap {NAMESPACE}/{teardown}" if teardown else "",
        next_action="look at its records; when the ConfigMap is deleted, the teardown is begun anew with what is left",
        code="teardown-torn",
    )


def fold(lines: Iterable[str], teardown: str) -> TeardownProgress:
    """The state after all lines; raises NeedsPersonError for what no teardown can have written."""
    progress = TeardownProgress(teardown)
    for line in lines:
        progress = take(progress, line)
    if progress.opening is None:
        raise torn(teardown, "it has no records")
    return progress


def take(progress: TeardownProgress, line: str) -> TeardownProgress:
    """The state after one more line."""
    try:
        raw = from_json(line)
        if isinstance(raw, dict) and raw.get("v") != 1:
            raise torn(progress.teardown, f"a record has version {raw.get('v')!r}, this program reads 1")
        entry = Entry.model_validate_json(line)
        opening = TeardownOpening.model_validate(entry.detail) if entry.word is Word.OPENED else progress.opening
    except ValidationError as error:
        raise torn(progress.teardown, f"a record: {error.errors()[0]['msg']}") from error
    except (TypeError, ValueError) as error:
        raise torn(progress.teardown, f"a record is not JSON ({error})") from error
    _check(progress, entry)
    after = replace(
        progress,
        opening=opening,
        opened=progress.opened or entry.at,
        at=entry.at,
        holder=entry.holder,
        epoch=entry.epoch,
        seq=entry.seq,
        tip=digest(line),
    )
    match entry.word:
        case Word.INTENT:
            return replace(after, seen={entry.step: entry.detail, **after.seen}, failure="")
        case Word.OUTCOME:
            return replace(after, done={**after.done, entry.step: entry.detail}, failure="")
        case Word.FAILED:
            return replace(after, failure=str(entry.detail.get("what", "")), failed=progress.failed | {entry.step})
        case Word.FINISHED | Word.ABANDONED:
            return replace(after, ended=entry.word)
    return after


def _check(progress: TeardownProgress, entry: Entry) -> None:
    claim, first = entry.word is Word.CLAIMED, progress.seq == 0
    steps = progress.opening.steps if progress.opening else ()
    wrong = (
        (entry.teardown != progress.teardown, f"a record belongs to {entry.teardown}"),
        (entry.seq != progress.seq + 1, f"record {entry.seq} follows record {progress.seq}"),
        (entry.previous != progress.tip, f"record {entry.seq} does not continue record {progress.seq}"),
        (first is not (entry.word is Word.OPENED), f"record {entry.seq} says {entry.word.value}"),
        (progress.ended is not None, f"record {entry.seq} comes after the end"),
        (claim and entry.epoch <= progress.epoch, f"record {entry.seq} claims without a new epoch"),
        (not first and not claim and entry.epoch != progress.epoch, f"record {entry.seq} is of a holder that lost it"),
        (bool(entry.step) and entry.step not in steps, f"record {entry.seq} names step {entry.step!r}"),
        (entry.word is Word.OUTCOME and entry.step not in progress.seen, f"record {entry.seq} ends what never began"),
        (entry.word is Word.FINISHED and bool(set(steps) - set(progress.done)), "it ends before its steps did"),
    )
    for is_wrong, why in wrong:
        if is_wrong:
            raise torn(progress.teardown, why)


class TeardownJournal:
    """One journal, open for adding."""

    def __init__(self, chain: Chain, clock: Clock, progress: TeardownProgress, holder: str, size: int) -> None:
        self.chain, self.clock, self.progress, self.holder = chain, clock, progress, holder
        self.epoch = progress.epoch
        self._size = size

    async def append(self, word: Word, step: str = "", detail: Mapping[str, Any] | None = None) -> TeardownProgress:
        """Add a record and return the state after it.

        Raises NeedsPersonError when another process added one: this one has lost the teardown and must stop.
        """
        line, after = _next(self.progress, self.clock, word, step, detail or {}, self.epoch, self.holder)
        size = self._size + len(line.encode())
        if size > JOURNAL_LIMIT:
            raise torn(self.progress.teardown, f"it would grow over {JOURNAL_LIMIT} bytes")
        label = after.ended.value if after.ended else "open"
        await self.chain.add(after.seq, line, self.progress.tip, {LABEL: label})
        self.progress, self._size = after, size
        return after

    async def claim(self, epoch: int) -> TeardownProgress:
        """Take it over; ``epoch`` is the one that the lock gave."""
        self.epoch = max(epoch, self.progress.epoch + 1)
        return await self.append(Word.CLAIMED, detail={"from": self.progress.holder})


class Teardowns:
    """All journals of teardowns in a cluster."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self.cluster, self.clock = cluster, clock

    async def open(self, name: str, opening: TeardownOpening, *, epoch: int, holder: str) -> TeardownJournal:
        """Begin a journal with its first record."""
        await ensure_namespace(self.cluster)
        detail = opening.model_dump(mode="json")
        line, progress = _next(TeardownProgress(name), self.clock, Word.OPENED, "", detail, epoch, holder)
        labels = {"app.kubernetes.io/managed-by": "pointsman", LABEL: "open"}
        chain = self._chain(name, "")
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
        data = {chain.key(1): line}
        made = await self.cluster.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
        chain.version = str(made["metadata"]["resourceVersion"])
        return TeardownJournal(chain, self.clock, progress, holder, len(line.encode()))

    async def load(self, name: str, holder: str) -> TeardownJournal:
        """The journal as it is in the cluster; raises NotFoundError when there is none."""
        ref = Ref(kind_of("ConfigMap"), name, NAMESPACE)
        found = await self.cluster.get(ref)
        size = sum(len(line.encode()) for line in (found.get("data") or {}).values())
        chain = self._chain(name, version_of(found, ref))
        return TeardownJournal(chain, self.clock, _folded(found), holder, size)

    async def open_ones(self) -> list[TeardownProgress]:
        """Those that nobody finished, oldest first; raises NeedsPersonError for one that cannot be read."""
        found = await self.cluster.list(kind_of("ConfigMap"), NAMESPACE, {LABEL: "open"})
        return sorted((one for one in map(_folded, found) if one.ended is None), key=lambda one: one.teardown)

    async def every(self, state: str = "") -> tuple[list[TeardownProgress], list[NeedsPersonError]]:
        """All there ever were, or those of a state; oldest first, and an error for each that cannot be read."""
        told: list[TeardownProgress] = []
        unread: list[NeedsPersonError] = []
        for one in await self.cluster.list(kind_of("ConfigMap"), NAMESPACE, {LABEL: state}):
            try:
                told.append(_folded(one))
            except NeedsPersonError as error:
                unread.append(error)
        return sorted(told, key=lambda one: one.teardown), unread

    def _chain(self, name: str, version: str) -> Chain:
        ref = Ref(kind_of("ConfigMap"), name, NAMESPACE)
        return Chain(self.cluster, ref, version, "teardown", code="teardown-lost", prefix=PREFIX)


def _folded(found: Object) -> TeardownProgress:
    name, data = str(found["metadata"]["name"]), found.get("data") or {}
    if not isinstance(data, dict):
        raise torn(name, "its records are no mapping")
    return fold((data[key] for key in sorted(data)), name)


def _next(
    progress: TeardownProgress,
    clock: Clock,
    word: Word,
    step: str,
    detail: Mapping[str, Any],
    epoch: int,
    holder: str,
) -> tuple[str, TeardownProgress]:
    """The next line, checked by folding it before anyone sees it."""
    entry = Entry(
        seq=progress.seq + 1,
        at=clock.now(),
        teardown=progress.teardown,
        epoch=epoch,
        holder=holder,
        word=word,
        step=step,
        detail=json.loads(json.dumps(detail, default=str)),
        previous=progress.tip,
    )
    line = json.dumps(entry.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if len(line.encode()) > RECORD_LIMIT:
        raise torn(progress.teardown, f"record {entry.seq} would have more than {RECORD_LIMIT} bytes")
    return line, take(progress, line)


async def refuse_torn_down(cluster: Cluster, clock: Clock, model: str) -> None:
    """Raise RefusedError while a teardown is open that takes the model, or something of it, away."""
    for one in await Teardowns(cluster, clock).open_ones():
        if one.covers(model):
            raise RefusedError(
                f"{one.title} is open at step {one.step or 'end'}, begun by {one.holder}",
                where=f"ConfigMap {NAMESPACE}/{one.teardown}",
                next_action=f"{one.command} carries it on; {one.command} --abort gives it up",
                code="teardown-open",
            )
