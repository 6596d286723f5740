"""What is ignored, kept, put back, or not looked at: on the real Argo CD."""

from __future__ import annotations

import pytest

from tests.gitops.ground import HERE, Ground, until
from tests.gitops.manifests import PAUSE, config, deployment, runtime

pytestmark = pytest.mark.lab

HEEDED = {"syncOptions": ["CreateNamespace=true", "RespectIgnoreDifferences=true"]}
OTHER = "registry.k8s.io/pause:3.9"


def ignoring(pointer: str) -> list[dict[str, object]]:
    return [{"group": "apps", "kind": "Deployment", "jsonPointers": [pointer]}]


def containers(ground: Ground) -> list[dict[str, object]]:
    return list(ground.live("deployment", "engine")["spec"]["template"]["spec"]["containers"])


@pytest.mark.trap("a live `replicas: 1` while git says 0, ignored and respected")
def test_replicas_that_were_scaled_live_are_kept_by_a_sync(ground: Ground) -> None:
    ground.push({"engine.yaml": deployment(replicas=0)})
    ground.applied(ground.application(syncPolicy=HEEDED, ignoreDifferences=ignoring("/spec/replicas")))
    ground.synced()
    ground.lab.kubectl("scale", "deployment/engine", "--replicas=1", f"--namespace={ground.name}")
    ground.push({"engine.yaml": deployment(replicas=0, mark="second")}, "Second")
    done = ground.sync()
    assert done.exit == 0, done.words
    spec = ground.live("deployment", "engine")["spec"]
    assert (spec["replicas"], spec["template"]["metadata"]["annotations"]) == (1, {"mark": "second"})
    ground.happened = "the options went with the operation: the change was applied, and one replica runs on"


@pytest.mark.trap("RespectIgnoreDifferences on a field inside an array of a custom resource")
def test_an_array_of_a_custom_resource_is_frozen_as_a_whole_and_told(ground: Ground) -> None:
    """17694, 11876."""
    ground.push({"runtime.yaml": runtime(PAUSE)})
    pointer = "/spec/containers/0/resources"
    ignored = [{"group": "serving.kserve.io", "kind": "ServingRuntime", "jsonPointers": [pointer]}]
    ground.applied(ground.application(syncPolicy=HEEDED, ignoreDifferences=ignored))
    ground.synced()
    ours = ground.push({"runtime.yaml": runtime(OTHER)}, "Another image")
    done = ground.sync()
    assert (done.exit, done.revision) == (0, ours), done.words
    (container,) = ground.live("servingruntime", "runtime")["spec"]["containers"]
    status = ground.status()
    said = f"{status['operationState']['phase']}, {status['sync']['status']}"
    ground.happened = f"git says {OTHER}; it has {container['image']}; the sync says {said}"
    assert container["image"] == PAUSE
    assert "argo-ignored-array" in done.notes


@pytest.mark.trap(
    "RespectIgnoreDifferences inside an array that has names (containers), and inside one that has none",
    twin="delivery.test_traps::test_a_field_inside_an_array_that_a_sync_keeps_is_told",
)
def test_of_named_elements_only_the_field_is_kept_and_of_others_the_whole_list(ground: Ground) -> None:
    """What Kubernetes merges by a key is merged so by Argo CD too; a list without one is kept whole."""
    ground.push({"engine.yaml": deployment(args=["a", "b"])})
    fields = ["/spec/template/spec/containers/0/args/0", "/spec/template/spec/containers/0/resources"]
    ignored = [{"group": "apps", "kind": "Deployment", "jsonPointers": fields}]
    ground.applied(ground.application(syncPolicy=HEEDED, ignoreDifferences=ignored))
    ground.synced()
    ground.push({"engine.yaml": deployment(image=OTHER, args=["a", "c"])}, "Another image and argument")
    done = ground.sync()
    assert [one["what"].split()[2] for one in done.applications[0]["notes"] if "array" in one["code"]] == fields[:1]
    container = containers(ground)[0]
    assert (container["image"], container["args"]) == (OTHER, ["a", "b"])
    ground.happened = "git's image was applied although `resources` beside it is ignored; its second argument was not"


@pytest.mark.trap(
    "manifest-generate-paths: a base outside of it changes",
    twin="delivery.test_traps::test_generated_paths_are_compared_anew_only_by_a_hard_refresh",
)
def test_manifests_that_a_path_annotation_holds_back_are_rendered_anew(ground: Ground) -> None:
    above = "resources: [../base]\n"
    base = {"base/kustomization.yaml": "resources: [one.yaml]\n", "base/one.yaml": config()}
    ground.push({**base, "over/kustomization.yaml": above})
    noted = {"annotations": {"argocd.argoproj.io/manifest-generate-paths": "."}}
    ground.applied(ground.application(path=f"{ground.name}/over", metadata=noted))
    ground.synced()
    ours = ground.push({"base/one.yaml": config(said="second")}, "Second")
    ground.refresh()
    stale = ground.status()["sync"]
    done = ground.sync("--commit", ours, "--repository", str(ground.here.path))
    assert done.exit == 0, done.words
    assert ground.live("configmap", "one")["data"] == {"said": "second"}
    ground.happened = f"a normal refresh said {stale['status']} at the new commit; a hard one was asked for"
    assert stale["status"] == "Synced"


@pytest.mark.trap("selfHeal puts a live change back")
def test_a_live_change_that_self_heal_puts_back_is_waited_for(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    policy = {"automated": {"selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
    ground.applied(ground.application(syncPolicy=policy))
    until(lambda: ground.live("configmap", "one") and ground.status().get("sync", {}).get("status") == "Synced")
    ground.patch({"data": {"said": "by hand"}}, "configmap", "one")
    done = ground.wait()
    assert done.exit == 0, done.words
    assert ground.live("configmap", "one")["data"] == {"said": "first"}
    ground.happened = "it was put back before `wait` left"


@pytest.mark.trap("serving.kserve.io/stop set live, which git does not carry")
def test_a_live_annotation_that_git_does_not_carry_survives_self_heal(ground: Ground) -> None:
    ground.push({"one.yaml": config()})
    policy = {"automated": {"selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
    ground.applied(ground.application(syncPolicy=policy))
    until(lambda: ground.live("configmap", "one") and ground.status().get("sync", {}).get("status") == "Synced")
    ground.patch({"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}, "configmap", "one")
    ground.push({"one.yaml": config(said="second")}, "Second")
    assert ground.wait().exit == 0
    live = ground.live("configmap", "one")
    assert live["data"] == {"said": "second"}
    assert live["metadata"]["annotations"]["serving.kserve.io/stop"] == "true"
    ground.happened = "it stayed through a sync"


@pytest.mark.trap("what is not in git any more, without --prune")
def test_what_is_not_in_git_any_more_stays_and_is_told(ground: Ground) -> None:
    ground.push({"one.yaml": config(), "two.yaml": config("two")})
    ground.applied(ground.application(destination={"server": HERE, "namespace": ground.name}))
    ground.synced()
    (ground.here.path / ground.name / "two.yaml").unlink()
    ground.push({}, "Without two")
    done = ground.sync()
    assert (done.exit, done.notes) == (0, ["argo-still-out-of-sync"]), done.words
    assert ground.live("configmap", "two")
    pruned = ground.sync("--prune")
    assert (pruned.exit, pruned.notes) == (0, []), pruned.words
    assert not ground.live("configmap", "two")
    ground.said.pop()
    ground.happened = "it succeeded, and stayed OutOfSync; --prune deleted it"
