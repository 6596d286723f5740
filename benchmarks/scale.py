"""What very many models cost: ``status``, ``plan`` and one change of an alias, against the same lists by kubectl.

A lab of its own holds 1,000 models without pods, one that is served, and an edge whose configuration has 1,000 entries.
Every figure is the best of several tries, every goal a ratio or a bound within this run. Exit code 1 if one is missed.

    python -m benchmarks.scale [--models 1000]
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.crowd import alias_entries, crowd, settle
from benchmarks.page import machine, write

from pointsman.demo.platform import apply_platform, example_model
from pointsman.edge.contract import Member, member_id
from pointsman.edge.litellm_values import LiteLLMValues, litellm_values
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.toolchain import ensure_toolchain
from pointsman.layers.registry import LAYERS, layer
from pointsman.spec.model import Model

LAB = "bench-scale"
MODEL = "examples/platform/models/qwen.yaml"
TRIES = 5
LISTS = (
    "/api/v1/namespaces/pointsman-system/configmaps",
    "/apis/apps/v1/deployments",
    "/apis/serving.kserve.io/v1beta1/inferenceservices",
    "/apis/serving.kserve.io/v1alpha2/llminferenceservices",
    "/api/v1/namespaces/llm-gateway/configmaps",
)
"""What ``status`` has to know, as an operator would ask for it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One figure and its goal."""

    what: str
    figure: str
    goal: str
    held: bool


@dataclass(frozen=True, slots=True)
class Spent:
    """The best of several runs of a program: seconds, and MiB of memory."""

    seconds: float
    memory: float


def run(words: Sequence[str], tries: int = TRIES) -> Spent:
    """Run a program several times; its best time, and its least memory."""
    times, memory = [], []
    for _ in range(tries):
        begun = time.perf_counter()
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, words
        times.append(time.perf_counter() - begun)
        memory.append(usage.ru_maxrss / 1024)
    return Spent(min(times), min(memory))


class Paper:
    """A cluster that has the edge's objects and nothing else, so that only the program's own work is timed."""

    def __init__(self, text: str) -> None:
        self.text, self.version = text, 1

    async def find(self, ref: Ref) -> dict[str, Any]:
        """The ConfigMap, or a Deployment that is rolled out."""
        await asyncio.sleep(0)
        if ref.kind == kind_of("ConfigMap"):
            return {"metadata": {"resourceVersion": str(self.version)}, "data": {"config.yaml": self.text}}
        template = {"spec": {"volumes": [{"configMap": {"name": "litellm-config"}}]}}
        spec = {"replicas": 1, "selector": {"matchLabels": {"app": "litellm"}}, "template": template}
        return {"metadata": {"generation": 1}, "spec": spec, "status": {}}

    async def patch(self, ref: Ref, body: dict[str, Any], **rest: Any) -> dict[str, Any]:
        """A change."""
        if ref.kind == kind_of("ConfigMap"):
            self.text, self.version = body["data"]["config.yaml"], self.version + 1
        return {}

    async def list(self, *words: Any, **rest: Any) -> list[dict[str, Any]]:
        """No pods."""
        return []


def configuration(models: Sequence[Model]) -> str:
    """An edge of so many aliases."""
    tail = "router_settings: {allowed_fails: 0, cooldown_time: 30}\n"
    return (
        f"model_list:\n{alias_entries(models)}{tail}general_settings: {{master_key: os.environ/LITELLM_MASTER_KEY}}\n"
    )


async def edit(models: Sequence[Model]) -> tuple[float, float]:
    """Read the edge and give one alias a second member: processor seconds, and how long the loop stood still."""
    model, best, longest = models[len(models) // 2], float("inf"), float("inf")
    for _ in range(TRIES):
        edge: LiteLLMValues = litellm_values(
            Paper(configuration(models)),  # type: ignore[arg-type]
            model,
            {one.id: one.endpoint(model).base_url for one in LAYERS},
        )
        stood = [0.0]
        ticking = asyncio.create_task(_tick(stood))
        await asyncio.sleep(0.01)
        begun = time.process_time()
        (first,) = (await edge.read()).members
        more = Member(
            member_id(model.name, "kserve"),
            "kserve",
            layer("kserve").endpoint(model).base_url,
            first.served_name,
            10,
            first.alias,
        )
        await edge.write([dataclasses.replace(first, weight=90), more])
        best = min(best, time.process_time() - begun)
        ticking.cancel()
        longest = min(longest, max(stood))
    return best, longest


async def _tick(stood: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0.001)
        now = time.perf_counter()
        stood.append(now - last - 0.001)
        last = now


async def prepare(kubeconfig: Path, models: Sequence[Model]) -> int:
    """The example platform, and the crowd; returns how many objects."""
    async with Client.from_kubeconfig(kubeconfig) as client:
        await apply_platform(client, example_model())
        return await settle(client, models)


async def declare(kubeconfig: Path, models: Sequence[Model]) -> None:
    """Write an alias for each of them into the edge's configuration, before what is there."""
    edge = example_model().spec.tenant.edge
    ref = Ref(kind_of("ConfigMap"), edge.config_map, edge.namespace)
    async with Client.from_kubeconfig(kubeconfig) as client:
        text = str((await client.get(ref))["data"][edge.key])
        assert "model_list:\n" in text
        told = text.replace("model_list:\n", f"model_list:\n{alias_entries(models)}", 1)
        await client.patch(ref, {"data": {edge.key: told}})


def rolled(kubectl: Sequence[str]) -> None:
    """Somebody restarts the edge and waits for it."""
    edge = example_model().spec.tenant.edge
    where = [f"deployment/{edge.deployment}", "-n", edge.namespace]
    subprocess.run([*kubectl, "rollout", "restart", *where], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*kubectl, "rollout", "status", "--timeout=300s", *where], check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    """Run it, print it, write the page."""
    parser = argparse.ArgumentParser(description="status, plan and one edit with very many models")
    parser.add_argument("--models", type=int, default=1000)
    models = crowd(parser.parse_args().models)
    pointsman = [sys.executable, "-m", "pointsman"]
    with tempfile.TemporaryDirectory(prefix="pointsman-scale-") as state:
        os.environ["POINTSMAN_STATE"] = state
        subprocess.run([*pointsman, "lab", "up", "--name", LAB], check=True)
        try:
            kubeconfig = Path(state) / "labs" / LAB / "kubeconfig"
            lines = measured(models, pointsman, kubeconfig)
        finally:
            subprocess.run([*pointsman, "lab", "down", "--name", LAB, "--purge"], check=True)
    table = ["| what | figure | goal | |", "|---|--:|--:|---|"]
    table += [f"| {one.what} | {one.figure} | {one.goal} | {'held' if one.held else '**missed**'} |" for one in lines]
    head = f"{machine()}; {len(models)} models without pods, best of {TRIES}."
    write("scale", "Many models", [head, "", *table])
    print("\n".join([head, *table]))  # noqa: T201 - what it is for
    return 0 if all(one.held for one in lines) else 1


def measured(models: Sequence[Model], pointsman: Sequence[str], kubeconfig: Path) -> list[Line]:
    """All figures."""
    count = len(models)
    asyncio.run(prepare(kubeconfig, models))
    kubectl = [ensure_toolchain().tool("kubectl"), f"--kubeconfig={kubeconfig}"]
    raw = [run([*kubectl, "get", "--raw", path]) for path in LISTS]
    lists = Spent(sum(one.seconds for one in raw), max(one.memory for one in raw))
    status = [*pointsman, "status", "--kubeconfig", str(kubeconfig)]
    few = run(status)
    cpu, stood = asyncio.run(edit(models))
    subprocess.run([*pointsman, "up", MODEL, "--kubeconfig", str(kubeconfig)], check=True, stdout=subprocess.DEVNULL)
    plan = [*pointsman, "plan", MODEL, "--to", "kserve", "--kubeconfig", str(kubeconfig)]
    short = run(plan, 3)
    asyncio.run(declare(kubeconfig, models))
    rolled(kubectl)
    long = run(plan, 3)
    many = run(status)
    one = run([*status, models[0].name])
    more = many.memory - lists.memory
    return [
        Line(f"status of {count} models", f"{few.seconds:.2f} s", "1 s", few.seconds <= 1.0),
        Line(
            f"status of {count} models and {count} aliases",
            f"{many.seconds:.2f} s, {many.seconds / lists.seconds:.1f} × the same lists by kubectl",
            "1 s",
            many.seconds <= 1.0,
        ),
        Line("its memory, more than the largest of these lists by kubectl", f"{more:.0f} MiB", "150 MiB", more <= 150),
        Line(
            "status of one among them",
            f"{one.seconds:.2f} s, {one.seconds / many.seconds:.2f} × of all",
            "1 s",
            one.seconds <= 1.0,
        ),
        Line(
            f"plan with {count} entries",
            f"{long.seconds:.2f} s, {long.seconds / short.seconds:.1f} × with one",
            "2 s",
            long.seconds <= 2.0,
        ),
        Line(
            f"one alias of {count} read, changed and checked",
            f"{cpu:.2f} s of a processor, {len(configuration(models)) / 1024:.0f} KiB",
            "0.3 s",
            cpu <= 0.3,
        ),
        Line("the longest time the loop stood still in it", f"{1000 * stood:.0f} ms", "50 ms", stood <= 0.05),
    ]


if __name__ == "__main__":
    sys.exit(main())
