"""Six moves under load on a platform that Argo CD keeps as git has it: ``make bench-moves-gitops``.

From an empty lab, by the commands that an operator types: ``init``, a feature on, ``resolve``, a push, ``root``, keys,
``wait``, ``sync``, ``up``; then every directed pair of layers once, each move a row of commits that the real Argo CD,
selfHeal on, brings into the cluster. Prints a table and writes it, with machine and date, into ``docs/benchmarks.md``.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.moves import ROUTE
from benchmarks.page import machine, write
from tests.conftest import RunningLab
from tests.gitops.commits import Commit, commits, unexplained
from tests.gitops.initialised import Platform
from tests.gitops.secret_values import secret_values, told_in
from tests.move.tenants import accounts

from pointsman.demo.ledger import Window
from pointsman.demo.receipt import joined
from pointsman.demo.reconciliation import Reconciliation, sentence
from pointsman.lab import controlplane
from pointsman.lab.narration import Narrator

RATE = 8.0
"""Requests a second, whatever happens."""
REQUESTS = 500
"""That each move has to meet."""
HOLD = 20
AROUND = 5.0
"""Seconds of load before and after each move."""


@dataclass
class Outcome:
    """How it went."""

    platform: Platform
    bring_up: float = 0.0
    """Seconds from an empty clone to a model that answers."""
    moves: list[dict[str, Any]] = field(default_factory=list)
    commits: list[Commit] = field(default_factory=list)
    reconciliation: Reconciliation | None = None
    requests: int = 0

    def wrong(self) -> Iterator[str]:
        """Whatever must not be, in words."""
        for one in self.moves:
            yield from short_of(one)
        if len(self.moves) < len(ROUTE):
            yield f"{len(self.moves)} of {len(ROUTE)} moves were made"
        if self.reconciliation is None or not self.reconciliation.agrees or self.reconciliation.failed:
            yield sentence(self.reconciliation) if self.reconciliation else "the engines could not be counted"
        yield from unexplained(self.commits, [str(one["move"]) for one in self.moves])
        yield from told_in(self.platform, secret_values(self.platform.lab), list(self.platform.said))


def short_of(move: Mapping[str, Any]) -> Iterator[str]:
    """What one move's receipt says that must not be, in words."""
    name = f"{move['from']} → {move['to']}"
    if move["lost"] or move["wrong"] or move["cut"]:
        yield f"{name}: {move['lost']} lost, {move['wrong']} wrong, {move['cut']} cut"
    if move["requests"] < REQUESTS:
        yield f"{name}: only {move['requests']} requests"
    if not all(move["waits"].get(kind) for kind in ("git", "argo-cd")):
        yield f"{name}: git and Argo CD are not told apart: {move['waits']}"
    if move["overheadSeconds"] > move["overheadGoalSeconds"]:
        yield f"{name}: own time {move['overheadSeconds']} s, at most {move['overheadGoalSeconds']} s were meant"


def main() -> int:
    """Run, print, write; 1 when anything is as it must not be."""
    with tempfile.TemporaryDirectory(prefix="pm-") as state:
        os.environ["POINTSMAN_STATE"] = state
        with Narrator() as narrator:
            lab = controlplane.up("bench", gitops=True, report=narrator)
        try:
            platform = Platform(RunningLab(lab.config), Path(tempfile.mkdtemp(dir=state)))
            outcome = Outcome(platform)
            asyncio.run(_run(outcome))
            lines, wrong = table(outcome), list(outcome.wrong())
            log = platform("git", "log", "--reverse", "--format=%h %an: %s", "origin/main")
        finally:
            controlplane.down("bench", purge=True)
    sys.stdout.write("\n".join([*lines, "", *log.splitlines()]) + "\n")
    sys.stderr.write("".join(f"{one}\n" for one in wrong))
    if not wrong:
        write("moves-through-git", "Moves through git", lines)
    return 1 if wrong else 0


async def _run(outcome: Outcome) -> None:
    platform, began = outcome.platform, time.monotonic()
    await asyncio.to_thread(_brought_up, outcome)
    outcome.bring_up = time.monotonic() - began
    base = platform("git", "rev-parse", "HEAD").strip()
    async with accounts(platform.lab, rate=RATE, seed=61) as books:
        await asyncio.sleep(AROUND)
        for target in ROUTE:
            began = books.load.now()
            receipt = await asyncio.to_thread(_move, outcome, target)
            window = Window(began, books.load.now())
            await asyncio.sleep(AROUND)
            await books.load.settle()
            outcome.moves.append(joined(receipt, books.load.ledger, window, AROUND))
            _say(_row(outcome.moves[-1]))
    outcome.requests = len(books.load.ledger.entries)
    outcome.reconciliation = await asyncio.to_thread(books.reconcile, outcome.moves)
    outcome.commits = commits(platform, base)


def _brought_up(outcome: Outcome) -> None:
    """As the README of the platform tells it."""
    platform = outcome.platform

    def typed(*words: str) -> None:
        _say("$ " + " ".join(words))
        platform(*words)

    typed("pointsman", "init", ".")
    typed("pointsman", "features", "enable", "llm-d")
    typed("make", "resolve-groups", "check")
    platform.push("A platform for qwen, with llm-d")
    for name, value in (("user.name", "An Operator"), ("user.email", "operator@example.com")):
        platform("git", "config", name, value)
    typed("pointsman", "root", "--profile", "full", "--yes")
    typed("make", "secrets")
    typed("pointsman", "wait", "--profile", "full", "--timeout", "5m")
    typed("pointsman", "sync", "raw-vllm", "--yes")
    typed("make", "vllm-up")
    typed("pointsman", "wait", "raw-vllm", "--timeout", "3m")
    typed("pointsman", "up", "models/qwen.yaml")
    platform.answered()


def _move(outcome: Outcome, target: str) -> dict[str, Any]:
    """One move, by the command line; its receipt."""
    platform = outcome.platform
    words = ("pointsman", "move", "models/qwen.yaml", "--to", target, "--yes", "--hold", str(HOLD), "--output", "json")
    _say("$ " + " ".join(words))
    process = subprocess.run(
        words, cwd=platform.path, env=platform.environment(), capture_output=True, text=True, timeout=900, check=False
    )
    platform.said += [process.stdout, process.stderr]
    if process.returncode:
        raise SystemExit(f"{' '.join(words)} ended with {process.returncode}: {process.stderr[-2000:]}")
    receipt: dict[str, Any] = json.loads(process.stdout)
    return receipt


def table(outcome: Outcome) -> list[str]:
    """The table, with where and when."""
    head = (
        f"{machine()}; simulated engines, Argo CD 3.2.6 with selfHeal, {RATE:g} requests/s, 40 % streams, "
        f"hold {HOLD} s. From an empty clone to a model that answers: {outcome.bring_up:.0f} s."
    )
    columns = "| from | to | requests | lost | cut | wrong | p50 / p95 / p99 during | commits | move | git | Argo CD |"
    made = [[one for one in outcome.commits if one.move == move["move"]] for move in outcome.moves]
    rows = (_row(move, str(len(found))) for move, found in zip(outcome.moves, made, strict=True))
    counted = sentence(outcome.reconciliation) if outcome.reconciliation else "the engines could not be counted"
    return [
        head,
        "",
        f"{columns} other waits | own time | at most |",
        "|---|---|--:|--:|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
        f"Together, with those between the moves, {outcome.requests} requests; {counted}. "
        f"{len(outcome.commits)} commits, each of one of these moves, none twice; no value of a Secret in the "
        "repository, in a journal, or in anything that was printed.",
    ]


def _row(one: dict[str, Any], made: str = "") -> str:
    waits, latency = one["waits"], one["tenants"]["during"]["latency"]
    others = sum(seconds for kind, seconds in waits.items() if kind not in ("git", "argo-cd"))
    cells = (
        *(one["from"], one["to"], one["requests"], one["lost"], one["cut"], one["wrong"]),
        " / ".join(f"{latency.get(rank, 0):.2f}" for rank in ("p50", "p95", "p99")) + " s",
        made,
        f"{one['seconds']:.0f} s",
        *(f"{waits.get(kind, 0.0):.1f} s" for kind in ("git", "argo-cd")),
        f"{others:.0f} s",
        f"{one['overheadSeconds']:.1f} s",
        f"{one['overheadGoalSeconds']:.1f} s",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program's own narration


if __name__ == "__main__":
    sys.exit(main())
