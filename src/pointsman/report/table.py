"""A table for people: as wide as it has to be in a pipe, folded in a terminal, where names stay whole."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

__all__ = ["page", "table"]

WIDE = 1000
"""Columns of a pipe: whatever reads it wants a row a line."""


def page() -> Console:
    """Standard output."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def table(columns: Sequence[str], names: Sequence[str] = ()) -> Table:
    """An empty table; columns of ``names`` are never folded, since people copy from them."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in names)
    return made
