"""``docs/soak.md``, written from what the runs saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.page import machine

__all__ = ["sums", "write_table"]

COLUMNS = (
    *("move", "then", "runs", "deaths", "past no return", "tenants' requests", "lost", "wrong"),
    *("objects too many or missing", "receipt = ledger", "in a receipt's range", "widest range"),
)
HEAD = f"""# Moves whose process is killed at every record

Each run is one move in the lab under tenants who call three times a second. Its process is killed (SIGKILL) as soon as
the journal has reached a record; another process then says `resume` or `rollback`. The objects are compared with those
after a move that nobody killed (`resume`), or with those before (`rollback`). Past the point of no return a rollback is
refused and the move is finished instead; the number of a record that a move does not reach kills nothing, and ends the
series. Each run's receipts are held against the tenants' ledger: they are the same to the request or, where the process
died with requests of its own under way, the receipt says a range, and the ledger lies in it. Written by `make soak`.

| {" | ".join(COLUMNS)} |
| --- | --- |{" --: |" * (len(COLUMNS) - 2)}
"""


def write_table(path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
    """Write the page: a line for each move and verb."""
    kinds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in runs:
        move, _, verb = str(one["run"]).rsplit("-", 2)
        kinds.setdefault((move, verb), []).append(one)
    rows = "".join(_line(*kind, kinds[kind]) for kind in sorted(kinds))
    path.write_text(f"{HEAD}{rows}\nTogether {sums(runs)}.\n\n{machine()}.\n", encoding="utf-8")


def _line(move: str, verb: str, runs: list[Mapping[str, Any]]) -> str:
    deaths, late = sum(one["killed"] for one in runs), sum(one["refused"] for one in runs)
    felt = (sum(one[key] for one in runs) for key in ("requests", "lost", "wrong"))
    told = [sum(one["receipt"] == how for one in runs) for how in ("exact", "range")]
    widest = f"{max(one['width'] for one in runs):g}"
    orphans = sum(len(one["orphans"]) for one in runs)
    cells = (move, f"`{verb}`", len(runs), deaths, late, *felt, orphans, *told, widest)
    return "| " + " | ".join(map(str, cells)) + " |\n"


def sums(found: Sequence[Mapping[str, Any]]) -> str:
    """One sentence about all of them."""
    killed = [one for one in found if one["killed"]]
    late = sum(one["refused"] for one in killed)
    requests, lost = (sum(one[key] for one in found) for key in ("requests", "lost"))
    exact = sum(one["receipt"] == "exact" for one in found)
    widest = max((one["width"] for one in found), default=0)
    return (
        f"{len(found)} runs, {len(killed)} deaths, {late} rollbacks past the point of no "
        f"return; {requests} requests of tenants, {lost} lost; {exact} receipts are the ledger to the request, "
        f"{len(found) - exact} say a range that holds it, at most {widest:g} wide"
    )
