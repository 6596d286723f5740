"""What KServe makes of an InferenceService that says something else, without a word."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.traps.serving import CLASS, MODE, condition, engine, inference_service, made, replaced, space
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

WEIGHTS = [{"name": "STORAGE_URI", "value": "pvc://weights/qwen"}]
HPA = "horizontalpodautoscaler"


@pytest.mark.bites("minReplicas 0 never releases the GPU in Standard mode", "PM201")
def test_scale_to_zero_never_releases(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        asleep = inference_service("asleep", here.name, minReplicas=0)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", asleep))
        here.apply(asleep)
        scaler = here.comes(HPA, "asleep-predictor")["spec"]
        until(lambda: _replicas(here.read("deployment", "asleep-predictor")) == (1, 1))
        assert scaler["minReplicas"] == 1
        assert trap.doctor("-n", here.name)
        trap.bit(
            f"minReplicas 0 was asked for; its HorizontalPodAutoscaler reads {scaler['minReplicas']}, one pod runs"
        )

        released = inference_service("released", here.name, None, {CLASS: "none"}, minReplicas=0)
        here.apply(released)
        until(lambda: _replicas(here.read("deployment", "released-predictor")) == (0, 0))
        assert here.read(HPA, "released-predictor") == {}
        here.delete("inferenceservice", "asleep")
        until(lambda: not here.read("inferenceservice", "asleep"))
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", released))


def _replicas(deployment: Mapping[str, Any]) -> tuple[int, int]:
    """Asked for, and there."""
    return deployment.get("spec", {}).get("replicas", -1), deployment.get("status", {}).get("replicas", 0)


@pytest.mark.bites("canaryTrafficPercent is ignored in Standard mode: everybody gets the new revision", "PM202")
def test_a_canary_is_everybody(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        here.apply(inference_service("qwen", here.name))
        here.ready("inferenceservice", "qwen")
        second = inference_service("qwen", here.name, engine("kserve-container", "--max-model-len=2048"))
        tenth = replaced(second, "spec", "predictor", "canaryTrafficPercent", value=10)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", tenth))
        here.apply(tenth)

        def lengths() -> set[int]:
            pods = here.all("pods", "serving.kserve.io/inferenceservice=qwen")
            said = here.call("qwen-predictor", "/v1/models")
            return {said.json["data"][0]["max_model_len"]} if len(pods) == 1 and said.status == 200 else set()

        until(lambda: lengths() == {2048})
        assert {here.call("qwen-predictor", "/v1/models").json["data"][0]["max_model_len"] for _ in range(20)} == {2048}
        backs = here.comes("httproute", "qwen")["spec"]["rules"][0]["backendRefs"]
        assert [one["name"] for one in backs] == ["qwen-predictor"]
        assert len(here.all("deployments")) == 1
        trap.bit("10 % were asked for: one Deployment, one back end, and 20 of 20 requests got the new revision")
        trap.doctor("-n", here.name)
        here.apply(second)
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", second))


@pytest.mark.bites("spec.canary of KServe 0.20.0 makes pods that no request reaches", "PM221", "PM731")
def test_a_canary_that_nobody_is_sent_to(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    claim = made(
        *("v1", "PersistentVolumeClaim", "weights"),
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    )
    with space(lab) as here:
        here.apply(replaced(claim, "metadata", "namespace", value=here.name))
        new = {"name": "new", "containers": [engine("kserve-container", "--max-model-len=2048")]}
        canary = [{"predictor": new, "trafficPercent": 50}]
        container = engine(env=WEIGHTS)
        halved = inference_service("qwen", here.name, container, canary=canary, name="old")
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", halved))
        here.apply(halved)
        here.answers("qwen-new-predictor")
        here.ready("inferenceservice", "qwen")
        route = here.comes("httproute", "qwen")["spec"]
        backs = [one["name"] for one in route["rules"][0]["backendRefs"]]
        assert backs == ["qwen-old-predictor"]
        host = {"Host": route["hostnames"][0]}
        gateway = "http://kserve-ingress-gateway.kserve.svc.cluster.local/v1/models"
        until(lambda: here.fetch(gateway, None, host).status == 200)
        seen = [here.fetch(gateway, None, host).json["data"][0]["max_model_len"] for _ in range(40)]
        assert 2048 not in seen
        trap.doctor("-n", here.name)
        trap.bit(f"50 % were asked for; its pod serves, the HTTPRoute leads to {backs[0]} alone: 0 of {len(seen)}")

        whole = inference_service("qwen", here.name, container, name="old", canary=[{**canary[0], "trafficPercent": 0}])
        here.apply(whole)
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", whole))


@pytest.mark.bites("a deployment mode that KServe does not know (Raw)", "PM220")
def test_an_unknown_mode(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        odd = inference_service("odd", here.name, None, {MODE: "Raw"})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", odd))
        here.apply(odd)
        said = here.says("inferenceservice", "odd", "PredictorReady", "unsupported deployment mode")
        assert here.read("deployment", "odd-predictor") == {}
        trap.bit(f"the webhook takes it; no Deployment, and its status says {said}")
        good = inference_service("right", here.name)
        here.apply(good)
        here.comes("deployment", "right-predictor")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("the engine is not the first container: its name comes twice", "PM207")
def test_an_engine_behind_a_sidecar(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    side = {"name": "side", "image": "busybox", "command": ["sleep", "infinity"]}
    with space(lab) as here:
        second = inference_service("qwen", here.name, containers=[side, engine()])
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", second))
        here.apply(second)
        said = here.says("inferenceservice", "qwen", "PredictorReady", "Duplicate value")
        first, engine_itself = here.read("inferenceservice", "qwen")["spec"]["predictor"]["containers"]
        assert first["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
        assert engine_itself["name"] == "kserve-container"
        trap.bit(f"the sidecar got the engine's name and limits, and the Deployment is refused: {said}")
        good = inference_service("good", here.name, containers=[engine(), side])
        here.apply(good)
        here.comes("deployment", "good-predictor")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("several containers, none of them called kserve-container: KServe's controller panics", "PM207")
def test_no_engine_among_several_containers(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    side = {"name": "side", "image": "busybox", "command": ["sleep", "infinity"]}
    with space(lab) as here:
        nobody = inference_service("nobody", here.name, containers=[engine("vllm"), side])
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", nobody))
        here.apply(nobody)
        log = lab.config.home / "logs" / "manager.log"

        def panicked() -> bool:
            lines = log.read_text("utf-8", "replace").splitlines()
            return any("panic" in one and f'"namespace":"{here.name}"' in one for one in lines)

        until(panicked)
        assert here.read("inferenceservice", "nobody").get("status", {}).get("conditions") is None
        trap.bit(
            "the controller panics (nil pointer) at each reconcile; the object has no condition, and no Deployment"
        )
        good = inference_service("good", here.name, containers=[engine(), side])
        here.apply(good)
        here.comes("deployment", "good-predictor")
        # Alone, another name is no trap: the webhook writes the right one.
        alone = inference_service("alone", here.name, engine("vllm"))
        here.apply(alone)
        here.comes("deployment", "alone-predictor")
        assert (
            here.read("inferenceservice", "alone")["spec"]["predictor"]["containers"][0]["name"] == "kserve-container"
        )
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good, alone))


@pytest.mark.bites("limits that are left out are written by KServe: 1 cpu and 2Gi", "PM209")
def test_limits_are_injected(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    bare = {"requests": {"nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}}
    with space(lab) as here:
        small = inference_service("small", here.name, engine(resources=bare), {CLASS: "none"}, minReplicas=0)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", small))
        here.apply(small)
        deployment = here.comes("deployment", "small-predictor")
        found = deployment["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
        assert (found["cpu"], found["memory"]) == ("1", "2Gi")
        trap.bit(f"a limit of a GPU alone was written; the pod's are cpu {found['cpu']}, memory {found['memory']}")
        good = inference_service("good", here.name, None, {CLASS: "none"}, minReplicas=0)
        here.apply(good)
        container = here.comes("deployment", "good-predictor")["spec"]["template"]["spec"]["containers"][0]
        assert container["resources"] == engine()["resources"]
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("requests above the limits that KServe writes: no Deployment", "PM209")
def test_requests_above_injected_limits(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    asked = {"requests": {"cpu": "4", "memory": "16Gi"}}
    with space(lab) as here:
        big = inference_service("big", here.name, engine(resources=asked))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", big))
        here.apply(big)
        said = here.says("inferenceservice", "big", "PredictorReady", "must be less than or equal to cpu limit of 1")
        assert here.read("deployment", "big-predictor") == {}
        trap.bit(f"no Deployment: {said}")
        limited = engine(resources={**asked, "limits": {"cpu": "4", "memory": "16Gi"}})
        good = inference_service("good", here.name, limited, {CLASS: "none"}, minReplicas=0)
        here.apply(good)
        here.comes("deployment", "good-predictor")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites(
    "no containerPort: the Service and the readiness probe go to 8080, and vLLM listens on 8000", "PM213"
)
def test_a_service_to_another_port(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        silent = inference_service("silent", here.name, engine(port=0))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", silent))
        good = inference_service("good", here.name)
        here.apply(silent, good)
        target = here.comes("service", "silent-predictor")["spec"]["ports"][0]["targetPort"]
        assert target == 8080
        labels = "serving.kserve.io/inferenceservice=silent"
        (pod,) = until(lambda: [one for one in here.all("pods", labels) if one.get("status", {}).get("podIP")])
        address = f"http://{pod['status']['podIP']}"
        until(lambda: here.fetch(f"{address}:8000/health", None, {}).status == 200)
        here.ready("inferenceservice", "good")
        called = here.call("silent-predictor", "/health")
        assert called.status != 200
        assert condition(here.read("inferenceservice", "silent"), "Ready").get("status") != "True"
        trap.doctor("-n", here.name)
        trap.bit(
            f"port 80 leads to {target}; the engine answers on 8000, the Service with {called.status}; never Ready"
        )
        here.answers("good-predictor")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("KServe's HTTPRoutes end every answer after 60 s, streams too", "PM210")
def test_a_route_that_cuts_streams(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    slow = {"cold_start": {"load": 0, "compile": 0, "warmup": 0}, "itl": 0.1}
    with space(lab, engines=slow) as here:
        usual = inference_service("usual", here.name)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", usual))
        short = inference_service("short", here.name, timeout=3)
        wide = inference_service("wide", here.name, timeout=600)
        here.apply(usual, short, wide)
        for one in ("usual", "short", "wide"):
            here.ready("inferenceservice", one)
        routes = {one: here.comes("httproute", one)["spec"] for one in ("usual", "short", "wide")}
        limits = {one: found["rules"][0]["timeouts"]["request"] for one, found in routes.items()}
        assert limits == {"usual": "60s", "short": "3s", "wide": "600s"}
        body = {"model": "qwen", "prompt": "Tell me.", "max_tokens": 80, "stream": True, "ignore_eos": True}
        url = "http://kserve-ingress-gateway.kserve.svc.cluster.local/v1/completions"

        def streamed(name: str) -> str:
            return here.fetch(url, body, {"Host": routes[name]["hostnames"][0]}, 60).body

        assert "[DONE]" in streamed("wide")
        began = time.monotonic()
        assert "[DONE]" not in streamed("short")
        took = time.monotonic() - began
        assert took < 8
        trap.doctor("-n", here.name)
        trap.bit(
            f"unset, its route says {limits['usual']}; of 3 s it cuts a stream of 8 s in {took:.0f} s, of 600 s never"
        )
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", wide))


@pytest.mark.bites("a name whose host name is too long for its namespace: nothing is made", "PM214")
def test_a_name_too_long(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        most = 63 - len(f"-predictor-{here.name}")
        name = "q" * (most + 1)
        long = inference_service(name, here.name)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", long))
        here.apply(long)
        said = here.says("inferenceservice", name, "PredictorReady", "must be no more than 63 charact")
        assert here.read("deployment", f"{name}-predictor") == {}
        trap.bit(f"{len(name)} characters in a namespace of {len(here.name)}: taken, no Deployment, {said}")
        good = inference_service("q" * most, here.name, None, {CLASS: "none"}, minReplicas=0)
        here.apply(good)
        here.comes("deployment", f"{'q' * most}-predictor")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))
