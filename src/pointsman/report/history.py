"""The moves there were, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from pointsman.report.table import table
from pointsman.report.text import took

__all__ = ["print_history"]

COLUMNS = ("MOVE", "MODEL", "FROM → TO", "STATE", "BEGAN (UTC)", "TOOK", "TENANTS", "CUT")


def print_history(console: Console, found: Mapping[str, Any]) -> None:
    """One row per move, oldest first; then the journals that could not be read."""
    if not found["moves"] and not found["unreadable"]:
        console.print("no moves: begin one with pointsman move MODEL --to LAYER")
        return
    rows = table(COLUMNS, names=("MOVE", "MODEL", "BEGAN (UTC)"))
    for one in found["moves"]:
        began = one["started"][:19].replace("T", " ")
        spent = took(one["seconds"]) if one["ended"] else "-"
        way = f"{one['from']} → {one['to']}"
        rows.add_row(one["move"], one["model"], way, one["state"], began, spent, str(one["tenants"]), str(one["cut"]))
    console.print(rows)
    for error in found["unreadable"]:
        console.print(f"{error['where']}: {error['what']}", style="yellow", highlight=False)
