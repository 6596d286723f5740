"""``docs/faults.md``, written from what a run saw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.page import machine

from pointsman.demo.reconciliation import Bounds, Reconciliation
from tests.faults.case import Case
from tests.faults.losses import at_stake
from tests.faults.outcome import Outcome

__all__ = ["row", "write_table"]

HEAD = """# Faults a move survives

Each row is one move from raw vLLM to KServe in the lab, under tenants who call six times a second, with one fault in
it. The table is written by the run itself (`make faults`); a request counts as lost unless the whole right answer came.
The column "receipt" holds the receipts of all moves of a case against the tenants' ledger: what the receipts say that
tenants were answered, and what engines answered outside of moves, is the ledger's number, or a range that holds it.

| fault | exit | error | what the operator reads | tenants end on | requests | lost | receipt | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the page."""
    lines = (f"| {' | '.join(one['cells'])} |\n" for one in rows)
    requests, lost = (sum(one[key] for one in rows) for key in ("requests", "lost"))
    closing = f"\nTogether {len(rows)} faults, {requests} requests of tenants, {lost} lost.\n\n{machine()}.\n"
    path.write_text(HEAD + "".join(lines) + closing, encoding="utf-8")


def row(case: Case, seen: Outcome) -> dict[str, Any]:
    """What is told of one fault."""
    title = case.title + (f" ({seen.answers})" if seen.answers else "")
    words = " ".join(seen.what.split())[:340].replace("|", "/")
    lost = str(seen.felt["lost"]) + (f" of {at_stake(seen)} under way at the death" if case.loss != "none" else "")
    code = f"`{seen.code}`" if seen.code else ""
    cells = (
        title,
        seen.exit,
        code,
        words,
        seen.layer,
        seen.felt["requests"],
        lost,
        _receipt(seen.books),
        f"{seen.seconds:.0f}",
    )
    return {"cells": [str(cell) for cell in cells], "requests": seen.felt["requests"], "lost": seen.felt["lost"]}


def _receipt(books: Reconciliation) -> str:
    if books.exact:
        return "= ledger"
    sums = sum((one.receipts + one.outside for one in books.layers.values()), Bounds())
    most = "∞" if math.isinf(sums.most) else f"{sums.most:.0f}"
    return f"range {sums.least:.0f}–{most} {'holds' if books.agrees else 'DOES NOT HOLD'}"
