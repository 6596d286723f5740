"""What there is: models, their layers, readiness, traffic and running moves, from a handful of lists.

Nothing is asked per model when many are shown: what they have is listed, and the layers' own verdicts are given what
was listed. One model alone is asked for by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from pointsman.edge.contract import AliasState, Replica
from pointsman.errors import PointsmanError
from pointsman.kube.resources import Ref, kind_of
from pointsman.kube.shapes import misfit
from pointsman.layers.contract import EnginePods, Layer, Live
from pointsman.move.boundary import Clock, Cluster
from pointsman.move.inventory import Found, each, labelled, rest
from pointsman.move.journal.ledger import Ledger, Summary
from pointsman.move.journal.teardowns import TeardownProgress, Teardowns
from pointsman.move.records import UNKEPT, Record, records
from pointsman.move.standing import otherwise, split, warnings_of
from pointsman.spec.model import Model

__all__ = ["ReadAliases", "ReadRunning", "overview", "overview_of"]

ReadAliases = Callable[[Sequence[Model]], Awaitable[Mapping[str, AliasState | PointsmanError]]]
"""Reads many models' aliases at once, by model; an error stands in the place of an alias that cannot be read."""


Running = Sequence[Replica] | PointsmanError
ReadRunning = Callable[[Sequence[Model]], Awaitable[Mapping[str, Running]]]
"""Asks the replicas of many models' edges what they have loaded, by model; costs them more than reading what is
declared costs anybody."""

ASKED = 20
"""Of so many models replicas are asked what they run; of more only those that move, and one that is asked for alone."""

Reads = Mapping[str, Sequence[Ref]]
"""What each layer of a model is judged by, by the layer's id."""


async def overview(
    cluster: Cluster,
    clock: Clock,
    layers: Sequence[Layer],
    aliases_of: ReadAliases,
    running_of: ReadRunning | None = None,
) -> list[dict[str, Any]]:
    """All models that the cluster knows, as JSON-like data, by name."""
    known, (moves, torn), going = await asyncio.gather(
        _known(cluster), Ledger(cluster, clock).open_ones(), Teardowns(cluster, clock).every("open")
    )
    leaving = {name for one in going[0] for name in one.plan.models}
    unkept = (moves.keys() | torn.keys() | leaving) - {one.name for one in known}
    known = sorted([*known, *(Record(name, None, UNKEPT) for name in unkept)], key=_by_name)
    models = [one.model for one in known if one.model is not None]
    reads = {model.name: _reads(model, layers) for model in models}
    wanted = [ref for one in reads.values() for refs in one.values() for ref in refs]
    found = await labelled(cluster, {ref.kind for ref in wanted})
    asked = [model for model in models if len(models) <= ASKED or model.name in moves]
    more, aliases, running = await asyncio.gather(
        rest(cluster, wanted, found), aliases_of(models), _running(running_of, asked)
    )
    view = _View(layers, found | more, aliases, running, moves, torn, *going)
    return [view.row(one, reads.get(one.name, {})) for one in known]


async def overview_of(
    record: Record,
    cluster: Cluster,
    clock: Clock,
    layers: Sequence[Layer],
    aliases_of: ReadAliases,
    running_of: ReadRunning | None = None,
) -> dict[str, Any]:
    """One model; what others have is not read."""
    models = [record.model] if record.model is not None else []
    reads = {layer: refs for model in models for layer, refs in _reads(model, layers).items()}
    found, (moves, torn), going, aliases, running = await asyncio.gather(
        each(cluster, {ref for refs in reads.values() for ref in refs}),
        Ledger(cluster, clock).open_ones(model=record.name),
        Teardowns(cluster, clock).every("open"),
        aliases_of(models),
        _running(running_of, models),
    )
    return _View(layers, found, aliases, running, moves, torn, *going).row(record, reads)


async def _running(read: ReadRunning | None, models: Sequence[Model]) -> Mapping[str, Running]:
    return await read(models) if read is not None and models else {}


async def _known(cluster: Cluster) -> list[Record]:
    return list({one.name: one async for page in records(cluster) for one in page}.values())


def _by_name(record: Record) -> str:
    return record.name


def _reads(model: Model, layers: Sequence[Layer]) -> Reads:
    return {layer.id: layer.reads(model) for layer in layers}


@dataclass(frozen=True, slots=True)
class _View:
    """What was found in the cluster, of one model or of all."""

    layers: Sequence[Layer]
    found: Found
    aliases: Mapping[str, AliasState | PointsmanError]
    running: Mapping[str, Running]
    """Of models whose replicas were asked."""
    moves: Mapping[str, Summary]
    """Open ones, by model."""
    torn: Mapping[str, PointsmanError]
    """Why an open move of a model cannot be told."""
    teardowns: Sequence[TeardownProgress]
    """Open ones."""
    unread: Sequence[PointsmanError]
    """Why an open teardown cannot be told; it may be of any model."""

    def row(self, record: Record, reads: Reads) -> dict[str, Any]:
        """One model."""
        teardown = next((one.as_dict() for one in self.teardowns if one.covers(record.name)), None)
        return {**self._row(record, reads), "teardown": teardown}

    def _row(self, record: Record, reads: Reads) -> dict[str, Any]:
        move, warnings = _move(self.moves.get(record.name)), list(self._warnings(record.name))
        if record.model is None:
            return _row(
                record.name, move=move, warnings=[f"{record.problem}; pointsman up FILE writes it anew", *warnings]
            )
        model, alias = record.model, self.aliases[record.name]
        shares = split(alias) if isinstance(alias, AliasState) else {}
        rows = [
            self._layer(model, layer, reads[layer.id], shares.get(layer.id))
            for layer in self.layers
            if layer.id == model.spec.layer or layer.id in shares or self._any(reads[layer.id])
        ]
        present = [row for row in rows if row["state"] != "absent" or row["traffic"] is not None]
        row = _row(
            model.name,
            declared=model.spec.layer,
            alias=model.spec.tenant.alias,
            shares=shares,
            layers=present or [row for row in rows if row["layer"] == model.spec.layer],
            move=move,
            warnings=[*warnings_of(model, alias), *warnings],
        )
        running = self.running.get(model.name)
        if running is None or isinstance(running, PointsmanError) or isinstance(alias, PointsmanError):
            return row
        return row | {"running": otherwise(alias, running)}

    def _warnings(self, name: str) -> Iterator[str]:
        if error := self.torn.get(name):
            yield f"{error.where}: {error.what}; next: {error.next_action}"
        for error in self.unread:
            yield f"{error.where}: {error.what}; next: {error.next_action}"
        for one in self.teardowns:
            if one.covers(name):
                why = f": {one.failure}" if one.failure else ""
                yield f"{one.title} is open at step {one.step or 'end'}{why}; {one.command} carries it on"
        if isinstance(running := self.running.get(name), PointsmanError):
            yield f"what replicas of its edge run cannot be asked: {running.what}"

    def _any(self, refs: Sequence[Ref]) -> bool:
        """Is any of these there? Of a layer that has nothing there is nothing to say."""
        return any(ref in self.found for ref in refs)

    def _layer(self, model: Model, layer: Layer, reads: Sequence[Ref], traffic: int | None) -> dict[str, Any]:
        live: Live = {ref: self.found.get(ref) for ref in reads}
        if odd := _odd(live):
            known = {"layer": layer.id, "state": "not ready", "reason": odd, "replicas": "?"}
            return {**known, "traffic": traffic, "gpus": 0}
        verdict = layer.readiness(model, live)
        state = "ready" if verdict.ready else "not ready"
        if live[reads[0]] is None:
            state = "absent"
        elif layer.parked(model, live):
            state = "parked"
        return {
            "layer": layer.id,
            "state": state,
            "reason": verdict.reason,
            "replicas": _replicas(live, layer.engines(model)),
            "traffic": traffic,
            "gpus": layer.gpus(model) if state in ("ready", "not ready") else 0,
        }


def _row(
    name: str,
    *,
    declared: str | None = None,
    alias: str | None = None,
    shares: Mapping[str, int] | None = None,
    layers: Sequence[dict[str, Any]] = (),
    move: dict[str, Any] | None,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """A model as it is told; of one whose record cannot be read only its name and its move are known."""
    return {
        "name": name,
        "declaredLayer": declared,
        "alias": alias,
        "split": dict(shares or {}),
        "layers": list(layers),
        "move": move,
        "warnings": list(warnings),
    }


def _odd(live: Live) -> str:
    """An object that is none of its kind, and what is odd of it; empty when all are as they should be."""
    there = ((ref, one) for ref, one in live.items() if one is not None)
    return next((f"{ref}: {wrong}" for ref, one in there if (wrong := misfit(ref.kind.name, one))), "")


def _replicas(live: Live, engines: Sequence[EnginePods]) -> str:
    """Ready of asked, over the Deployments of engines; what only routes to them is no replica of the model."""
    found = [
        one
        for ref, one in live.items()
        if one is not None and ref.kind == kind_of("Deployment") and any(map(partial(_makes, one), engines))
    ]
    ready = sum(int(one.get("status", {}).get("readyReplicas") or 0) for one in found)
    asked = sum(int(one.get("spec", {}).get("replicas") or 0) for one in found)
    return f"{ready}/{asked}"


def _makes(deployment: Mapping[str, Any], pods: EnginePods) -> bool:
    template = (deployment.get("spec") or {}).get("template") or {}
    labels = (template.get("metadata") or {}).get("labels") or {}
    return pods.labels.items() <= labels.items()


def _move(move: Summary | None) -> dict[str, Any] | None:
    if move is None:
        return None
    progress = move.progress
    return {
        "id": progress.move,
        "from": progress.plan.source,
        "to": progress.plan.target,
        "state": progress.state.value,
        "step": progress.step,
        "holder": progress.holder,
        "awaiting": progress.awaiting,
        "since": progress.opened.isoformat() if progress.opened else "",
        "owed": dict(progress.owed),
    }
