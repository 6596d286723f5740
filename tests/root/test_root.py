"""``pointsman root``: what appears and vanishes, what goes with it, and that nothing goes in silence."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.catalog.repository import APPSET, CONFIG, made, pointsman
from tests.cli.cluster import serving
from tests.docs.schemas.holding import held
from tests.root.cluster import ArgoCluster, Object, application, claim, deployment

Root = Callable[..., "subprocess.CompletedProcess[str]"]
ON = ("platform-core", "autoscaling", "serving-core", "kserve")
"""Groups of the first two layers that are on in CONFIG."""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    root.mkdir()
    made(root)
    assert pointsman(root, "resolve").returncode == 0
    return root


@pytest.fixture
def kubeconfigs(tmp_path: Path) -> Iterator[Callable[[ArgoCluster], Path]]:
    """Serves clusters."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda cluster: stack.enter_context(serving(cluster, tmp_path))


def settled(*more: Object, serving_core: Object | None = None) -> ArgoCluster:
    """A cluster in which profile ``serving`` was applied, and everything is as the repository says."""
    groups = [
        application("group-platform-core", "platform", [application("platform-core-app")]),
        application("group-autoscaling", "platform", [application("autoscaling-app")]),
        serving_core or application("group-serving-core", "serving", [application("raw-vllm")]),
        application("group-kserve", "serving", [application("kserve")]),
    ]
    children = [application(name) for name in ("platform-core-app", "autoscaling-app", "raw-vllm", "kserve")]
    return ArgoCluster.holding(*groups, *children, *more)


def plan(done: subprocess.CompletedProcess[str]) -> Object:
    assert "Traceback" not in done.stderr
    found: Object = json.loads(done.stdout)
    held("root-preview", found)
    return found


Kubeconfigs = Callable[[ArgoCluster], Path]


def dry(repository: Path, config: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return pointsman(
        repository, "root", "--profile", "serving", "--dry-run", "-o", "json", "--kubeconfig", str(config), *words
    )


def test_an_empty_cluster_gets_the_project_and_the_sets_in_order(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    cluster = ArgoCluster.holding()
    config = kubeconfigs(cluster)
    shown = plan(dry(repository, config))
    assert [one["name"] for one in shown["appear"]] == [
        *("group-autoscaling", "group-platform-core", "platform-core-app", "autoscaling-app"),
        *("group-kserve", "group-serving-core", "raw-vllm", "kserve"),
    ]
    assert (cluster.applied, cluster.tried) == ([], [])
    done = pointsman(repository, "root", "--profile", "full", "--yes", "--kubeconfig", str(config))
    assert done.returncode == 0, done.stderr
    order = ["AppProject/platform", *(f"ApplicationSet/{layer}" for layer in PROFILE_FULL)]
    assert (cluster.tried, cluster.applied) == (order, order)
    assert cluster.bodies[2]["spec"]["generators"][0]["selector"]["matchLabels"] == {
        "enabled": "true",
        "layer": "serving",
    }
    assert done.stdout == "profile full of ai-dev: 7 objects applied\n"
    # It would act on the groups file from before the last push: Argo CD remembers a branch's commit for minutes.
    asked = {"argocd.argoproj.io/application-set-refresh": "true"}
    assert [one["metadata"].get("annotations") for one in cluster.bodies] == [None, *[asked] * 6]
    again = pointsman(repository, "root", "--profile", "full", "--yes", "--kubeconfig", str(config), "-o", "json")
    held("root", json.loads(again.stdout))


PROFILE_FULL = ("platform", "serving", "routing", "llm-gateway", "experience", "demos")


@pytest.mark.parametrize(
    ("profile", "layers"),
    [("platform", 1), ("serving", 2), ("llm-gateway", 4), ("full", 6)],
)
def test_a_profile_is_its_layers(repository: Path, kubeconfigs: Kubeconfigs, profile: str, layers: int) -> None:
    cluster = ArgoCluster.holding()
    words = ("root", "--profile", profile, "--yes", "--kubeconfig", str(kubeconfigs(cluster)))
    assert pointsman(repository, *words).returncode == 0
    assert cluster.applied[1:] == [f"ApplicationSet/{layer}" for layer in PROFILE_FULL[:layers]]


def test_nothing_to_tell_is_told_in_under_a_second(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    config = kubeconfigs(settled())
    dry(repository, config)
    began = time.process_time(), time.monotonic()
    done = dry(repository, config)
    assert time.monotonic() - began[1] < 10
    assert (done.returncode, plan(done)["appear"], plan(done)["vanish"], plan(done)["notes"]) == (0, [], [], [])


def test_a_narrower_profile_leaves_the_other_layers_alone(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    words = ("root", "--profile", "platform", "--dry-run", "-o", "json", "--kubeconfig", str(kubeconfigs(settled())))
    found = plan(pointsman(repository, *words))
    assert (found["appear"], found["vanish"], len(found["sets"])) == ([], [], 1)


@pytest.mark.parametrize(("gpus", "told"), [("1", "needs 2 GPUs, and the nodes have 1 now"), ("2", "")])
def test_groups_that_need_more_gpus_than_there_are(
    gpus: str, told: str, repository: Path, kubeconfigs: Kubeconfigs
) -> None:
    path = repository / "environments/ai-dev/config.yaml"
    path.write_text(CONFIG + "  llm-d: true\n")
    assert pointsman(repository, "resolve").returncode == 0
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    more = {"status": {"allocatable": {"nvidia.com/gpu": gpus}}}
    found = plan(dry(repository, kubeconfigs(settled(node | more))))
    assert [one["name"] for one in found["appear"]] == ["group-llm-d", "llm-d"]
    assert found["notes"] == ([f"group llm-d {told}"] if told else [])


def disabled(repository: Path) -> None:
    """Without kserve."""
    path = repository / "environments/ai-dev/config.yaml"
    path.write_text(CONFIG.replace("kserve: true ", "kserve: false"))
    assert pointsman(repository, "resolve").returncode == 0


def with_kserve(*held: Object, **more: object) -> ArgoCluster:
    """Group kserve, whose Application kserve holds these."""
    cluster = settled(*held)
    child = application("kserve", "", held, **more)  # type: ignore[arg-type]
    return ArgoCluster.holding(*cluster.objects.values(), child)


def test_a_feature_turned_off_takes_the_group_and_its_children(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    cluster = with_kserve(deployment("big", 4, 3), claim("cache", "120Gi"), claim("small", "1Gi"), deployment("web", 0))
    config = kubeconfigs(cluster)
    done = dry(repository, config)
    group, child = plan(done)["vanish"]
    assert done.returncode == 1
    assert (group["name"], group["why"]) == ("group-kserve", "ApplicationSet serving makes it no more")
    assert (group["gpus"], group["volumes"], group["hasToBeNamed"], group["count"]) == (0, [], False, 0)
    assert (child["name"], child["why"]) == ("kserve", "Application group-kserve takes it along")
    assert (child["objects"], child["count"], child["gpus"], child["hasToBeNamed"]) == ("deleted", 4, 12, True)
    assert child["gpuWorkloads"] == [{"name": "Deployment serving/big", "gpus": 12}]
    assert child["volumes"] == [
        {"claim": "serving/cache", "size": "120Gi"},
        {"claim": "serving/small", "size": "1Gi"},
    ]
    words = ("root", "--profile", "serving", "--yes", "--kubeconfig", str(config))
    refused = pointsman(repository, *words)
    assert (refused.returncode, cluster.applied, cluster.tried) == (1, [], [])
    assert "error [root-losses]" in refused.stderr
    assert "--profile serving --delete kserve\n" in refused.stderr
    assert "GPUs: 12 of Deployment serving/big" in refused.stderr
    assert "volume: serving/cache, 120Gi" in refused.stderr
    assert pointsman(repository, *words, "--delete", "kserve").returncode == 0
    assert cluster.applied == ["AppProject/platform", "ApplicationSet/platform", "ApplicationSet/serving"]


def test_each_application_has_to_be_named(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    cluster = with_kserve(claim("cache"))
    own = application("group-kserve", "serving", [application("kserve"), claim("own", namespace="argocd")])
    cluster = ArgoCluster.holding(*cluster.objects.values(), own, claim("own", namespace="argocd"))
    words = ("root", "--profile", "serving", "--yes", "--kubeconfig", str(kubeconfigs(cluster)))
    done = pointsman(repository, *words, "--delete", "kserve")
    assert (done.returncode, cluster.applied) == (1, [])
    assert "--delete group-kserve --delete kserve" in done.stderr
    strange = pointsman(repository, *words, "--delete", "kserv")
    assert (strange.returncode, "error [delete-unknown]" in strange.stderr) == (2, True)


UNKNOWN = {
    "namespace": {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kserve"}},
    "crd": {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "inferenceservices.serving.kserve.io"},
    },
    "custom": {"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster", "metadata": {"name": "db", "namespace": "x"}},
    "gateway": {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "g", "namespace": "x"},
    },
}
INFERENCE = {
    "apiVersion": "serving.kserve.io/v1beta1",
    "kind": "InferenceService",
    "metadata": {"name": "q", "namespace": "serving"},
}
LLM = INFERENCE | {"apiVersion": "serving.kserve.io/v1alpha1", "kind": "LLMInferenceService"}
ASKS = {"containers": [{"name": "main", "resources": {"limits": {"nvidia.com/gpu": 2}}}]}
MIG = {"limits": {"nvidia.com/mig-1g.5gb": 2, "amd.com/gpu": "1", "example.com/fuse": 7, "memory": "1Gi"}}
SET = deployment("s", 1, 2) | {"kind": "StatefulSet"}
KEPT = {"volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim("x", "9Gi")["spec"]}]}
COUNTED: dict[str, tuple[Object, int, list[str]]] = {
    "inference": (INFERENCE | {"spec": {"predictor": {"minReplicas": 3, **ASKS}}}, 6, []),
    "llm": (LLM | {"spec": {"replicas": 2, "template": ASKS, "prefill": {"replicas": 3, "template": ASKS}}}, 10, []),
    "parked": (deployment("parked", 8, 0), 0, []),
    "no-replicas-said": (deployment("one", 2, None), 2, []),
    "stateful": (SET, 2, []),
    "stateful-deletes": (
        SET | {"spec": {**SET["spec"], **KEPT, "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}},
        2,
        ["serving/data-s-0", "serving/data-s-1"],
    ),
    "slices": (deployment("m", 0) | {"spec": {"template": {"spec": {"containers": [{"resources": MIG}]}}}}, 3, []),
    "init": (
        deployment("i", 0)
        | {"spec": {"replicas": 2, "template": {"spec": {"initContainers": ASKS["containers"], "containers": [{}]}}}},
        4,
        [],
    ),
    "cron": (
        {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "c", "namespace": "serving"}}
        | {"spec": {"jobTemplate": {"spec": {"parallelism": 2, "template": {"spec": ASKS}}}}},
        4,
        [],
    ),
}


@pytest.mark.parametrize("kind", COUNTED)
def test_what_a_workload_holds(kind: str, repository: Path, kubeconfigs: Kubeconfigs) -> None:
    live, gpus, volumes = COUNTED[kind]
    disabled(repository)
    child = plan(dry(repository, kubeconfigs(with_kserve(live))))["vanish"][1]
    assert (child["gpus"], [one["claim"] for one in child["volumes"]]) == (gpus, volumes)
    assert (child["unknown"], child["hasToBeNamed"]) == ([], True)


UNTOLD: dict[str, ArgoCluster] = {
    **{kind: with_kserve(one) for kind, one in UNKNOWN.items()},
    "elsewhere": with_kserve(claim("c"), server="https://other.example.com"),
    "not-compared": with_kserve(compared=False),
    "presets": with_kserve(LLM | {"spec": {"model": {"uri": "hf://x/y"}}}),
    "runtime": with_kserve(INFERENCE | {"spec": {"predictor": {"model": {"modelFormat": {"name": "huggingface"}}}}}),
    "nonsense": with_kserve(deployment("x") | {"spec": {"template": None}}),
    "claims": with_kserve(
        deployment("x")
        | {"spec": {"template": {"spec": {"containers": [{"resources": {"claims": [{"name": "gpu"}]}}]}}}}
    ),
    "odd-quantity": with_kserve(
        deployment("x")
        | {
            "spec": {
                "replicas": 1,
                "template": {"spec": {"containers": [{"resources": {"limits": {"nvidia.com/gpu": "many"}}}]}},
            }
        }
    ),
}


@pytest.mark.parametrize("kind", UNTOLD)
def test_what_cannot_be_told_is_told_and_has_to_be_named(kind: str, repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    done = dry(repository, kubeconfigs(UNTOLD[kind]))
    child = plan(done)["vanish"][1]
    assert (done.returncode, len(child["unknown"]), child["hasToBeNamed"]) == (1, 1, True)
    assert plan(done)["toBeNamed"] == ["kserve"]


def test_what_may_not_be_read_is_unknown(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)

    class Closed(ArgoCluster):
        def answer(self, target: str) -> Object | None:
            if "/deployments/" in target:
                return {"kind": "Status", "code": 403, "metadata": None}
            return super().answer(target)

    cluster = Closed(with_kserve(deployment("big")).objects)
    child = plan(dry(repository, kubeconfigs(cluster)))["vanish"][1]
    assert (child["hasToBeNamed"], "could not be looked up" in child["unknown"][0]) == (True, True)


def test_without_the_finalizer_everything_is_left_running(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    cluster = with_kserve(deployment("big", 2, 1))
    own = application("group-kserve", "serving", [application("kserve"), deployment("big")], finalizers=())
    cluster = ArgoCluster.holding(*cluster.objects.values(), own)
    config = kubeconfigs(cluster)
    done = dry(repository, config)
    (group,) = plan(done)["vanish"]
    assert (done.returncode, group["objects"], group["gpus"], group["hasToBeNamed"]) == (0, "left running", 2, False)
    text = pointsman(repository, "root", "--profile", "serving", "--dry-run", "--kubeconfig", str(config))
    assert "no finalizer, so left running and costing what they cost: 1 object\n" in text.stdout


@pytest.mark.parametrize("word", ["background", "foreground"])
def test_the_finalizer_may_say_how(word: str, repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    cluster = with_kserve(claim("c"), finalizers=(f"resources-finalizer.argocd.argoproj.io/{word}",))
    assert plan(dry(repository, kubeconfigs(cluster)))["vanish"][1]["objects"] == "deleted"


def test_what_is_marked_to_stay_stays(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    stays = claim("cache")
    stays["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Prune=false, Delete=false"}
    done = dry(repository, kubeconfigs(with_kserve(stays)))
    child = plan(done)["vanish"][1]
    assert (done.returncode, child["stay"], child["volumes"]) == (0, ["PersistentVolumeClaim serving/cache"], [])


def test_an_application_gone_from_the_catalog_is_pruned(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    (repository / "clusters/ai-dev/catalog/kserve/kserve.yaml").unlink()
    cluster = with_kserve(claim("cache"))
    config = kubeconfigs(cluster)
    found = plan(dry(repository, config))
    assert [(one["name"], one["why"]) for one in found["vanish"]] == [
        ("kserve", "it is gone from the folder of group kserve")
    ]
    path = repository / "clusters/ai-dev/appsets/serving.yaml"
    path.write_text(path.read_text().replace("prune: true", "prune: false"))
    found = plan(dry(repository, config))
    assert (found["vanish"], "is not pruned" in found["notes"][0]) == ([], True)


def test_a_group_that_moves_to_another_layer_is_deleted_first(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    cluster = settled(application("group-kserve", "platform", [application("kserve")]))
    found = plan(dry(repository, kubeconfigs(cluster)))
    assert [one["name"] for one in found["vanish"]] == ["group-kserve", "kserve"]
    assert "was not made by ApplicationSet serving" in found["notes"][0]


def test_a_set_that_only_creates_deletes_nothing(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    disabled(repository)
    path = repository / "clusters/ai-dev/appsets/serving.yaml"
    path.write_text(
        path.read_text().replace("  template:\n", "  syncPolicy: {applicationsSync: create-only}\n  template:\n")
    )
    found = plan(dry(repository, kubeconfigs(with_kserve(claim("c")))))
    assert (found["vanish"], "stays: applicationsSync is create-only" in found["notes"][0]) == ([], True)


def test_a_rendered_folder_is_not_guessed_at(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    (repository / "clusters/ai-dev/catalog/kserve/kustomization.yaml").write_text("resources: [kserve.yaml]\n")
    found = plan(dry(repository, kubeconfigs(settled())))
    assert found["notes"] == ["what group kserve deploys cannot be told: Argo CD renders its folder"]


def test_without_a_cluster_the_repository_is_told(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "gone").write_text(
        json.dumps(
            {
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x"}}],
                "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:1"}}],
            }
        )
    )
    for config in ("absent", "gone"):
        words = ("root", "--profile", "serving", "--kubeconfig", str(tmp_path / config))
        done = pointsman(repository, *words, "--dry-run")
        assert done.returncode == 0, done.stderr
        assert "platform makes group-platform-core, group-autoscaling\n" in done.stdout
        assert "the cluster was not asked, so what appears and vanishes is not known" in done.stdout
        assert pointsman(repository, *words, "--yes").returncode == 2


def test_nobody_to_ask_applies_nothing(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    cluster = settled()
    done = pointsman(repository, "root", "--profile", "serving", "--kubeconfig", str(kubeconfigs(cluster)))
    assert (done.returncode, "error [not-asked]" in done.stderr, cluster.applied) == (2, True, [])


def test_one_that_is_not_taken_leaves_none_applied(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    cluster = settled()
    cluster.refuses = "serving"
    words = ("root", "--profile", "serving", "--yes", "--kubeconfig", str(kubeconfigs(cluster)))
    done = pointsman(repository, *words)
    assert (done.returncode, "error [cluster-invalid]" in done.stderr, cluster.applied) == (2, True, [])


def test_what_others_left_in_a_set_is_refused(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    cluster = settled()
    cluster.leftovers = {"templatePatch": "metadata: {finalizers: []}"}
    words = ("root", "--profile", "serving", "--yes", "--kubeconfig", str(kubeconfigs(cluster)))
    done = pointsman(repository, *words)
    assert (done.returncode, "error [root-leftovers]" in done.stderr, cluster.applied) == (1, True, [])
    assert "spec.templatePatch" in done.stderr


@pytest.mark.parametrize(
    ("left", "code"), [({"jsonnet": {}}, 0), ({"jsonnet": {"libs": ["x"]}}, 1), ({"include": ""}, 1)]
)
def test_what_argo_cd_itself_writes_back_into_a_set_is_no_leftover(
    repository: Path, kubeconfigs: Kubeconfigs, left: Object, code: int
) -> None:
    """Seen on argo-cd 3.2.6: its controller writes the whole set back, with ``jsonnet: {}``, so every second root was
    refused."""
    cluster = settled()
    template = yaml.safe_load(APPSET.format(layer="serving"))["spec"]["template"]
    template["spec"]["source"]["directory"] |= left
    cluster.leftovers = {"template": template}
    words = ("root", "--profile", "serving", "--yes", "--kubeconfig", str(kubeconfigs(cluster)))
    done = pointsman(repository, *words)
    assert done.returncode == code, done.stderr


def test_children_in_other_namespaces_go_along_and_are_named_with_them(
    repository: Path, kubeconfigs: Kubeconfigs
) -> None:
    disabled(repository)
    far = application("far", "", [claim("c")])
    far["metadata"]["namespace"] = "elsewhere"
    own = application("group-kserve", "serving", [far])
    done = dry(repository, kubeconfigs(ArgoCluster.holding(*settled().objects.values(), own, far, claim("c"))))
    assert [one["name"] for one in plan(done)["vanish"]] == ["group-kserve", "elsewhere/far"]
    assert plan(done)["toBeNamed"] == ["elsewhere/far"]


def test_two_groups_for_one_application_are_refused(repository: Path) -> None:
    path = repository / "clusters/ai-dev/appsets/serving.yaml"
    path.write_text(path.read_text().replace("group-{{.name}}", "group-{{.layer}}"))
    done = pointsman(repository, "root", "--profile", "serving", "--dry-run", "--kubeconfig", "/nowhere")
    assert (done.returncode, "of the groups serving-core and kserve" in done.stderr) == (1, True), done.stderr


GROUPS = "clusters/ai-dev/groups.generated.yaml"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "groups-missing"),
        ("", "groups-empty"),
        ("\n", "groups-empty"),
        ("[]\n", "groups-stale"),
        ('- { name: kserve, layer: serving, enabled: "true", catalogPath: x }\n', "groups-stale"),
    ],
)
def test_a_groups_file_that_may_not_be_applied(text: str | None, code: str, repository: Path) -> None:
    path = repository / GROUPS
    path.unlink()
    if text is not None:
        path.write_text(text)
    done = pointsman(repository, "root", "--profile", "full", "--dry-run", "--kubeconfig", "/nowhere")
    assert (done.returncode, f"error [{code}] at {GROUPS}" in done.stderr) == (1, True), done.stderr
    assert "pointsman resolve" in done.stderr


SHAPES = {
    "another-path": ("path: clusters/ai-dev/groups", "path: clusters/prod/groups", 13, "git.files"),
    "a-glob": ("groups.generated.yaml", "*.yaml", 13, "git.files"),
    "matrix": ("    - git:", "    - matrix:", 10, "matrix"),
    "two": ("  template:\n", "    - list: {elements: []}\n  template:\n", 9, "a list of one generator"),
    "expressions": ("        matchLabels:", "        matchExpressions: []\n        matchLabels:", 15, "matchLabels"),
    "no-text": ('enabled: "true"', "enabled: true", 17, "only text compares"),
    "field": ("layer: serving", 'colour: "blue"', 18, "colour"),
    "patch": ("  template:\n", "  templatePatch: x\n  template:\n", 19, "templatePatch"),
    "go": ("goTemplate: true", "goTemplate: false", 7, "goTemplate"),
    "rolling": ("  template:\n", "  strategy: {type: RollingSync}\n  template:\n", 19, "strategy"),
    "function": ("group-{{.name}}", "group-{{.name | lower}}", 21, "uses more than the fields"),
    "path-field": ("{{.catalogPath}}", "{{.path.path}}", 28, "is not the folder"),
    "flat": ("{recurse: true}", "{recurse: false}", 29, "recurse"),
    "one-name": ("group-{{.name}}", "group", 21, "the same name"),
    "kind": ("kind: ApplicationSet", "kind: Application", 2, "Application"),
    "no-namespace": ("  namespace: argocd\n", "", 3, "namespace is not written"),
}


@pytest.mark.parametrize("kind", SHAPES)
def test_another_shape_is_refused_with_the_part(kind: str, repository: Path) -> None:
    old, new, line, said = SHAPES[kind]
    path = repository / "clusters/ai-dev/appsets/serving.yaml"
    text = APPSET.format(layer="serving")
    assert old in text
    path.write_text(text.replace(old, new, 1))
    done = pointsman(repository, "root", "--profile", "serving", "--dry-run", "--kubeconfig", "/nowhere")
    assert (done.returncode, "error [appset-shape]" in done.stderr) == (1, True), done.stderr
    assert re.search(rf"at clusters/ai-dev/appsets/serving\.yaml:{line}: .*{re.escape(said)}", done.stderr), done.stderr


@pytest.mark.parametrize(
    ("spoil", "code", "exit_code"),
    [
        (lambda root: (root / "clusters/ai-dev/appsets/serving.yaml").unlink(), "platform-no-file", 2),
        (lambda root: (root / "clusters/ai-dev/projects/platform.yaml").unlink(), "project-missing", 2),
        (
            lambda root: (root / "clusters/ai-dev/projects/x.yaml").write_text("kind: Secret\nmetadata: {name: a}\n"),
            "project-missing",
            2,
        ),
        (lambda root: (root / "clusters/ai-dev/catalog/kserve/kserve.yaml").write_text("- a\n"), "manifest-shape", 2),
        (
            lambda root: (root / "clusters/ai-dev/catalog/kserve/kserve.yaml").write_bytes(b"\xff\0"),
            "platform-not-text",
            2,
        ),
        (lambda root: (root / "clusters/ai-dev/catalog/kserve").rename(root / "gone"), "catalog-missing", 2),
        (lambda root: (root / "clusters/ai-dev/appsets/serving.yaml").write_text("---\n---\n"), "appset-shape", 1),
    ],
)
def test_a_repository_in_disorder(spoil: Callable[[Path], object], code: str, exit_code: int, repository: Path) -> None:
    spoil(repository)
    done = pointsman(repository, "root", "--profile", "serving", "--dry-run", "--kubeconfig", "/nowhere")
    assert (done.returncode, f"error [{code}]" in done.stderr) == (exit_code, True), done.stderr


def test_a_profile_misspelt(repository: Path) -> None:
    done = pointsman(repository, "root", "--profile", "full-", "--dry-run")
    assert (done.returncode, "did you mean 'full'?" in done.stderr) == (2, True)
    assert "error [profile-unknown]" in done.stderr


def test_several_documents_in_a_catalogs_file(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    path = repository / "clusters/ai-dev/catalog/kserve/kserve.yaml"
    path.write_text("---\n" + path.read_text() + "---\n" + path.read_text().replace("name: kserve,", "name: more,"))
    found = plan(dry(repository, kubeconfigs(settled())))
    assert [one["name"] for one in found["appear"]] == ["more"]


def test_no_argo_cd(repository: Path, kubeconfigs: Kubeconfigs) -> None:
    class Bare(ArgoCluster):
        def answer(self, target: str) -> Object | None:
            return None

    done = pointsman(repository, "root", "--profile", "serving", "--yes", "--kubeconfig", str(kubeconfigs(Bare({}))))
    assert (done.returncode, "error [argo-missing]" in done.stderr) == (2, True), done.stderr
