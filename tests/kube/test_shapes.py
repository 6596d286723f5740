"""Objects of odd shapes, as fuzzing found them: what a view does with one, and that it loses no other."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from pointsman.checks.repository import lint
from pointsman.kube.shapes import misfit
from tests.cli.cluster import serving
from tests.cli.program import run
from tests.cost.paid import L4, PaidCluster, claim, node, pod, said, tenants, volume

Object = dict[str, Any]
POD = pod("notebook", "gpu-a", {"nvidia.com/gpu": 1})


def changed(one: Object, place: tuple[Any, ...], value: Any) -> Object:
    """The same with something else in one place."""
    made = copy.deepcopy(one)
    inner: Any = made
    for part in place[:-1]:
        inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner[part]
    inner[place[-1]] = value
    return made


@pytest.mark.parametrize(
    ("place", "value", "wrong"),
    [
        (("metadata", "name"), 7, "it has no name"),
        (("spec",), None, "it has no spec"),
        (("spec",), "x", "it has no spec"),
        (("spec", "containers"), "x", "spec.containers is not a list"),
        (("spec", "containers", 0), "x", "spec.containers[0] is not a mapping"),
        (("spec", "containers", 0), None, "spec.containers[0] is null"),
        (
            ("spec", "containers", 0, "resources", "limits", "cpu"),
            None,
            "spec.containers[0].resources.limits.cpu is null",
        ),
        (
            ("spec", "containers", 0, "resources", "limits", "cpu"),
            "many",
            "spec.containers[0].resources.limits.cpu is no quantity",
        ),
        (
            ("spec", "containers", 0, "resources", "limits", "cpu"),
            True,
            "spec.containers[0].resources.limits.cpu is no quantity",
        ),
        (("metadata", "labels"), ["x"], "metadata.labels is not a mapping"),
        (("metadata", "labels"), {"x": 1}, "metadata.labels.x is not a word"),
        (("status", "phase"), {}, "status.phase is not a word"),
    ],
)
def test_what_no_pod_is_like_is_named(place: tuple[Any, ...], value: Any, wrong: str) -> None:
    assert misfit("Pod", changed(POD, place, value)) == wrong


def test_what_is_absent_or_null_fits() -> None:
    assert misfit("Pod", POD) == ""
    assert misfit("Pod", {"metadata": {"name": "x", "labels": None}, "spec": {"containers": None}}) == ""
    assert misfit("ConfigMap", {"metadata": {"name": "x"}}) == ""


def paid(*more: Object) -> PaidCluster:
    return PaidCluster.of_things(
        node("gpu-a", {"nvidia.com/gpu": 4}, labels=L4),
        pod("fine", "gpu-a", {"nvidia.com/gpu": 1}),
        claim("old", "10Gi", "standard", "others"),
        *tenants({"raw-vllm": 100}),
        *more,
    )


@pytest.mark.parametrize("view", ["cost", "audit"])
def test_an_odd_object_is_told_and_the_others_count(view: str, tmp_path: Path) -> None:
    odd = changed(POD, ("spec", "containers"), "x")
    found = said(paid(odd), tmp_path, view, code=5 if view == "cost" else 1)
    assert [one["what"] for one in found["unseen"]] == ["Pod notebook"]
    assert "spec.containers is not a list" in found["unseen"][0]["why"]
    if view == "cost":
        assert found["total"]["gpus"]["reserved"] == 1
    else:
        assert [one["name"] for one in found["findings"]] == ["PersistentVolumeClaim others/old"]


@pytest.mark.parametrize(
    ("kind", "place", "value"),
    [
        ("Deployment", ("spec", "template", "spec"), "x"),
        ("Deployment", ("spec", "template"), {"metadata": {}}),
        ("Deployment", ("spec", "replicas"), "two"),
        ("ConfigMap", ("data",), ["x"]),
    ],
)
def test_an_odd_edge_is_an_error_with_a_code(kind: str, place: tuple[Any, ...], value: Any, tmp_path: Path) -> None:
    cluster = paid()
    for ref, one in cluster.objects.items():
        if ref.kind.name == kind and ref.namespace == "llm-gateway":
            cluster.objects[ref] = changed(one, place, value)
    found = said(cluster, tmp_path, "cost", code=5)
    assert [one["what"] for one in found["unseen"]] == ["prices of aliases at the edge llm-gateway/litellm"]


def test_lists_speak_of_their_own_kind_and_owners_may_be_anything(tmp_path: Path) -> None:
    odd = changed(POD, ("metadata", "ownerReferences"), [{"kind": {"a": 1}}])
    cluster = paid(odd)
    cluster.objects = {
        ref: one | {"apiVersion": {"a": 1}} if ref.name == "old" else one for ref, one in cluster.objects.items()
    }
    with serving(cluster, tmp_path) as kubeconfig:
        for view in ("doctor", "audit"):
            done = run(view, "--kubeconfig", str(kubeconfig))
            assert done.returncode in (0, 1, 5), done.stderr


def test_a_volume_and_a_set_that_do_not_name_their_claims_are_told_all_the_same(tmp_path: Path) -> None:
    sets: Object = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "set", "namespace": "others"},
        "spec": {"volumeClaimTemplates": [{"spec": {}}]},
    }
    gone = changed(volume("pv-1", "10Gi", "Released", "others/gone"), ("spec", "claimRef"), {"namespace": "others"})
    found = said(paid(gone, sets), tmp_path, "audit", code=1)
    owners = {one["name"]: one["owner"] for one in found["findings"]}
    assert owners["PersistentVolume pv-1"] == "claim others/?, which is gone"
    assert "PersistentVolumeClaim others/old" in owners


def test_an_application_may_name_a_path_that_is_longer_than_any(tmp_path: Path) -> None:
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "a"},
        "spec": {"source": {"repoURL": "https://git.example.com/p.git", "path": "x" * 3000}, "destination": {}},
    }
    (tmp_path / "a.yaml").write_text(str(application).replace("'", '"'), "utf-8")
    assert lint(tmp_path)[1].broken == []
