"""Strategies on labs with 1, 2 and 4 accelerators and models of 1 to 3 replicas: ``make bench-strategies``.

One lab a row, each with tenants who call all the time. Printed and written into ``docs/benchmarks.md``: the strategy
chosen, the time without an engine as predicted when the move began, as measured at the edge, and as the tenants felt
it. Fails when a prediction is off by more than 25 % and 5 s, or a request was lost where no gap was agreed to.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from benchmarks.page import machine, write

from pointsman.demo.demo import Demo, Outcome, Plan, Stage
from pointsman.demo.platform import example_model
from pointsman.demo.tenants import Traffic
from pointsman.lab import controlplane
from pointsman.lab.narration import Narrator
from pointsman.move.context import Options
from pointsman.report.lines import PlainLines
from pointsman.spec.model import Model
from pointsman.spec.resources import Accelerator

RATE = 6.0
OFF_SECONDS, OFF_SHARE = 5.0, 0.25


@dataclass(frozen=True, slots=True)
class Case:
    """One lab and its moves."""

    gpus: int
    replicas: int
    bridge: bool = False
    route: tuple[str, ...] = ("kserve",)

    @property
    def name(self) -> str:
        """For the lab and the table."""
        return f"g{self.gpus}r{self.replicas}{'b' if self.bridge else ''}"


CASES = (
    Case(1, 1, route=("kserve", "raw-vllm", "kserve")),
    Case(1, 1, bridge=True, route=("llm-d",)),
    Case(2, 1),
    Case(2, 2),
    Case(4, 1),
    Case(4, 2),
    Case(4, 3),
)


def main() -> int:
    """Run all cases, or those named on the command line; 0 when every prediction held and nothing was lost unasked."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    named = set(sys.argv[1:])
    rows: list[str] = []
    bad: list[str] = []
    with tempfile.TemporaryDirectory(prefix="pm-") as state:
        os.environ["POINTSMAN_STATE"] = state
        for case in CASES:
            if named and case.name not in named:
                continue
            outcome = asyncio.run(_case(case))
            rows += [_row(case, one) for one in outcome.moves]
            bad += [f"{case.name}: {why}" for why in _wrong(outcome)]
    head = "| GPUs | replicas | move | strategy | requests | lost | no engine: predicted | at the edge | felt | move |"
    table = [f"{machine()}; simulated engines, {RATE:g} requests/s.", "", head, "|--:|--:|---|---|" + "--:|" * 6, *rows]
    sys.stdout.write("\n".join(table) + "\n")
    sys.stderr.write("".join(f"{one}\n" for one in bad))
    if not named:
        write("strategies", "Strategies", table)
    return 1 if bad else 0


async def _case(case: Case) -> Outcome:
    with Narrator() as narrator:
        lab = controlplane.up(case.name, gpus=case.gpus, report=narrator)
    try:
        plan = Plan(
            model_of(case),
            lab.config.kubeconfig,
            proxy=lab.config.proxy_url,
            simulated=True,
            route=case.route,
            traffic=Traffic(rate=RATE, seconds=3600),
            options=Options(hold=3.0, allow_downtime=300.0),
        )
        stage = Stage(
            say=lambda text: print(f"{case.name}: {text}", file=sys.stderr, flush=True),  # noqa: T201 - narration
            watching=lambda title: nullcontext(PlainLines(sys.stderr)),
            moved=lambda receipt: print(_row(case, receipt), file=sys.stderr, flush=True),  # noqa: T201
        )
        return await Demo(plan, stage).run()
    finally:
        controlplane.down(case.name, purge=True)


def model_of(case: Case) -> Model:
    """The example model with the case's replicas, small enough for a lab's CPUs; KServe on the CPU as a bridge."""
    model = example_model()
    changes: dict[str, Any] = {"replicas": case.replicas}
    if case.bridge:
        kserve = model.spec.layers.kserve.model_copy(update={"accelerator": Accelerator(gpus_per_replica=0)})
        changes["layers"] = model.spec.layers.model_copy(update={"kserve": kserve})
        changes["move"] = model.spec.move.model_copy(update={"bridge": "kserve"})
    return model.model_copy(update={"spec": model.spec.model_copy(update=changes)})


def _row(case: Case, one: Any) -> str:
    felt = one["tenants"]["during"]
    cells = (
        case.gpus,
        case.replicas,
        f"{one['from']} → {one['to']}",
        one["strategy"],
        one["requests"],
        one["lost"],
        f"{one['predicted']['downtimeSeconds']:.1f} s",
        f"{one['downtime']['measuredSeconds'] or 0.0:.1f} s",
        f"{felt['silentSeconds']:.1f} s",
        f"{one['seconds']:.0f} s",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _wrong(outcome: Outcome) -> Iterator[str]:
    """What must not be."""
    if outcome.error is not None:
        yield str(outcome.error)
    for one in outcome.moves:
        predicted, measured = one["predicted"]["downtimeSeconds"], one["downtime"]["measuredSeconds"] or 0.0
        off = abs(predicted - measured)
        if off > max(OFF_SECONDS, OFF_SHARE * measured):
            yield f"{one['from']} → {one['to']}: predicted {predicted:.1f} s, measured {measured:.1f} s"
        felt = one["tenants"]["during"]["silentSeconds"]
        if abs(felt - measured) > max(OFF_SECONDS, OFF_SHARE * measured):
            yield f"{one['from']} → {one['to']}: measured {measured:.1f} s, tenants felt {felt:.1f} s"
        if one["lost"] and one["strategy"] != "gap":
            yield f"{one['from']} → {one['to']}, {one['strategy']}: {one['lost']} lost"


if __name__ == "__main__":
    sys.exit(main())
