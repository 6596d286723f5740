"""Tables of ``docs/soak.md``, written from what the runs saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.page import machine, write

__all__ = ["sums", "write_table"]

COLUMNS = (
    *("move", "then", "runs", "deaths", "past no return", "tenants' requests", "lost", "wrong"),
    *("objects too many or missing", "receipt = ledger", "in a receipt's range", "widest range"),
)
OF_GIT = ("commits", "not explained or twice")


def write_table(mark: str, title: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """Write one of the page's tables: a line for each move and verb."""
    kinds: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for one in runs:
        move, _, verb = str(one["run"]).rsplit("-", 2)
        kinds.setdefault((move, verb), []).append(one)
    git = any("commits" in one for one in runs)
    columns = (*COLUMNS, *(OF_GIT if git else ()))
    lines = [
        f"| {' | '.join(columns)} |",
        f"| --- | --- |{' --: |' * (len(columns) - 2)}",
        *(_line(*kind, kinds[kind], git=git) for kind in sorted(kinds)),
    ]
    records = sorted({int(str(one["run"]).rsplit("-", 2)[1]) for one in runs if one["killed"]})
    where = f"Killed at records {', '.join(map(str, records))}."
    write(mark, title, [*lines, "", f"Together {sums(runs)}.", where, "", f"{machine()}."], "soak.md")


def _line(move: str, verb: str, runs: list[Mapping[str, Any]], *, git: bool) -> str:
    deaths, late = sum(one["killed"] for one in runs), sum(one["refused"] for one in runs)
    felt = (sum(one[key] for one in runs) for key in ("requests", "lost", "wrong"))
    told = [sum(one["receipt"] == how for one in runs) for how in ("exact", "range")]
    widest = f"{max(one['width'] for one in runs):g}"
    orphans = sum(len(one["orphans"]) for one in runs)
    of_git = (sum(one["commits"] for one in runs), sum(len(one["unexplained"]) for one in runs)) if git else ()
    cells = (move, f"`{verb}`", len(runs), deaths, late, *felt, orphans, *told, widest, *of_git)
    return "| " + " | ".join(map(str, cells)) + " |"


def sums(found: Sequence[Mapping[str, Any]]) -> str:
    """One sentence about all of them."""
    killed = [one for one in found if one["killed"]]
    late = sum(one["refused"] for one in killed)
    requests, lost = (sum(one[key] for one in found) for key in ("requests", "lost"))
    exact = sum(one["receipt"] == "exact" for one in found)
    widest = max((one["width"] for one in found), default=0)
    made = sum(one.get("commits", 0) for one in found)
    odd = sum(len(one.get("unexplained", ())) for one in found)
    git = f"; {made} commits, {odd} of them not explained or made twice" if made else ""
    return (
        f"{len(found)} runs, {len(killed)} deaths, {late} rollbacks past the point of no "
        f"return; {requests} requests of tenants, {lost} lost; {exact} receipts are the ledger to the request, "
        f"{len(found) - exact} say a range that holds it, at most {widest:g} wide{git}"
    )
