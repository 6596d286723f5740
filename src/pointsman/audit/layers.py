"""Layers of models that run though no alias leads there, and moves that nobody carries on."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence

from pointsman.audit.finding import Finding, Ground
from pointsman.cost.items import GPU, Item
from pointsman.cost.models import Owner
from pointsman.edge.contract import AliasState
from pointsman.errors import PointsmanError
from pointsman.layers.contract import Layer
from pointsman.move.journal.ledger import Summary
from pointsman.report.counting import count_of
from pointsman.spec.model import Model

__all__ = ["idle_layers", "open_moves"]

Aliases = Mapping[str, AliasState | PointsmanError]


def idle_layers(ground: Ground, layers: Sequence[Layer], aliases: Aliases, busy: Collection[str]) -> Iterator[Finding]:
    """With pods on nodes, and no share and no standby of any alias.

    ``busy``: models that somebody moves or brings up, of which nothing is said.
    """
    if not ground.needs("layers that no alias leads to", ("Pod", "Model")):
        return
    running: dict[Owner, list[Item]] = {}
    for one in ground.items.values():
        if one.kind == GPU and one.owner.layer and one.reserved:
            running.setdefault(one.owner, []).append(one)
    for owner, items in running.items():
        model, alias = ground.owners.models.get(owner.model), aliases.get(owner.model)
        if model is None or owner.model in busy or alias is None:
            continue
        if isinstance(alias, PointsmanError):
            ground.unseen[f"where alias {model.spec.tenant.alias} of model {model.name} leads"] = alias.what
        elif owner.layer not in {one.layer for one in alias.members}:
            layer = next(one for one in layers if one.id == owner.layer)
            yield _idle(ground, model, layer, items)


def _idle(ground: Ground, model: Model, layer: Layer, items: Sequence[Item]) -> Finding:
    held = sum(one.devices.get(name, 0) for one in items for name in one.devices)
    money, why = ground.money(*(one.name for one in items))
    on = f"{model.name} --layer {layer.id}"
    end = f"pointsman down {on}"
    note = f"that parks it, and its volumes stay; pointsman teardown {on} takes it away, claims too"
    if model.spec.layer == layer.id:
        patch = layer.park(model)[0]
        space = f" -n {patch.ref.namespace}" if patch.ref.namespace else ""
        body = json.dumps(patch.body, separators=(",", ":"))
        end = f"kubectl{space} patch {patch.ref.kind.name.lower()} {patch.ref.name} --type merge -p '{body}'"
        note = f"the model is declared on it: this parks it; pointsman up {model.name} points its alias there"
    return Finding(
        "layer",
        f"{layer.title} of model {model.name}",
        f"model {model.name}",
        f"it runs ({count_of(len(items), 'pod')}, {count_of(held, 'accelerator')}), and no alias leads there",
        end,
        note,
        money,
        why,
    )


def open_moves(ground: Ground, moves: Mapping[str, Summary], alive: Mapping[str, bool]) -> Iterator[Finding]:
    """Begun, not ended, and no process holds them now: both layers may be running."""
    for name, move in moves.items():
        progress = move.progress
        if alive.get(name):
            continue
        pods = [key for key, one in ground.items.items() if one.kind == GPU and one.owner.model == name]
        money, why = ground.money(*pods)
        since = f" since {progress.at.isoformat(timespec='seconds')}" if progress.at else ""
        what = f"it is {progress.state.value} at step {progress.step or 'start'}, and nobody carries it on{since}"
        end, note = f"pointsman resume {name}", f"or takes it back: pointsman rollback {name}"
        yield Finding("move", f"move {progress.move}", f"model {name}", what, end, note, money, why)
