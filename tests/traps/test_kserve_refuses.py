"""What KServe's webhooks refuse, in their words; the file that was mended is taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.traps.serving import CLASS, MODE, Object, engine, inference_service, llm_d_service, main, replaced, space
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

PATH = [{"name": "PYTHONPATH", "value": "/plugins"}]
WEIGHTS = [{"name": "STORAGE_URI", "value": "pvc://weights/qwen"}]
MODEL: Object = {"modelFormat": {"name": "huggingface"}, "storageUri": "hf://Qwen/Qwen2.5-0.5B-Instruct"}
SERVICE = inference_service("qwen", "")
STABLE = inference_service("qwen", "", engine(env=WEIGHTS))
CANARY: Object = {"name": "new", "containers": [engine()]}
NEW = [{"predictor": CANARY, "trafficPercent": 10}]
LLM = llm_d_service("qwen", "")
WORKER = {"containers": [main()]}


def of_trap(fact: str, check: str, bad: Object, good: Object, words: str) -> object:
    """One of the table."""
    return pytest.param(bad, good, words, marks=pytest.mark.bites(fact, check), id=f"{check}-{fact}")


def annotated(key: str, value: str) -> Object:
    return replaced(SERVICE, "metadata", "annotations", key, value=value)


def canary(**more: str | int | None) -> Object:
    return replaced(STABLE, "spec", "canary", value=[{**NEW[0], "predictor": _given({**CANARY, **more})}])


def _given(fields: Object) -> Object:
    return {key: value for key, value in fields.items() if value is not None}


REFUSED = (
    of_trap(
        "an autoscaler class that KServe does not know",
        "PM205",
        annotated(CLASS, "HPA"),
        annotated(CLASS, "hpa"),
        "[HPA] is not a supported autoscaler class type",
    ),
    of_trap(
        "more replicas at least than at most",
        "PM206",
        inference_service("qwen", "", minReplicas=3, maxReplicas=1),
        inference_service("qwen", "", minReplicas=1, maxReplicas=3),
        "'MinReplicas' cannot be greater than MaxReplicas",
    ),
    of_trap(
        "a predictor with a model and a container of its own",
        "PM208",
        inference_service("qwen", "", model=MODEL),
        SERVICE,
        "exactly one of",
    ),
    of_trap(
        "PYTHONPATH in an engine's environment",
        "PM211",
        inference_service("qwen", "", engine(env=PATH)),
        SERVICE,
        'setting PYTHONPATH in container "kserve-container" is not allowed',
    ),
    of_trap(
        "PYTHONPATH before the engine, in an init container",
        "PM211",
        inference_service("qwen", "", initContainers=[{"name": "fetch", "image": "busybox", "env": PATH}]),
        SERVICE,
        'setting PYTHONPATH in container "fetch" is not allowed',
    ),
    of_trap(
        "PYTHONPATH in a transformer",
        "PM211",
        inference_service("qwen", "", transformer={"containers": [engine(env=PATH)]}),
        inference_service("qwen", "", transformer={"containers": [engine()]}),
        "setting PYTHONPATH in container",
    ),
    of_trap(
        "a name that begins with a digit",
        "PM214",
        inference_service("7b-chat", ""),
        SERVICE,
        "must start with alphabetical character",
    ),
    of_trap(
        "spec.canary beside a container whose weights KServe does not know",
        "PM212",
        inference_service("qwen", "", canary=NEW),
        canary(),
        "canary requires a stable predictor with a model",
    ),
    of_trap(
        "spec.canary without a name of its own",
        "PM212",
        canary(name=None),
        canary(),
        "canary[0] predictor.name is required",
    ),
    of_trap(
        "spec.canary that is scaled by itself",
        "PM212",
        canary(maxReplicas=2),
        canary(),
        'canary "new" must not set maxReplicas',
    ),
    of_trap(
        "spec.canary with more replicas than what it is compared with",
        "PM212",
        canary(minReplicas=2),
        canary(minReplicas=1),
        "must not exceed stable predictor minReplicas",
    ),
    of_trap(
        "a worker where parallelism says neither data nor pipeline",
        "PM311",
        replaced(replaced(LLM, "spec", "worker", value=WORKER), "spec", "parallelism", value={"tensor": 2}),
        replaced(replaced(LLM, "spec", "worker", value=WORKER), "spec", "parallelism", value={"pipeline": 2}),
        "worker",
    ),
    of_trap(
        "data parallelism that does not say how much of it is in one pod",
        "PM312",
        replaced(LLM, "spec", "parallelism", value={"data": 4}),
        replaced(LLM, "spec", "parallelism", value={"data": 4, "dataLocal": 2}),
        "dataLocal",
    ),
    of_trap(
        "data and pipeline parallelism together",
        "PM312",
        replaced(LLM, "spec", "parallelism", value={"data": 4, "dataLocal": 2, "pipeline": 2}),
        replaced(LLM, "spec", "parallelism", value={"pipeline": 2}),
        "pipeline",
    ),
)


@pytest.mark.parametrize(("bad", "good", "words"), REFUSED)
def test_what_a_webhook_refuses_is_told_before(
    lab: RunningLab, trap: Trap, tmp_path: Path, bad: Object, good: Object, words: str
) -> None:
    with space(lab) as here:
        bad, good = (replaced(one, "metadata", "namespace", value=here.name) for one in (bad, good))
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", bad))
        said = here.refused(bad)
        assert words in said
        trap.bit(f"refused: {said.partition('denied the request: ')[2] or said}")
        here.admitted(good)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", good))


@pytest.mark.bites("the deployment mode of an InferenceService cannot be changed later", "PM203")
def test_a_mode_that_a_cluster_chose_stays(lab: RunningLab, trap: Trap, tmp_path: Path) -> None:
    bare = inference_service("qwen", "", None, {MODE: ""})
    with space(lab) as here:
        bare = replaced(bare, "metadata", "namespace", value=here.name)
        trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", bare))
        here.apply(bare)
        here.comes("deployment", "qwen-predictor")
        said = here.refused(replaced(bare, "metadata", "annotations", value={MODE: "Knative"}))
        assert "deploymentMode cannot be changed from 'Standard' to 'Knative'" in said
        trap.bit("the cluster's default made it Standard; Knative later is refused: deploymentMode cannot be changed")
        other = inference_service("chosen", here.name, None, {MODE: "Standard"})
        here.admitted(other)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", other))
