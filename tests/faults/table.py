"""``docs/faults.md``, written from what a run saw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsman.demo.reconciliation import Bounds, Reconciliation
from tests.faults.case import Case
from tests.faults.losses import at_stake
from tests.faults.outcome import Outcome

__all__ = ["Row", "write_table"]

HEAD = """# Faults a move survives

Each row is one move from raw vLLM to KServe in the lab, under tenants who call eight times a second, with one fault in
it. The table is written by the run itself (`make faults`); a request counts as lost unless the whole right answer came.
The column "receipt" holds the receipts of all moves of a case against the tenants' ledger: what the receipts say that
tenants were answered, and what engines answered outside of moves, is the ledger's number, or a range that holds it.

| fault | exit | error | what the operator reads | tenants end on | requests | lost | receipt | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    case: Case
    outcome: Outcome


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write the page."""
    path.write_text(HEAD + "".join(_line(row) for row in rows))


def _line(row: Row) -> str:
    seen = row.outcome
    title = row.case.title + (f" ({seen.answers})" if seen.answers else "")
    words = " ".join(seen.what.split())[:340].replace("|", "/")
    lost = str(seen.felt["lost"]) + (f" of {at_stake(seen)} under way at the death" if row.case.loss != "none" else "")
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
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _receipt(books: Reconciliation) -> str:
    if books.exact:
        return "= ledger"
    sums = sum((row.receipts + row.outside for row in books.layers.values()), Bounds())
    most = "∞" if math.isinf(sums.most) else f"{sums.most:.0f}"
    return f"range {sums.least:.0f}–{most} {'holds' if books.agrees else 'DOES NOT HOLD'}"
