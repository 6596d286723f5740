"""The status of models as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

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
        name, alias, move = model["name"], model["alias"] or "-", _move(model["move"])
        for layer in model["layers"] or [UNKNOWN]:
            traffic = f"{layer['traffic']} %" if layer["traffic"] is not None else "-"
            rows.add(name, alias, layer["layer"], _state(layer), layer["replicas"], traffic, move)
            name = alias = move = ""
    rows.write(stream)
    for model in models:
        for warning in model["warnings"]:
            note(stream, f"{model['name']}: {warning}")


def _state(layer: Mapping[str, Any]) -> str:
    said = str(layer["state"])
    return f"{said}: {layer['reason']}" if said == "not ready" else said


def _move(move: Mapping[str, Any] | None) -> str:
    if move is None:
        return ""
    return f"{move['from']} → {move['to']}, {move['state']} at {move['step'] or 'start'} by {move['holder']}"
