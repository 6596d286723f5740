"""The moves there were, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from pointsman.report.text import took

__all__ = ["print_history"]


def print_history(console: Console, found: Mapping[str, Any]) -> None:
    """One row per move, oldest first; then the journals that could not be read."""
    if not found["moves"] and not found["unreadable"]:
        console.print("no moves: begin one with pointsman move MODEL --to LAYER")
        return
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for column in ("MOVE", "MODEL", "FROM → TO", "STATE", "BEGAN (UTC)", "TOOK", "TENANTS", "CUT"):
        table.add_column(column, overflow="fold")
    for one in found["moves"]:
        began = one["started"][:19].replace("T", " ")
        spent = took(one["seconds"]) if one["ended"] else "-"
        way = f"{one['from']} → {one['to']}"
        table.add_row(one["move"], one["model"], way, one["state"], began, spent, str(one["tenants"]), str(one["cut"]))
    console.print(table)
    for error in found["unreadable"]:
        console.print(f"{error['where']}: {error['what']}", style="yellow", highlight=False)
