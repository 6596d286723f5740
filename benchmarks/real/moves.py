"""The moves of the runbook with a real engine and real weights: ``make real``.

A lab whose pods run the installed vLLM, on raw vLLM, KServe and llm-d, behind the real LiteLLM. Tenants call at a
pace that two cores carry. The model moves to another precision, back to the first one on a third layer, and back in
the same one; then other weights are put on a layer, and the move there has to be refused. At the end the engine is
asked what of our assumptions it keeps. All of it becomes ``docs/real-engines.md``.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.page import machine, write
from benchmarks.real.assumptions import assumptions, versions
from benchmarks.real.judged import PAGE
from benchmarks.real.serving import CONTEXT, SMALL, Home

from pointsman.demo.demo import Demo, Outcome, Plan, Stage
from pointsman.demo.platform import example_model
from pointsman.demo.tenants import Traffic
from pointsman.errors import PointsmanError
from pointsman.kube.client import Client
from pointsman.lab import controlplane
from pointsman.lab.narration import Narrator
from pointsman.move.context import Options
from pointsman.report.lines import PlainLines
from pointsman.spec.model import Model

CLAIM = "measured"
RATE, PATIENCE = 0.15, 240.0
"""Tenants' requests a second, and seconds they wait: an engine that starts takes processors from one that serves."""
ROUTE = ("kserve", "llm-d", "raw-vllm")
PRECISION = {"raw-vllm": "float32", "kserve": "bfloat16", "llm-d": "float32"}
WRONG = "off-2"
QUIET = {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
"""Two engines on two cores: threads that wait for work by turning in circles take it from the other engine."""
NAMESPACES = ("serving", "kserve", "llm-d")
OPTIONS = Options(ready_timeout=900.0)


EVIDENCE = {
    "errors": 0.3,
    "ttftP50": 50,
    "ttftP95": 100,
    "itlP50": 50,
    "itlP95": 100,
    "miss": 0.2,
    "requests": 110,
    "minutes": 10,
    "noise": 50,
    "slack": 10,
}
"""Wide, so that a few of our own requests tell equals: two engines share the cores with each other and all else."""


def model(home: Home, kserve: str = "smollm2") -> Model:
    """The example's model on CPUs, with weights that lie on the node."""
    said = example_model().model_dump(mode="json", by_alias=True)
    spec = said["spec"]
    spec["engine"]["args"] = ["--enforce-eager"]
    spec["engine"]["env"] = {**SMALL, **QUIET, "VLLM_CACHE_ROOT": str(home.models / ".vllm")}
    spec["move"]["evidence"] = EVIDENCE
    spec["accelerator"] = {"gpusPerReplica": 0}
    spec["contract"]["maxModelLen"] = CONTEXT
    for layer, precision in PRECISION.items():
        path = kserve if layer == "kserve" else "smollm2"
        spec["layers"][layer] = {
            **spec["layers"][layer],
            "args": [f"--dtype={precision}"],
            "weights": {"pvc": {"claim": CLAIM, "path": path}},
        }
    return Model.model_validate(said)


@dataclass
class Run:
    """What was seen."""

    outcome: Outcome = field(default_factory=Outcome)
    refused: str = ""
    """How the move to other weights ended."""
    kept: Sequence[str] = ()
    """Rows of the table of assumptions."""


async def _volumes(client: Client, folder: Path) -> None:
    """A claim in each namespace, of the folder with the weights."""
    for namespace in NAMESPACES:
        name, size = f"{CLAIM}-{namespace}", {"storage": "10Gi"}
        claim = {"namespace": namespace, "name": CLAIM}
        common = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
        await client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        await client.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolume",
                "metadata": {"name": name},
                "spec": {**common, "capacity": size, "hostPath": {"path": str(folder)}, "claimRef": claim},
            }
        )
        await client.apply(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": claim,
                "spec": {**common, "resources": {"requests": size}, "volumeName": name},
            }
        )


def _stage() -> Stage:
    def say(text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    return Stage(
        say=say,
        watching=lambda title: nullcontext(PlainLines(sys.stderr)),
        moved=lambda receipt: say(_row(receipt)),
    )


def _plan(lab: controlplane.Lab, which: Model, route: Sequence[str]) -> Plan:
    traffic = Traffic(rate=RATE, seconds=3600, patience=PATIENCE)
    proxy = lab.config.proxy_url
    return Plan(which, lab.config.kubeconfig, proxy=proxy, exact=False, route=route, traffic=traffic, options=OPTIONS)


async def _run(home: Home, lab: controlplane.Lab) -> Run:
    run = Run()
    async with Client.from_kubeconfig(lab.config.kubeconfig) as client:
        await _volumes(client, home.models)
    run.outcome = await Demo(_plan(lab, model(home), ROUTE), _stage()).run()
    if run.outcome.error is None and not run.outcome.interrupted:
        wrong = model(home, f"smollm2+{WRONG}")
        after = await Demo(_plan(lab, wrong, ("kserve",)), _stage()).run()
        run.refused = _ending(after.error, after.lost)
        run.kept = await assumptions(home)
    return run


def _ending(error: PointsmanError | None, lost: int) -> str:
    return "" if error is None or error.code != "contract.weights" or lost else f"{error.code}: {error.what}"


def _row(one: dict[str, Any] | Any) -> str:
    felt = " / ".join(f"{one['tenants']['during']['latency'].get(rank, 0):.1f}" for rank in ("p50", "p95", "p99"))
    precision = f"{PRECISION[one['from']]} → {PRECISION[one['to']]}"
    counts = " | ".join(str(one[name]) for name in ("requests", "lost", "cut", "wrong"))
    return f"| {one['from']} → {one['to']} | {precision} | {counts} | {felt} s | {one['seconds']:.0f} s |"


def page(run: Run) -> list[str]:
    """The page's part."""
    return [
        f"{machine()}; {versions(Home())}; SmolLM2-135M-Instruct; {RATE:g} requests/s.",
        "",
        "| move | precision | requests | lost | cut | wrong | p50 / p95 / p99 during it | took |",
        "|---|---|--:|--:|--:|--:|---|--:|",
        *(_row(one) for one in run.outcome.moves),
        "",
        f"Together {run.outcome.load.get('requests', 0)} requests, {run.outcome.lost} lost; {run.outcome.counted()}.",
        "",
        f"Every weight off by 2 % on KServe: the move there was {'refused' if run.refused else '**not** refused'}"
        + (f" ({run.refused})." if run.refused else "."),
    ]


def _modest(home: Home) -> Path:
    """The engine behind everybody else: two of them on two cores leave a control plane no time, and locks are lost."""
    program = home.models / "vllm"
    program.write_text(f'#!/bin/sh\nexec nice -n 10 "{home.scripts / "vllm"}" "$@"\n', "utf-8")
    program.chmod(0o755)
    return program


def main() -> int:
    """Run, print, write; 1 when a request was lost, counts differ, or other weights were let through."""
    home = Home()
    asyncio.run(_made(home))
    os.environ["POINTSMAN_VLLM"] = str(_modest(home))
    with tempfile.TemporaryDirectory(prefix="pm-") as state:
        os.environ["POINTSMAN_STATE"] = state
        with Narrator() as narrator:
            lab = controlplane.up("real", engine="real", report=narrator)
        try:
            run = asyncio.run(_run(home, lab))
        finally:
            controlplane.down("real", purge=True)
    lines = page(run)
    sys.stdout.write("\n".join([*run.kept, "", *lines]) + "\n")
    if run.outcome.error is not None or run.outcome.interrupted:
        sys.stderr.write(f"{run.outcome.error or 'interrupted'}\n")
        return 1
    write("assumptions", "What it keeps of our assumptions", run.kept, PAGE)
    write("moves", "Moves", lines, PAGE)
    counted = run.outcome.reconciliation
    whole = len(run.outcome.moves) == len(ROUTE) and counted is not None and counted.exact
    return 0 if whole and not run.outcome.lost and run.refused else 1


async def _made(home: Home) -> None:
    await home.make("models")
    await home.make("variants", "smollm2", WRONG)


if __name__ == "__main__":
    sys.exit(main())
