"""Six moves under load, at least 2,000 requests each: ``make bench-moves``.

Starts a lab of its own, holds each source warm long enough for the number of requests, prints a table and writes
it, with machine and date, into ``docs/benchmarks.md`` between its two marks.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import nullcontext
from typing import Any

from benchmarks.page import machine, write

from pointsman.demo.demo import Demo, Outcome, Plan, Stage
from pointsman.demo.platform import example_model
from pointsman.demo.reconciliation import sentence
from pointsman.demo.tenants import Traffic
from pointsman.lab import controlplane
from pointsman.lab.narration import Narrator
from pointsman.move.context import Options
from pointsman.report.lines import PlainLines

RATE = 16.0
REQUESTS = 2000
HOLD = 105.0
"""Seconds; with some 40 s of everything else a move meets more than 2,000 requests at 16/s."""
ROUTE = ("kserve", "raw-vllm", "llm-d", "kserve", "llm-d", "raw-vllm")
"""From raw-vllm: every directed pair once."""


def main() -> int:
    """Run, print, write; 1 when a request was lost, a move met too few, or its own time missed the goal."""
    with tempfile.TemporaryDirectory(prefix="pm-") as state:
        os.environ["POINTSMAN_STATE"] = state
        with Narrator() as narrator:
            lab = controlplane.up("bench", report=narrator)
        try:
            outcome = asyncio.run(_run(lab))
        finally:
            controlplane.down("bench", purge=True)
    lines = table(outcome)
    sys.stdout.write("\n".join(lines) + "\n")
    if outcome.error is not None:
        sys.stderr.write(f"{outcome.error}\n")
        return 1
    write("moves", "Moves", lines)
    few = [one for one in outcome.moves if one["requests"] < REQUESTS]
    slow = [one for one in outcome.moves if one["overheadSeconds"] > one["overheadGoalSeconds"]]
    return 1 if outcome.lost or few or slow or len(outcome.moves) < len(ROUTE) else 0


async def _run(lab: controlplane.Lab) -> Outcome:
    plan = Plan(
        example_model(),
        lab.config.kubeconfig,
        proxy=lab.config.proxy_url,
        simulated=True,
        route=ROUTE,
        traffic=Traffic(rate=RATE, seconds=3600),
        options=Options(hold=HOLD),
    )
    stage = Stage(
        say=lambda text: print(text, file=sys.stderr, flush=True),  # noqa: T201 - a program's own narration
        watching=lambda title: nullcontext(PlainLines(sys.stderr)),
        moved=lambda receipt: print(_row(receipt), file=sys.stderr, flush=True),  # noqa: T201
    )
    return await Demo(plan, stage).run()


def table(outcome: Outcome) -> list[str]:
    """The table, with where and when."""
    head = f"{machine()}; simulated engines, {RATE:g} requests/s, 40 % streams, hold {HOLD:g} s."
    columns = "| from | to | requests | streams in flight | lost | cut | wrong | p50 / p95 / p99 before"
    return [
        head,
        "",
        columns + " | during | after | move | own time |",
        "|---|---|--:|--:|--:|--:|--:|---|---|---|--:|--:|",
        *(_row(one) for one in outcome.moves),
        "",
        f"Together, with those between the moves, {outcome.load.get('requests', 0)} requests, {outcome.lost} lost; "
        f"{_counted(outcome)}.",
    ]


def _counted(outcome: Outcome) -> str:
    return sentence(outcome.reconciliation) if outcome.reconciliation else "the engines could not be counted"


def _row(one: dict[str, Any] | Any) -> str:
    felt = (_spread(one["tenants"][name]) for name in ("before", "during", "after"))
    cells = (
        one["from"],
        one["to"],
        str(one["requests"]),
        f"{100 * one['streamShareInFlight']:.0f} %",
        str(one["lost"]),
        str(one["cut"]),
        str(one["wrong"]),
        *felt,
        f"{one['seconds']:.0f} s",
        f"{one['overheadSeconds']:.1f} s",
    )
    return "| " + " | ".join(cells) + " |"


def _spread(felt: dict[str, Any]) -> str:
    return " / ".join(f"{felt['latency'].get(rank, 0):.2f}" for rank in ("p50", "p95", "p99")) + " s"


if __name__ == "__main__":
    sys.exit(main())
