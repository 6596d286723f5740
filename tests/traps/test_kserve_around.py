"""What lies around an InferenceService and bites it: labels, names, scalers, namespaces."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.traps.serving import CLASS, Object, Space, engine, inference_service, made, raw_vllm, space
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

OWN = "serving.kserve.io/inferenceservice"
HPA = "horizontalpodautoscaler"


@pytest.mark.bites("KServe deletes a Deployment of ours that carries its label", "PM215")
def test_a_borrowed_label(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    with space(lab) as here:
        borrowed = raw_vllm("raw-vllm", here.name, replicas=0, labels={OWN: "qwen", "component": "predictor"})
        kept = raw_vllm("kept", here.name, replicas=0, labels={"model": "qwen"})
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", borrowed))
        here.apply(borrowed, kept)
        assert trap.doctor("-n", here.name)
        uid = here.read("deployment", "raw-vllm")["metadata"]["uid"]
        here.apply(inference_service("qwen", here.name))
        until(lambda: here.read("deployment", "raw-vllm").get("metadata", {}).get("uid") != uid)
        assert here.read("deployment", "kept")
        trap.bit("an InferenceService of that name was made, and KServe deleted our raw-vllm; the one without stays")
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", kept))


@pytest.mark.bites("KServe takes over an object of ours that is called X-predictor", "PM216")
def test_an_object_that_is_taken_over(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    ports = {"selector": {"app": "ours"}, "ports": [{"port": 80, "targetPort": 9000}]}
    with space(lab) as here:
        ours = made("v1", "Service", "qwen-predictor", here.name, labels={"app": "ours"}, spec=ports)
        service = inference_service("qwen", here.name)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", ours, service))
        here.apply(ours)
        uid = here.read("service", "qwen-predictor")["metadata"]["uid"]
        here.apply(service)

        def taken() -> Object:
            found = here.read("service", "qwen-predictor")
            assert found["metadata"]["uid"] == uid
            spec: Object = found["spec"]
            return spec if spec["selector"] != ports["selector"] else {}

        spec = until(taken)
        trap.bit(f"our Service qwen-predictor led to app=ours; now its selector is {spec['selector']}")
        other = inference_service("chat", here.name)
        here.apply(other)
        here.comes("service", "chat-predictor")
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", ours, other))


@pytest.mark.bites("a scaler of ours and KServe's own change replicas against each other", "PM217")
def test_two_scalers(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "qwen-predictor"}
    with space(lab) as here:
        bounds = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3}
        ours = made("autoscaling/v2", "HorizontalPodAutoscaler", "ours", here.name, spec=bounds)
        service = inference_service("qwen", here.name)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", service, ours))
        here.apply(service)
        here.comes("deployment", "qwen-predictor")
        here.apply(ours)
        seen: list[int] = []

        def swung() -> bool:
            now = here.read("deployment", "qwen-predictor")["spec"]["replicas"]
            if seen[-1:] != [now]:
                seen.append(now)
            return len(seen) >= 4

        until(swung, 150)
        assert set(seen) == {1, 2}
        assert trap.doctor("-n", here.name)
        trap.bit(f"KServe's keeps at most 1, ours at least 2; replicas went {' → '.join(map(str, seen))}")
        alone = inference_service("qwen", here.name, None, {CLASS: "external"})
        here.apply(alone)
        until(lambda: not here.read(HPA, "qwen-predictor"))
        until(lambda: here.read("deployment", "qwen-predictor")["spec"]["replicas"] == 2)
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", alone, ours))


@pytest.mark.bites("oci:// is not mounted in a namespace that is labelled control-plane", "PM218")
def test_a_modelcar_that_is_skipped(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    weights = [{"name": "STORAGE_URI", "value": "oci://registry.example.com/qwen@sha256:" + "a" * 64}]
    with space(lab, labels={"control-plane": "ours"}) as skipped, space(lab) as here:
        of_skipped, good = (inference_service("qwen", one.name, engine(env=weights)) for one in (skipped, here))
        spaces = [
            made("v1", "Namespace", skipped.name, labels={"control-plane": "ours"}),
            made("v1", "Namespace", here.name),
        ]
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", spaces[0], of_skipped))
        skipped.apply(of_skipped)
        here.apply(good)
        without, mounted = containers(skipped), containers(here)
        assert "modelcar" in mounted
        assert "modelcar" not in without
        assert trap.doctor("-n", skipped.name)
        trap.bit(f"its pod has {', '.join(sorted(without))} alone; without that label {', '.join(sorted(mounted))}")
        trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", spaces[1], good))


def containers(here: Space) -> set[str]:
    """Of its first pod."""
    return {one["name"] for one in until(lambda: here.all("pods"))[0]["spec"]["containers"]}
