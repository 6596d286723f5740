"""``cost``, ``audit`` and ``doctor`` over many models: how often they ask, what stands on top, filters, ``--watch``."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pointsman.cost.account import ASKED
from tests.cli.cluster import serving
from tests.cli.program import run
from tests.cli.terminal import terminal
from tests.cli.test_status import models, platform
from tests.cli.watched import ended, watching
from tests.cost.paid import PRICES, PaidCluster, claim, metrics, node, pod

VIEWS = ("cost", "audit", "doctor")
GPU = "nvidia.com/gpu"
HOME = "\x1b[H"


@dataclass
class Crowded(PaidCluster):
    """Knows how often nodes were listed, which each look does once."""

    looked: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    away: bool = False

    def answer(self, target: str) -> dict[str, Any] | None:
        if self.away:
            return {"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "who are you"}
        if urlsplit(target).path == "/api/v1/nodes":
            self.looked.release()
        return super().answer(target)

    def looks(self, count: int) -> None:
        """Wait for so many more looks."""
        for _ in range(count):
            assert self.looked.acquire(timeout=60), "nobody looks"


def crowd(count: int, *more: dict[str, Any]) -> Crowded:
    """So many models on raw vLLM, each with a pod on one node, a claim that nobody mounts, and an alias."""
    known = models(count)
    labels = [
        {"app.kubernetes.io/instance": one.spec.layers.raw_vllm.name or "", "app.kubernetes.io/name": "vllm"}
        for one in known
    ]
    pods = [
        pod(f"{one.name}-0", "gpu-a", {GPU: 1}, namespace="serving", labels=label)
        for one, label in zip(known, labels, strict=True)
    ]
    made = Crowded(platform(known).objects)
    others = Crowded.of_things(
        node("gpu-a", {GPU: count + 3}),
        *pods,
        *(claim(f"old-{number}", "10Gi", "standard", "others") for number in range(count)),
        *more,
    )
    made.objects |= others.objects
    made.texts = {f"serving/{one.name}-0": [metrics(0)] for one in known}
    return made


def told(cluster: Crowded, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    with serving(cluster, folder) as kubeconfig:
        return run(*words, "--kubeconfig", str(kubeconfig))


def data(cluster: Crowded, folder: Path, *words: str) -> dict[str, Any]:
    done = told(cluster, folder, *words, "-o", "json")
    assert done.returncode in (0, 1, 5), done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("view", VIEWS)
def test_many_models_cost_no_more_calls_than_few(view: str, tmp_path: Path) -> None:
    few, lots = crowd(2), crowd(ASKED + 20)
    for cluster in few, lots:
        said = data(cluster, tmp_path, view)
        calls = said["calls"]
        lists = calls["lists"] if isinstance(calls, dict) else calls
        engines = sum(path.endswith("/proxy/metrics") for path in cluster.asked)
        edges = sum("litellm" in path for path in cluster.asked)
        assert lists == sum(cluster.asked.values()) - engines - edges
    asked = Counter({path: count for path, count in few.asked.items() if "/proxy/" not in path})
    assert Counter({path: count for path, count in lots.asked.items() if "/proxy/" not in path}) == asked
    assert asked.total() <= 45


def test_engines_of_a_crowd_are_asked_only_when_somebody_says_for_how_long(tmp_path: Path) -> None:
    cluster = crowd(ASKED + 1)
    found = data(cluster, tmp_path, "cost")
    assert (found["calls"]["engines"], found["used"]["notAsked"]) == (0, ASKED + 1)
    assert found["total"]["gpus"]["useNotKnown"] == ASKED + 1
    assert found["total"]["gpus"]["used"] == 0
    assert "not asked what they do, which is a call each" in told(cluster, tmp_path, "cost").stdout
    over = data(cluster, tmp_path, "cost", "--over", "0.1")
    assert (over["calls"]["engines"], over["used"]["notAsked"]) == (ASKED + 1, 0)
    assert data(cluster, tmp_path, "cost", "model-0001")["calls"]["engines"] == 1


def test_sums_stand_on_top_and_what_idles_comes_first(tmp_path: Path) -> None:
    cluster = crowd(3)
    cluster.texts["serving/model-0000-0"] = [metrics(1)]
    cluster.texts["serving/model-0002-0"] = [metrics(1)]
    lines = told(cluster, tmp_path, "cost").stdout.splitlines()
    table = [line.split()[0] for line in lines[lines.index(next(one for one in lines if "GPUS" in one)) :] if line]
    assert table[:4] == ["MODEL", "all", "of", "model-0001"]  # of no model: three GPUs that nobody asks for
    assert [one["model"] for one in data(cluster, tmp_path, "cost")["rows"][:3]] == [
        "model-0000",
        "model-0001",
        "model-0002",
    ]


def test_filters_of_cost_leave_what_was_asked_for(tmp_path: Path) -> None:
    cluster = crowd(3)
    cluster.texts["serving/model-0000-0"] = [metrics(1)]

    def rows(*words: str) -> list[Any]:
        return [one["model"] for one in data(cluster, tmp_path, "cost", *words)["rows"]]

    assert rows("--alias", "model-0001-alias") == ["model-0001"]
    assert rows("--layer", "raw-vllm") == ["model-0000", "model-0001", "model-0002"]
    assert rows("--layer", "kserve") == []
    assert rows("--namespace", "others") == [None]
    assert rows("--attention") == ["model-0001", "model-0002", None]
    assert data(cluster, tmp_path, "cost", "--alias", "model-0001-alias")["total"]["gpus"]["paid"] == 1
    assert "no model with alias x" in told(cluster, tmp_path, "cost", "--alias", "x").stderr
    assert "there is no layer 'swarm'" in told(cluster, tmp_path, "cost", "--layer", "swarm").stderr


def test_filters_of_audit_leave_what_was_asked_for(tmp_path: Path) -> None:
    cluster = crowd(2, node("gpu-b", {GPU: 8}))
    assert {one["kind"] for one in data(cluster, tmp_path, "audit")["findings"]} == {"volume", "gpu-node"}
    assert len(data(cluster, tmp_path, "audit", "--kind", "gpu-node")["findings"]) == 1
    assert len(data(cluster, tmp_path, "audit", "-n", "others")["findings"]) == 2
    assert data(cluster, tmp_path, "audit", "-n", "llm-gateway")["findings"] == []
    done = told(cluster, tmp_path, "audit", "--kind", "x")
    assert (done.returncode, "error [audit-kind-unknown]" in done.stderr) == (2, True)
    assert "use one of: teardown, stuck, move" in done.stderr


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("name", ["elsewhere", "../secrets/x", ""])
def test_a_namespace_that_is_not_there_is_no_clean_one(view: str, name: str, tmp_path: Path) -> None:
    done = told(crowd(1), tmp_path, view, "--namespace", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error [namespace-unknown]: the cluster has no namespace '{name}'" in done.stderr


@pytest.mark.parametrize("view", VIEWS)
def test_one_of_several_namespaces_that_is_not_there_is_named(view: str, tmp_path: Path) -> None:
    words = ("-n", "elsewhere") if view == "cost" else ("-n", "others", "-n", "elsewhere")
    done = told(crowd(1), tmp_path, view, *words)
    assert (done.returncode, "no namespace 'elsewhere'" in done.stderr) == (2, True)


@pytest.mark.parametrize("view", VIEWS)
def test_a_namespace_that_may_not_be_looked_up_is_told_where_nothing_of_it_is_seen(view: str, tmp_path: Path) -> None:
    cluster = crowd(1)
    cluster.refused = {"elsewhere": 403, "others": 403}
    done = told(cluster, tmp_path, view, "-n", "elsewhere")
    assert (done.returncode, "namespace elsewhere: whether it is there is not known" in done.stdout) == (5, True)
    assert "no problems found" not in done.stdout
    assert "nothing is paid for that nobody uses" not in done.stdout
    assert "whether it is there is not known" not in told(cluster, tmp_path, view, "-n", "others").stdout


def test_a_long_audit_begins_with_its_sum_and_what_costs_most(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES.format(date="2026-11-01"))
    cluster = crowd(60, claim("large", "900Gi", "standard", "others"))
    lines = told(cluster, tmp_path, "audit", "--prices", str(prices)).stdout.splitlines()
    assert lines[0].startswith("61 things found: ")
    assert lines[1] == "of kinds: 61 volume"
    first = next(line for line in lines if line.startswith("PersistentVolumeClaim"))
    assert first.startswith("PersistentVolumeClaim others/large: ")
    assert "and 21 more of kind volume: -o json has them all" in lines


def test_a_long_list_of_findings_begins_with_how_many_each_check_has(tmp_path: Path) -> None:
    cluster = crowd(60)
    lines = told(cluster, tmp_path, "doctor").stdout.splitlines()
    counts = {line.split()[2]: int(line.split()[0]) for line in lines[: lines.index("")]}
    found = Counter(one["id"] for one in data(cluster, tmp_path, "doctor")["findings"])
    assert counts == found
    many = next(name for name, count in found.items() if count >= 60)
    told_of = [line for line in lines if line.split()[1:2] == [many] and " at " in line]
    assert len(told_of) == 5
    assert any(line.endswith(f"{found[many] - 5} more; --check {many} tells all") for line in lines)
    whole = told(cluster, tmp_path, "doctor", "--check", many).stdout
    assert whole.count(f" {many} ") >= found[many]


@pytest.mark.parametrize("view", VIEWS)
def test_a_pipe_gets_a_block_for_each_change_until_ctrl_c(view: str, tmp_path: Path) -> None:
    made = crowd(2)
    with watching(view, made, tmp_path, "-o", "json") as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        made.looks(2)
        made.objects |= Crowded.of_things(node("gpu-b", {GPU: 8}), pod("waits", "", {GPU: 4}, phase="Pending")).objects
        made.objects |= Crowded.of_things(_crashing()).objects
        second = json.loads(process.stdout.readline())
        made.looks(2)
        rest, err = ended(process)
    assert (rest, err) == ("", "")
    assert first != second
    assert first.keys() == second.keys()


def _crashing() -> dict[str, Any]:
    made = pod("crashes", "gpu-a", {GPU: 1}, namespace="serving", labels={"pointsman.dev/model": "model-0000"})
    made["status"]["containerStatuses"] = [
        {
            "name": "c",
            "restartCount": 20,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1}},
        }
    ]
    return made


def test_what_a_person_has_to_mend_ends_it(tmp_path: Path) -> None:
    made = crowd(1)
    with watching("audit", made, tmp_path) as process:
        made.looks(1)
        made.away = True
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "error [cluster-unauthorized]" in err


def test_a_terminal_is_drawn_over(tmp_path: Path) -> None:
    with (
        serving(crowd(2), tmp_path) as kubeconfig,
        terminal("cost", "-w", "--kubeconfig", str(kubeconfig), columns=150) as shown,
    ):
        first = shown.until("ctrl-C ends")
        second = shown.until("ctrl-C ends")
        shown.process.send_signal(signal.SIGINT)
        shown.rest()
        assert shown.process.returncode == 0
    assert first.count(HOME) == 1
    assert "GPUS" in first
    assert HOME in second


def test_sarif_cannot_be_watched(tmp_path: Path) -> None:
    done = run("doctor", "--watch", "-o", "sarif", "--kubeconfig", "/absent")
    assert (done.returncode, "--watch has no sarif" in done.stderr) == (2, True)
