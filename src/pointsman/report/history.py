"""The moves there were, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TextIO

from pointsman.report.table import Table, note
from pointsman.report.text import took

__all__ = ["print_history"]

COLUMNS = ("MOVE", "MODEL", "FROM → TO", "STATE", "BEGAN (UTC)", "TOOK", "TENANTS", "CUT")


def print_history(stream: TextIO, found: Mapping[str, Any]) -> None:
    """One row per move, oldest first; then the journals that could not be read."""
    if not found["moves"] and not found["unreadable"]:
        stream.write("no moves: begin one with pointsman move MODEL --to LAYER\n")
        return
    rows = Table(COLUMNS, names=("MOVE", "MODEL", "BEGAN (UTC)"))
    for one in found["moves"]:
        began = one["started"][:19].replace("T", " ")
        spent = took(one["seconds"]) if one["ended"] else "-"
        way = f"{one['from']} → {one['to']}"
        rows.add(one["move"], one["model"], way, one["state"], began, spent, str(one["tenants"]), str(one["cut"]))
    rows.write(stream)
    for error in found["unreadable"]:
        note(stream, f"{error['where']}: {error['what']}")
