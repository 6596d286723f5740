"""A thousand models, a thousand aliases, some 6,000 objects of theirs: ``make bench-scale``.

Starts a lab of its own (``POINTSMAN_TEST_LAB`` names one that runs already), fills it and compares, within the run and
best of several, so that a busy machine slows both sides: each view of a cluster with ``kubectl get --raw`` of the very
lists that it asks for, a plan with 1,000 entries at the edge with a plan with one. ``lint`` has 1,000 files. One alias
is edited and checked among 1,000 entries, while a task that ticks sees how long the event loop stands still. Fails
when a goal is missed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.counting import counted
from benchmarks.crowd import crowd, declare, populate, settle
from benchmarks.page import machine, write
from benchmarks.process import Cost, best, kubectl, pointsman, turns

from pointsman.demo.platform import apply_platform, example_model, example_root
from pointsman.edge.litellm_values import litellm_values
from pointsman.kube.client import Client
from pointsman.lab import controlplane
from pointsman.lab.config import LabConfig
from pointsman.lab.narration import Narrator
from pointsman.lab.paths import lab_home
from pointsman.layers.registry import LAYERS

MODELS = 1000
ROUNDS = 7
PLANS = 3
EDITS = 5
VIEWS = ("status", "cost", "audit", "doctor")
ENDS = (0, 1, 5)
"""Exit codes of a view: nothing, something found, not all seen."""
MORE_SECONDS, MORE_MIB, MOST_CALLS = 1.0, 150.0, 64
"""A view may take so much longer, and so much more memory, than ``kubectl get --raw`` of its lists; a list of 500
objects or fewer is a call."""
LINT_SECONDS = 5.0
PLAN_SECONDS, PLAN_RATIO = 2.0, 1.7
EDIT_SECONDS, BLOCKED_SECONDS = 0.3, 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """A line of the table."""

    what: str
    measured: str
    ratio: str
    goal: str
    held: bool

    def row(self) -> str:
        """The line."""
        return f"| {self.what} | {self.measured} | {self.ratio} | {self.goal} | {'yes' if self.held else '**no**'} |"


def main() -> int:
    """Fill, measure, print, write; 1 when a goal is missed."""
    with _lab() as lab:
        os.environ["KUBECONFIG"] = str(lab.kubeconfig)
        figures = asyncio.run(_measured(lab.kubeconfig))
    table = [
        f"{machine()}; best of {ROUNDS}, in turns.",
        "",
        "| | measured | ratio | goal | held |",
        "|---|--:|--:|---|---|",
        *(one.row() for one in figures),
    ]
    sys.stdout.write("\n".join(table) + "\n")
    write("scale", "A thousand models", table)
    return 0 if all(one.held for one in figures) else 1


@contextmanager
def _lab() -> Iterator[LabConfig]:
    if named := os.environ.get("POINTSMAN_TEST_LAB", ""):
        yield LabConfig.load(Path(named) if "/" in named else lab_home(named))
        return
    with tempfile.TemporaryDirectory(prefix="pm-") as state:
        os.environ["POINTSMAN_STATE"] = state
        with Narrator() as narrator:
            lab = controlplane.up("scale", report=narrator)
        try:
            yield lab.config
        finally:
            controlplane.down("scale", purge=True)


async def _measured(kubeconfig: Path) -> list[Figure]:
    models = crowd(MODELS)
    async with Client.from_kubeconfig(kubeconfig) as client:
        await apply_platform(client, example_model())
        _say("one model is brought up")
        pointsman("up", str(example_root() / "models" / "qwen.yaml"))
        alone = _plan()
        _say(f"{MODELS} models are put there")
        objects = await settle(client, models)
        _say(f"{MODELS} entries are put into the edge's configuration")
        await declare(client, example_model().spec.tenant.edge, models)
        crowded = _plan()
        _say("pods, claims, routes and InferenceServices are put beside them")
        objects += await populate(client, models)
        _say(f"{objects} objects are there")
        figures = [one for view in VIEWS for one in _view(view, kubeconfig)]
        figures += [
            _lint(),
            Figure(
                "plan with 1,001 entries, with one",
                f"{crowded.seconds:.2f} s, {alone.seconds:.2f} s",
                f"{crowded.seconds / alone.seconds:.2f}",
                f"at most {PLAN_SECONDS:g} s, or {PLAN_RATIO:g}",
                crowded.seconds <= PLAN_SECONDS or crowded.seconds <= PLAN_RATIO * alone.seconds,
            ),
        ]
        return [*figures, *await _edits(client)]


def _view(view: str, kubeconfig: Path) -> Iterator[Figure]:
    """Time and memory beside those of kubectl that fetches the same lists; calls."""
    _say(view)
    with tempfile.TemporaryDirectory(prefix="pm-") as folder, counted(kubeconfig, Path(folder)) as (road, asked):
        pointsman(view, "--kubeconfig", str(road), codes=ENDS)
        calls, lists = len(asked.calls), asked.lists()
    ours, theirs = turns(ROUNDS, lambda: pointsman(view, codes=ENDS), lambda: kubectl(lists))
    yield Figure(
        f"{view}; the same {len(lists)} lists by kubectl",
        f"{ours.seconds:.2f} s, {theirs.seconds:.2f} s",
        f"{ours.seconds / theirs.seconds:.2f}",
        f"at most {MORE_SECONDS:g} s, or {MORE_SECONDS:g} s more",
        ours.seconds <= MORE_SECONDS or ours.seconds <= theirs.seconds + MORE_SECONDS,
    )
    yield Figure(
        "of a processor; kubectl's",
        f"{ours.processor:.2f} s, {theirs.processor:.2f} s",
        f"{ours.processor / theirs.processor:.2f}",
        "",
        True,
    )
    yield Figure(
        "resident memory; kubectl's",
        f"{ours.mebibytes:.0f} MiB, {theirs.mebibytes:.0f} MiB",
        f"{ours.mebibytes / theirs.mebibytes:.2f}",
        f"at most {MORE_MIB:g} MiB more",
        ours.mebibytes <= theirs.mebibytes + MORE_MIB,
    )
    yield Figure("calls, each page one", f"{calls}", "", f"at most {MOST_CALLS}", calls <= MOST_CALLS)


def _lint() -> Figure:
    """A repository of so many Models."""
    _say("lint")
    text = (example_root() / "models" / "qwen.yaml").read_text("utf-8")
    with tempfile.TemporaryDirectory(prefix="pm-") as folder:
        for number in range(MODELS):
            made = text.replace("  name: qwen\n", f"  name: qwen-{number}\n").replace(
                "name: raw-vllm", f"name: raw-{number}"
            )
            made = made.replace("name: qwen-llmd", f"name: llmd-{number}")
            (Path(folder) / f"{number}.yaml").write_text(made, "utf-8")
        cost = best(PLANS, lambda: pointsman("lint", folder, codes=ENDS))
    return Figure(
        f"lint of {MODELS} Models; of a processor",
        f"{cost.seconds:.2f} s, {cost.processor:.2f} s",
        "",
        f"at most {LINT_SECONDS:g} s of a processor",
        cost.processor <= LINT_SECONDS,
    )


def _plan() -> Cost:
    spec = str(example_root() / "models" / "qwen.yaml")
    return best(PLANS, lambda: pointsman("plan", spec, "--to", "kserve"))


async def _edits(client: Client) -> list[Figure]:
    """One alias among 1,001 entries: edited and checked, by the real edge, while a task ticks."""
    _say("one alias is edited")
    model = example_model()
    spent: list[float] = []
    still: list[float] = []
    for number in range(EDITS):
        edge = litellm_values(client, model, {layer.id: layer.endpoint(model).base_url for layer in LAYERS})
        (member,) = (await edge.read()).members
        ticking = asyncio.create_task(_longest_gap(still))
        begun = time.perf_counter()
        await edge.write([replace(member, weight=100 + number % 2)])
        spent.append(time.perf_counter() - begun)
        ticking.cancel()
        await asyncio.wait([ticking])
    return [
        _in_time("one alias edited, checked and written", min(spent), EDIT_SECONDS),
        _in_time("the event loop stood still meanwhile, at most", min(still), BLOCKED_SECONDS),
    ]


def _in_time(what: str, seconds: float, goal: float) -> Figure:
    return Figure(what, f"{seconds * 1000:.0f} ms", "", f"at most {goal * 1000:.0f} ms", seconds <= goal)


async def _longest_gap(found: list[float]) -> None:
    """Tick until cancelled; then tell the longest time between two ticks beyond what was asked for."""
    longest, last = 0.0, time.perf_counter()
    try:
        while True:
            await asyncio.sleep(0.001)
            now = time.perf_counter()
            longest, last = max(longest, now - last - 0.001), now
    finally:
        found.append(longest)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a program's own narration


if __name__ == "__main__":
    sys.exit(main())
