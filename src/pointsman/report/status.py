"""The status of models as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

from pointsman.layers.registry import LAYERS
from pointsman.report.table import Table, note

__all__ = ["print_status"]

COLUMNS = ("MODEL", "ALIAS", "LAYER", "STATE", "REPLICAS", "TRAFFIC", "MOVE")

UNKNOWN = {"layer": "-", "state": "unknown", "replicas": "-", "traffic": None}
"""In the place of the layers of a model whose record cannot be read."""


def print_status(stream: TextIO, models: Sequence[Mapping[str, Any]]) -> None:
    """One row per layer of each model."""
    if not models:
        stream.write("no models: bring one up with pointsman up MODEL\n")
        return
    rows = Table(COLUMNS, names=("MODEL", "ALIAS", "LAYER"))
    for model in models:
        name, alias, move = model["name"], model["alias"] or "-", _move(model["move"]) or _teardown(model)
        for layer in model["layers"] or [UNKNOWN]:
            traffic = f"{layer['traffic']} %" if layer["traffic"] is not None else "-"
            rows.add(name, alias, layer["layer"], _state(layer), layer["replicas"], traffic, move)
            name = alias = move = ""
    rows.write(stream)
    for model in models:
        for line in [*_owed(model["move"]), *_running(model)]:
            note(stream, f"{model['name']}: {line}")
        for warning in model["warnings"]:
            note(stream, f"{model['name']}: {warning}")


def _state(layer: Mapping[str, Any]) -> str:
    said = str(layer["state"])
    return f"{said}: {layer['reason']}" if said == "not ready" else said


def _move(move: Mapping[str, Any] | None) -> str:
    if move is None:
        return ""
    waits = f", waits for {move['awaiting']}" if move.get("awaiting") else ""
    return f"{move['from']} → {move['to']}, {move['state']} at {move['step'] or 'start'} by {move['holder']}{waits}"


def _teardown(model: Mapping[str, Any]) -> str:
    one = model.get("teardown")
    return f"torn down: {one['done']} of {one['steps']} steps by {one['holder']}" if one else ""


def _owed(move: Mapping[str, Any] | None) -> Iterator[str]:
    """What the way back could not do yet."""
    owed = (move or {}).get("owed")
    if owed:
        yield f"owed since git or Argo CD did not answer ({owed['why']}): {owed['what']}; pointsman rollback does it"


def _running(model: Mapping[str, Any]) -> Iterator[str]:
    """What replicas of the edge run instead of what is declared, and since when."""
    for group in model.get("running") or ():
        told = f"{group['replicas']} of {group['of']} replicas"
        if group["split"] is None:
            yield f"what {told} of the edge run is not known: {group['why']}"
            continue
        same = group["split"] == model["split"]
        runs = f"other members ({_members(group['members'])})" if same else _split(group["split"])
        since = f" since {_clock(group['since'])}" if group["since"] else ""
        yield f"declared {_split(model['split'])}, running {runs} on {told}{since}"


def _split(parts: Mapping[str, int]) -> str:
    """``90 % KServe and 10 % raw vLLM``."""
    titles = {layer.id: layer.title for layer in LAYERS}
    return " and ".join(f"{percent} % {titles.get(layer, layer)}" for layer, percent in parts.items()) or "nobody"


def _members(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items()) or "none"


def _clock(at: str) -> str:
    """``12:04:31 UTC``, with the date when that was not today."""
    moment = datetime.fromisoformat(at).astimezone(UTC)
    day = "" if moment.date() == datetime.now(UTC).date() else f"{moment:%Y-%m-%d} "
    return f"{day}{moment:%H:%M:%S} UTC"
