"""A group is not turned off, nor a profile applied, under an alias: ``features disable`` and ``root``."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog.repository import pointsman
from tests.root.cluster import ArgoCluster, Object, application
from tests.root.tenants import crd, namespace, tenants, workload
from tests.root.test_root import Kubeconfigs, disabled, dry, kubeconfigs, plan, repository

__all__ = ["kubeconfigs", "repository"]

Takes = Callable[[], Object]


def on_kserve(*holds: Object, shares: dict[str, int] | None = None, **more: object) -> ArgoCluster:
    """A platform with a model whose Application kserve deployed these."""
    return ArgoCluster.holding(
        application("group-kserve", "serving", [application("kserve")]),
        application("kserve", holds=holds, **more),  # type: ignore[arg-type]
        *tenants(shares or {"kserve": 100}),
        *holds,
    )


def applied(repository: Path, config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return pointsman(repository, "root", "--profile", "serving", "--yes", "--kubeconfig", str(config), *words)


def off(repository: Path, config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return pointsman(repository, "features", "disable", "kserve", "--kubeconfig", str(config), *words)


@pytest.mark.parametrize(
    ("takes", "told"),
    [
        (lambda: workload("kserve"), "InferenceService kserve/qwen"),
        (lambda: namespace("kserve"), "Namespace kserve"),
        (
            lambda: crd("inferenceservices", "serving.kserve.io"),
            "CustomResourceDefinition inferenceservices.serving.kserve.io",
        ),
    ],
)
def test_root_is_refused_while_an_alias_points_at_what_goes(
    repository: Path, kubeconfigs: Kubeconfigs, takes: Takes, told: str
) -> None:
    disabled(repository)
    cluster = on_kserve(takes())
    config = kubeconfigs(cluster)
    shown = plan(dry(repository, config))
    assert [(one["alias"], one["object"], one["application"]) for one in shown["aliases"]] == [
        ("qwen-local", told, "kserve")
    ]
    assert shown["toBeLeft"] == ["qwen-local"]
    done = applied(repository, config, "--delete", "kserve")
    assert (done.returncode, cluster.applied) == (1, [])
    assert "alias qwen-local points at KServe of model qwen (declared)" in done.stderr
    assert "alias-points" in done.stderr
    assert applied(repository, config, "--delete", "kserve", "--leave", "qwen-local").returncode == 0


def test_a_standby_of_weight_nothing_counts_too(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    cluster = on_kserve(workload("kserve"), shares={"raw-vllm": 100, "kserve": 0})
    assert plan(dry(repository, kubeconfigs(cluster)))["toBeLeft"] == ["qwen-local"]


def test_an_alias_that_points_elsewhere_keeps_nobody(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    config = kubeconfigs(on_kserve(workload("kserve"), shares={"raw-vllm": 100}))
    assert plan(dry(repository, config))["aliases"] == []
    assert applied(repository, config, "--delete", "kserve").returncode == 0


def test_what_is_left_running_is_told_and_refuses_nothing(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    shown = plan(dry(repository, kubeconfigs(on_kserve(workload("kserve"), finalizers=()))))
    assert shown["aliases"] == []
    assert [note for note in shown["notes"] if "is left running when Application kserve goes" in note]


def test_an_edge_that_does_not_say_where_it_points_counts_as_pointing_there(
    repository: Path, kubeconfigs: Kubeconfigs
) -> None:
    disabled(repository)
    cluster = on_kserve(workload("kserve"), shares={"raw-vllm": 100})
    edge = next(ref for ref in cluster.objects if ref.name == "litellm-config")
    cluster.objects[edge]["data"]["config.yaml"] = "model_list: [{"
    shown = plan(dry(repository, kubeconfigs(cluster)))
    assert shown["toBeLeft"] == ["qwen-local"]
    assert "does not say where it points" in shown["aliases"][0]["known"]


def test_a_name_that_loses_nothing_is_a_slip(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    config = kubeconfigs(on_kserve(workload("kserve"), shares={"raw-vllm": 100}))
    done = applied(repository, config, "--delete", "kserve", "--leave", "qwen-other")
    assert (done.returncode, "leave-unknown" in done.stderr) == (2, True)


def test_a_feature_is_not_turned_off_while_an_alias_points_there(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    file = repository / "environments/ai-dev/config.yaml"
    before = file.read_text()
    config = kubeconfigs(on_kserve(workload("kserve")))
    done = off(repository, config)
    assert (done.returncode, file.read_text()) == (1, before)
    assert "alias-points" in done.stderr
    assert "GPUs: 1 of InferenceService kserve/qwen" in done.stderr
    assert off(repository, config, "--leave", "qwen-local").returncode == 0
    assert "kserve: false" in file.read_text()


def test_a_feature_that_nobody_is_served_by_is_turned_off_and_what_goes_is_told(
    repository: Path, kubeconfigs: Kubeconfigs
) -> None:
    done = off(repository, kubeconfigs(on_kserve(workload("kserve"), shares={"raw-vllm": 100})))
    assert done.returncode == 0, done.stderr
    assert "once this is pushed:" in done.stderr
    assert "- group-kserve" in done.stderr


def test_without_a_cluster_a_feature_is_turned_off_and_that_nobody_looked_is_told(
    repository: Path, tmp_path: Path
) -> None:
    done = off(repository, tmp_path / "nowhere")
    assert (done.returncode, "features-unasked" in done.stderr) == (0, True)


def test_an_application_that_vanishes_anyway_is_none_of_this_feature(
    repository: Path, kubeconfigs: Kubeconfigs
) -> None:
    gone = application("group-embeddings", "serving")
    cluster = on_kserve(workload("raw-vllm"))
    other = ArgoCluster.holding(*cluster.objects.values(), gone)
    done = off(repository, kubeconfigs(other))
    assert (done.returncode, "- group-kserve" in done.stderr) == (0, True)
    assert "group-embeddings" not in done.stderr
