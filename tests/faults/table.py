"""``docs/faults.md``, written from what a run saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.faults.cases import Case
from tests.faults.run import Outcome

__all__ = ["Row", "write_table"]

HEAD = """# Faults a move survives

Each row is one move from raw vLLM to KServe in the lab, under tenants who call eight times a second, with one fault in
it. The table is written by the run itself (`make faults`); a request counts as lost unless the whole right answer came.

| fault | exit | error | what the operator reads | tenants end on | requests | lost | seconds |
| --- | --- | --- | --- | --- | --- | --- | --- |
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
    words = " ".join(seen.what.split())[:220].replace("|", "/")
    lost = str(seen.felt["lost"]) + (" (in flight on what died)" if seen.felt["lost"] else "")
    code = f"`{seen.code}`" if seen.code else ""
    cells = (title, seen.exit, code, words, seen.layer, seen.felt["requests"], lost, round(seen.seconds))
    return "| " + " | ".join(map(str, cells)) + " |\n"
