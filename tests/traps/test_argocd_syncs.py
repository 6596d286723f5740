"""What a sync of the real Argo CD does to what runs, does not do, and does unasked."""

from __future__ import annotations

import json

import pytest

from tests.gitops.ground import ARGO, Ground, until
from tests.gitops.manifests import PAUSE, config, deployment, runtime
from tests.traps.delivered import AUTOMATED, HEALING, MANUAL, committed, compared, engine, resynced, synced, unsynced
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab
OTHER = "registry.k8s.io/pause:3.9"
RESPECTED = {"syncOptions": ["CreateNamespace=true", "RespectIgnoreDifferences=true"]}


def again(ground: Ground) -> None:
    """A sync of what git says now, with the Application's own options."""
    ground.refresh()
    resynced(ground, {"syncOptions": ground.live()["spec"]["syncPolicy"]["syncOptions"]})


def ignoring(pointer: str, kind: str = "Deployment", group: str = "apps") -> list[dict[str, object]]:
    return [{"group": group, "kind": kind, "jsonPointers": [pointer]}]


def replicas(ground: Ground) -> int:
    return int(ground.live("deployment", "raw")["spec"]["replicas"])


@pytest.mark.bites("automated, with an engine: what is pushed costs GPUs unasked", "PM403")
def test_a_push_starts_gpus_where_the_application_is_automated(trap: Trap, ground: Ground) -> None:
    application = ground.application(syncPolicy=AUTOMATED)
    committed(ground, {"engine.yaml": engine(replicas=0)}, application)
    assert trap.lint(ground.here.path)
    ground.applied(application)
    synced(ground)
    assert trap.doctor("-n", ARGO, of=ground.name)
    committed(ground, {"engine.yaml": engine()}, message="One replica")
    ground.refresh()
    until(lambda: replicas(ground) == 1)
    trap.bit("a commit that said replicas: 1 had a pod ask for a GPU as soon as Argo CD saw it; nobody was asked")

    manual = ground.application(syncPolicy=MANUAL)
    committed(ground, {}, manual, message="By hand")
    trap.sound(ground.here.path)
    ground.patch({"spec": {"syncPolicy": {"automated": None}}})
    committed(ground, {"engine.yaml": engine(replicas=2)}, message="Two replicas")
    ground.refresh()
    unsynced(ground)
    assert replicas(ground) == 1


@pytest.mark.bites("replicas that are ignored as a difference, and not respected: a sync parks what was woken", "PM404")
def test_a_sync_sets_ignored_replicas_back(trap: Trap, ground: Ground) -> None:
    ignored = ignoring("/spec/replicas")
    committed(ground, {"engine.yaml": engine(replicas=0)}, ground.application(ignoreDifferences=ignored))
    assert trap.lint(ground.here.path)
    ground.applied(ground.application(ignoreDifferences=ignored))
    ground.synced()

    def woken_and_synced(mark: str) -> int:
        ground.lab.kubectl("scale", "deployment/raw", "--replicas=1", f"--namespace={ground.name}")
        committed(ground, {"engine.yaml": engine(replicas=0, env=[{"name": "MARK", "value": mark}])}, message=mark)
        again(ground)
        return replicas(ground)

    assert woken_and_synced("first") == 0
    trap.bit("scaled to 1 by hand, it was 0 again after the next sync, which had been asked for another change")

    respected = ground.application(ignoreDifferences=ignored, syncPolicy=RESPECTED)
    committed(ground, {}, respected, message="Respect it")
    trap.sound(ground.here.path)
    ground.applied(respected)
    assert woken_and_synced("second") == 1


@pytest.mark.bites("an LLMInferenceService's replicas that are ignored, and not respected", "PM404")
def test_a_sync_sets_ignored_replicas_of_llm_d_back(trap: Trap, ground: Ground) -> None:
    ignored = ignoring("/spec/replicas", "LLMInferenceService", "serving.kserve.io")
    files = {"llm.yaml": llm(0)}
    committed(ground, files, ground.application(ignoreDifferences=ignored))
    assert trap.lint(ground.here.path)
    ground.applied(ground.application(ignoreDifferences=ignored))
    ground.synced()

    def woken_and_synced(mark: str) -> int:
        ground.patch({"spec": {"replicas": 1}}, "llminferenceservice", "llm")
        committed(ground, {"llm.yaml": llm(0, mark)}, message=mark)
        again(ground)
        return int(ground.live("llminferenceservice", "llm")["spec"]["replicas"])

    assert woken_and_synced("first") == 0
    trap.bit("set to 1 live, it was 0 again after the next sync")
    respected = ground.application(ignoreDifferences=ignored, syncPolicy=RESPECTED)
    committed(ground, {}, respected, message="Respect it")
    trap.sound(ground.here.path)
    ground.applied(respected)
    assert woken_and_synced("second") == 1


def llm(count: int, mark: str = "") -> str:
    model = {"uri": "hf://Qwen/Qwen2.5-0.5B-Instruct", "name": "qwen"}
    metadata = {"name": "llm", "labels": {"mark": mark}}
    made = {"apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService", "metadata": metadata}
    return json.dumps({**made, "spec": {"replicas": count, "model": model}})


@pytest.mark.bites(
    "a field inside a custom resource's list is ignored and respected: a new image never arrives", "PM405"
)
def test_a_respected_field_in_a_list_freezes_the_list(trap: Trap, ground: Ground) -> None:
    ignored = ignoring("/spec/containers/0/resources", "ServingRuntime", "serving.kserve.io")
    application = ground.application(syncPolicy=RESPECTED, ignoreDifferences=ignored)
    committed(ground, {"runtime.yaml": runtime(PAUSE)}, application)
    assert trap.lint(ground.here.path)
    ground.applied(application)
    ground.synced()
    assert trap.doctor("-n", ARGO, of=ground.name)
    committed(ground, {"runtime.yaml": runtime(OTHER)}, message="Another image")
    again(ground)
    assert image(ground, "servingruntime", "runtime") == PAUSE
    trap.bit(f"the sync Succeeded, git says {OTHER}, and {PAUSE} stayed")

    committed(ground, {}, ground.application(syncPolicy=MANUAL, ignoreDifferences=ignored), message="Not respected")
    trap.sound(ground.here.path)
    ground.patch({"status": {"operationState": None}, "operation": {"sync": {}}})
    until(lambda: image(ground, "servingruntime", "runtime") == OTHER)


@pytest.mark.bites("an argument is ignored and respected: the other arguments of git never arrive", "PM405")
def test_a_list_that_is_merged_by_names_is_not_frozen(trap: Trap, ground: Ground) -> None:
    """Kubernetes merges containers by their names and arguments not at all; the check tells them apart."""
    application = ground.application(
        syncPolicy=RESPECTED, ignoreDifferences=ignoring("/spec/template/spec/containers/0/args/0")
    )
    committed(ground, {"engine.yaml": deployment(args=["a", "b"])}, application)
    (told,) = trap.lint(ground.here.path)
    assert "the list args" in told["what"]
    ground.applied(application)
    ground.synced()

    def argued(image_: str, *args: str) -> list[str]:
        committed(ground, {"engine.yaml": deployment(image=image_, args=args)}, message=image_)
        again(ground)
        return list(ground.live("deployment", "engine")["spec"]["template"]["spec"]["containers"][0]["args"])

    assert argued(OTHER, "a", "c") == ["a", "b"]
    assert image(ground, "deployment", "engine", "template", "spec") == OTHER
    trap.bit("git's second argument was not applied, and the sync Succeeded")

    merged = ground.application(
        syncPolicy=RESPECTED, ignoreDifferences=ignoring("/spec/template/spec/containers/0/resources")
    )
    committed(ground, {}, merged, message="A field of a container")
    trap.sound(ground.here.path)
    ground.applied(merged)
    assert argued(PAUSE, "a", "d") == ["a", "d"]


def image(ground: Ground, kind: str, name: str, *place: str) -> str:
    found = ground.live(kind, name)["spec"]
    for part in place:
        found = found[part]
    return str(found["containers"][0]["image"])


def applied_by_hand(ground: Ground, name: str) -> None:
    compared(ground, name)
    ground.patch({"operation": {"sync": MANUAL}}, name=name)
    until(lambda: ground.phase(name) == "Succeeded")


@pytest.mark.bites("one object in two Applications: they undo each other, and one takes it when it goes", "PM406")
def test_two_applications_of_one_object_undo_each_other(trap: Trap, ground: Ground) -> None:
    one, other = (ground.application(f"{ground.name}-{which}", f"{ground.name}/{which}") for which in ("a", "b"))
    committed(ground, {"a/one.yaml": config(said="a"), "b/one.yaml": config(said="b")}, one, other)
    assert trap.lint(ground.here.path)
    ground.applied(one, other)
    for which in ("a", "b"):
        applied_by_hand(ground, f"{ground.name}-{which}")
    ground.refresh(one["metadata"]["name"])
    assert ground.live("configmap", "one")["data"] == {"said": "b"}
    status = ground.status(one["metadata"]["name"])
    (warning,) = [each for each in status["conditions"] if each["type"] == "SharedResourceWarning"]
    assert status["sync"]["status"] == "OutOfSync"
    trap.bit(f"the second one's sync undid the first one's; {warning['type']}: {warning['message'][:120]}")

    committed(ground, {"b/one.yaml": config("two", said="b")}, message="Apart")
    trap.sound(ground.here.path)


@pytest.mark.bites("the namespace is not there and CreateNamespace is not set: nothing of it is applied", "PM407")
def test_a_sync_into_a_namespace_that_is_not_there_fails(trap: Trap, ground: Ground) -> None:
    application = ground.application(syncPolicy={})
    committed(ground, {"one.yaml": config()}, application)
    assert trap.lint(ground.here.path)
    ground.applied(application)
    compared(ground)
    assert trap.doctor(of=ground.name)
    ground.patch({"operation": {"sync": {}}})
    until(lambda: ground.phase() == "Failed")
    said = ground.status()["operationState"]["syncResult"]["resources"][0]["message"]
    assert "not found" in said
    trap.bit(f"its sync Failed: {said}")

    committed(ground, {}, ground.application(), message="Create it")
    trap.sound(ground.here.path)
    ground.applied(ground.application())
    ground.patch({"status": {"operationState": None}, "operation": {"sync": MANUAL}})
    until(lambda: ground.live("configmap", "one"))


@pytest.mark.bites("skip-reconcile stands in git: Synced and Healthy is said of a commit of long ago", "PM409", "PM728")
@pytest.mark.parametrize("word", ["true", "1"])
def test_an_application_that_is_skipped_says_what_was(trap: Trap, ground: Ground, word: str) -> None:
    skipping = {"annotations": {"argocd.argoproj.io/skip-reconcile": word}}
    ground.push({"one.yaml": config()})
    ground.applied(ground.application(syncPolicy=HEALING))
    synced(ground)
    committed(ground, {}, ground.application(syncPolicy=HEALING, metadata=skipping), message="Skip it")
    assert trap.lint(ground.here.path)
    ground.applied(ground.application(syncPolicy=HEALING, metadata=skipping))
    newer = ground.push({"one.yaml": config(said="second")}, "Second")
    ground.patch({"metadata": {"annotations": {"argocd.argoproj.io/refresh": "hard"}}})
    assert [each["id"] for each in trap.doctor("-n", ARGO, of=ground.name)] == ["PM409", "PM728"]
    noticed = ground.application(f"{ground.name}-other", syncPolicy=MANUAL)
    ground.applied(noticed)
    assert compared(ground, f"{ground.name}-other")["sync"]["revision"] == newer
    status = ground.status()
    assert (status["sync"]["status"], status["health"]["status"]) == ("Synced", "Healthy")
    assert status["sync"]["revision"] != newer
    assert ground.live("configmap", "one")["data"] == {"said": "first"}
    trap.bit(
        "it read Synced and Healthy at the commit before, asked for a hard refresh, while another one saw git's newest"
    )

    committed(ground, {}, ground.application(syncPolicy=HEALING), message="Do not skip it")
    trap.sound(ground.here.path)
    ground.patch({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": None}}})
    until(lambda: ground.live("configmap", "one")["data"] == {"said": "second"})
    trap.healthy("-n", ARGO, of=ground.name)
