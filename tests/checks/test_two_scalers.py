"""Two scalers of one workload are told whoever made it; KEDA's own, and one that it takes over, are not two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import run

HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "by-cpu", "namespace": "s"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "q"}, "maxReplicas": 4},
}
KEDA: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "by-queue", "namespace": "s"},
    "spec": {"scaleTargetRef": {"name": "q"}, "triggers": [{"type": "cron", "metadata": {}}]},
}
TAKEN = {
    **KEDA,
    "metadata": {**KEDA["metadata"], "annotations": {"scaledobject.keda.sh/transfer-hpa-ownership": "true"}},
    "spec": {**KEDA["spec"], "advanced": {"horizontalPodAutoscalerConfig": {"name": "by-cpu"}}},
}


def told(folder: Path, *objects: dict[str, Any]) -> list[str]:
    """What lint says of them."""
    (folder / "all.yaml").write_text("\n---\n".join(json.dumps(one) for one in objects), "utf-8")
    found = json.loads(run("lint", str(folder), "--check", "PM217", "-o", "json").stdout)
    return [one["what"] for one in found["findings"]]


def test_two_scalers_of_a_deployment_are_told_once(tmp_path: Path) -> None:
    said = "it scales Deployment q, and so does HorizontalPodAutoscaler by-cpu"
    assert told(tmp_path, HPA, KEDA) == [f"ScaledObject s/by-queue: {said}"]


def test_of_one_kind_too(tmp_path: Path) -> None:
    other = {**HPA, "metadata": {"name": "by-memory", "namespace": "s"}}
    said = "it scales Deployment q, and so does HorizontalPodAutoscaler by-cpu"
    assert told(tmp_path, HPA, other) == [f"HorizontalPodAutoscaler s/by-memory: {said}"]


OWNED = {**HPA, "metadata": {**HPA["metadata"], "ownerReferences": [{"kind": "ScaledObject", "name": "by-queue"}]}}
OTHERS: dict[str, dict[str, Any]] = {
    "that of another namespace": {**HPA, "metadata": {"name": "by-cpu", "namespace": "t"}},
    "that of a StatefulSet": {**HPA, "spec": {"scaleTargetRef": {"kind": "StatefulSet", "name": "q"}}},
    "that of another": {**HPA, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "p"}}},
    "KEDA's own": OWNED,
}


@pytest.mark.parametrize("name", OTHERS)
def test_one_scaler_each_is_right(name: str, tmp_path: Path) -> None:
    assert told(tmp_path, OTHERS[name], KEDA) == []


def test_one_that_keda_is_asked_to_take_over_is_right(tmp_path: Path) -> None:
    assert told(tmp_path, HPA, TAKEN) == []
