"""The status of models as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from pointsman.report.table import table

__all__ = ["print_status"]

COLUMNS = ("MODEL", "ALIAS", "LAYER", "STATE", "REPLICAS", "TRAFFIC", "MOVE")


def print_status(console: Console, models: Sequence[Mapping[str, Any]]) -> None:
    """One row per layer of each model."""
    if not models:
        console.print("no models: bring one up with pointsman up MODEL")
        return
    rows = table(COLUMNS, names=("MODEL", "ALIAS", "LAYER"))
    for model in models:
        name, alias, move = model["name"], model["alias"], _move(model["move"])
        for layer in model["layers"]:
            traffic = f"{layer['traffic']} %" if layer["traffic"] is not None else "-"
            rows.add_row(name, alias, layer["layer"], _state(layer), layer["replicas"], traffic, move)
            name = alias = move = ""
    console.print(rows)
    for model in models:
        for warning in model["warnings"]:
            console.print(f"{model['name']}: {warning}", style="yellow", highlight=False)


def _state(layer: Mapping[str, Any]) -> str:
    said = str(layer["state"])
    return f"{said}: {layer['reason']}" if said == "not ready" else said


def _move(move: Mapping[str, Any] | None) -> str:
    if move is None:
        return ""
    return f"{move['from']} → {move['to']}, {move['state']} at {move['step'] or 'start'} by {move['holder']}"
