"""What 7xx are about, brought about on a real API server and its controllers, and what ``pointsman doctor`` says."""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from pointsman.checks.catalogue import CHECKS
from pointsman.checks.check import Source
from tests.checks.live.asking import gone, until
from tests.checks.live.bringing import SPACE, changed, kept_out, made_slow, nodes, pushed, removed, stopped, untaint
from tests.checks.live.page import Seen
from tests.checks.live.states import LONG, QUICK, SLOW, State, Watch, bring_about, live, states_in
from tests.conftest import RunningLab
from tests.move.platform import MODEL, layer_of, pointsman_in, served

pytestmark = pytest.mark.lab

SOON, SETTLED = 90.0, 480.0
STATES = [*states_in(QUICK), *states_in(SLOW)]
SPACES = ("checks-live", "checks-full", "checks-room")
CLUSTER = "the cluster"
CONFIG = "ConfigMap kserve/inferenceservice-config"
LATE = frozenset(LONG)
ELSEWHERE = {
    "PM731": "KServe makes the route when the engine is ready: seen in `make traps`, a canary that gets nothing",
    "PM732": "the lab's API server is of 1.34: an older one cannot be there",
    "PM734": "it needs a git that is away on a move's way back: seen in `make gitops-faults`, trap 10 of commits",
    "PM735": "a teardown takes away what others stand on: seen in `make soak`, killed at every step",
    **dict.fromkeys(("PM736", "PM737", "PM738"), "Argo CD and a repository of its own: seen in `make traps`, drift"),
    "PM739": "seen in `make traps`, on both layers of KServe",
}
"""Checks whose state is not brought about here, and why."""


def _cases(*, sound: bool, late: bool = False) -> list[Any]:
    chosen = [one for one in STATES if one.sound == sound and (one.check in LATE) == late]
    return [
        pytest.param(one, id=f"{one.check} {one.object}", marks=pytest.mark.checks if one.slow or late else ())
        for one in chosen
    ]


@pytest.fixture(scope="module")
def watch(cluster: RunningLab, whole: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watch]:
    """Everything that applying brings about is there at once."""
    made = Watch(cluster, tmp_path_factory.mktemp("state"))
    before = made.look().keys()
    assert not {one.object for one in STATES} & {what for _, what in before}
    gone(cluster, *SPACES)
    try:
        bring_about(cluster, QUICK)
        if whole:
            pushed(cluster, tmp_path_factory.mktemp("git"))
            bring_about(cluster, SLOW)
            made_slow(cluster)
        running = ("pod/running", f"--namespace={SPACE}", "--for=condition=Ready", "--timeout=90s")
        cluster.kubectl("wait", *running, timeout=120)
        yield made
    finally:
        _leave(cluster, whole)


def _leave(lab: RunningLab, whole: bool) -> None:
    """Take it all away; whoever brings it about again waits for it."""
    if whole:
        untaint(lab)
        for held in (("application", "checks-held", "-n", "argocd"), ("job", "migrate", "-n", SPACE)):
            lab.kubectl("patch", *held, "--type=merge", _FREE, check=False)
    kept = ("pods", "--all", f"--namespace={SPACE}", "--force", "--grace-period=0")
    lab.kubectl("delete", *kept, check=False, timeout=120)
    for path in (*([SLOW] if whole else []), QUICK):
        text = path.read_text("utf-8")
        lab.kubectl("delete", "-f", "-", "--ignore-not-found", "--wait=false", given=text, timeout=120, check=False)


_FREE = '--patch={"metadata": {"finalizers": null}}'


@pytest.mark.parametrize("state", _cases(sound=False))
def test_what_is_wrong_is_told_of_its_object(state: State, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    row = seen[state.check]
    row.how = "brought about"
    row.failing.append(f"NOT told of {state.object}")
    row.failing[-1] = f"told: {watch.sentence(state.check, state.object, SETTLED if state.slow else SOON)}"


@pytest.mark.parametrize("state", _cases(sound=True))
def test_what_is_sound_is_not_told_of(state: State, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    """It stands beside what is wrong, and that is told by now."""
    wrong = [one for one in STATES if one.check == state.check and not one.sound and one.slow <= state.slow]
    assert all(watch.sentence(one.check, one.object, SOON) for one in wrong if one.check not in LATE)
    row = seen[state.check]
    row.clean.append(f"NOT silent of {state.object}")
    assert watch.silent(state.check, state.object), watch.found[state.check, state.object]
    row.clean[-1] = f"silent of {state.object}"


@pytest.mark.checks
def test_a_taint_is_told_of_the_pod_that_it_keeps_out(
    cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]
) -> None:
    row = seen["PM714"]
    row.how = "brought about: each node of the lab tainted"
    pod = kept_out(cluster)
    try:
        row.failing.append(f"told: {watch.sentence('PM714', pod, SETTLED)}")
        assert watch.silent("PM713", pod)
    finally:
        untaint(cluster)
    until(lambda: ("PM714", pod) not in watch.look(), 60)
    row.clean.append("silent once the taint is off, and the pod has its GPU")


@pytest.mark.checks
@pytest.mark.parametrize(
    ("check", "key", "values", "what"),
    [
        ("PM706", "deploy", {"defaultDeploymentMode": "Knative"}, CONFIG),
        ("PM707", "ingress", {"kserveIngressGateway": "kserve/of-nobody"}, CONFIG),
    ],
)
def test_a_wrong_configuration_of_kserve_is_told(
    check: str,
    key: str,
    values: dict[str, Any],
    what: str,
    cluster: RunningLab,
    watch: Watch,
    seen: defaultdict[str, Seen],
) -> None:
    row = seen[check]
    row.how = f"brought about: {key} of inferenceservice-config changed"
    assert (check, what) not in watch.look()
    row.clean.append("silent of the lab's own configuration, before and after")
    with changed(cluster, key, **values):
        row.failing.append(f"told: {watch.look()[check, what]}")
    assert (check, what) not in watch.look()


@pytest.mark.checks
def test_the_domain_of_an_example_is_told(cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    row = seen["PM708"]
    row.how = "the lab's own configuration, with an InferenceService; clean: ingressDomain changed"
    given: dict[str, Any] = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
    given |= {
        "metadata": {"name": "of-a-domain", "namespace": SPACE, "annotations": {"serving.kserve.io/stop": "true"}}
    }
    given |= {
        "spec": {"predictor": {"containers": [{"name": "kserve-container", "image": "vllm/vllm-openai:v0.23.0"}]}}
    }
    cluster.kubectl("apply", "-f", "-", given=json.dumps(given))
    row.failing.append(f"told: {watch.look()['PM708', CONFIG]}")
    with changed(cluster, "ingress", ingressDomain="models.example.org"):
        assert ("PM708", CONFIG) not in watch.look()
        row.clean.append("silent")


@pytest.mark.checks
def test_a_missing_definition_is_told(cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    row = seen["PM701"]
    row.how = "brought about: the definition of InferencePools deleted"
    assert ("PM701", CLUSTER) not in watch.look()
    row.clean.append("silent before and after")
    with removed(cluster, "crd", "inferencepools.inference.networking.k8s.io"):
        row.failing.append(f"told: {watch.look()['PM701', CLUSTER]}")
    assert ("PM701", CLUSTER) not in watch.look()


@pytest.mark.checks
def test_a_missing_preset_is_told(cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    """KServe's webhook and its controller keep presets; where the chart was never installed there are none."""
    row = seen["PM709"]
    row.how = "brought about: a preset deleted while the webhook that keeps it is away, its finalizer taken off"
    preset = ("llminferenceserviceconfigs.serving.kserve.io", "kserve-config-llm-template", "--namespace=kserve")
    refused = cluster.kubectl("delete", *preset, check=False)
    assert "cannot be deleted" in refused.stderr
    assert ("PM709", CLUSTER) not in watch.look()
    row.clean.append("silent before and after")
    webhook = ("validatingwebhookconfiguration", "llminferenceserviceconfig.serving.kserve.io")
    with removed(cluster, *webhook), removed(cluster, *preset, held=True):
        row.failing.append(f"told: {watch.look()['PM709', CLUSTER]}")
    assert ("PM709", CLUSTER) not in watch.look()


@pytest.mark.checks
def test_a_layer_without_its_controller_is_told(
    cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]
) -> None:
    """Its webhooks are gone, as after an uninstallation, and nobody writes a status."""
    row = seen["PM703"]
    row.how = "brought about: the process llmisvc stands still, its webhooks are deleted"
    assert ("PM703", CLUSTER) not in watch.look()
    row.clean.append(
        "silent before and after: its controller runs outside of the cluster, and its webhook's address tells"
    )
    kind, name = "llminferenceservices.serving.kserve.io", "llminferenceservice.serving.kserve.io"
    cluster.kubectl("delete", kind, "--all", "--all-namespaces", "--timeout=90s", timeout=120)
    given: dict[str, Any] = {"apiVersion": "serving.kserve.io/v1alpha2", "kind": "LLMInferenceService"}
    given |= {"metadata": {"name": "of-nobody", "namespace": SPACE}}
    given |= {"spec": {"model": {"uri": "hf://Qwen/Qwen2.5-0.5B-Instruct", "name": "x"}}}
    with (
        stopped(cluster, watch.state, "llmisvc"),
        removed(cluster, "validatingwebhookconfiguration", name),
        removed(cluster, "mutatingwebhookconfiguration", name),
    ):
        cluster.kubectl("apply", "-f", "-", given=json.dumps(given))
        row.failing.append(f"told: {watch.look()['PM703', CLUSTER]}")
    assert ("PM703", CLUSTER) not in watch.look()


@pytest.mark.parametrize("state", _cases(sound=False, late=True))
def test_what_takes_a_quarter_of_an_hour_is_told(state: State, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    row = seen[state.check]
    row.how = "brought about"
    row.failing.append(f"told: {watch.sentence(state.check, state.object, LONG[state.check])}")


@pytest.mark.parametrize("state", _cases(sound=True, late=True))
def test_what_is_sound_is_not_told_of_then(state: State, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    assert watch.silent(state.check, state.object)
    seen[state.check].clean.append(f"silent of {state.object}")


@pytest.mark.checks
def test_nodes_that_are_well_are_not_told_of(cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    name = nodes(cluster)[0]
    cluster.kubectl("label", "node", name, "nvidia.com/gpu.present=true", "--overwrite")
    told = watch.look()
    cluster.kubectl("label", "node", name, "nvidia.com/gpu.present-")
    for check in ("PM715", "PM716"):
        assert (check, f"Node {name}") not in told
        seen[check].clean.append(f"silent of Node {name}, which has the label and the GPUs")


@pytest.mark.checks
def test_other_versions_are_not_told_of(cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    argo = "argocd-application-controller"
    assert watch.sentence("PM730", f"StatefulSet {SPACE}/{argo}", SOON)
    newer = ("set", "image", f"statefulset/{argo}", "controller=quay.io/argoproj/argocd:v3.6.0")
    cluster.kubectl(*newer, f"--namespace={SPACE}")
    told = watch.look()
    assert ("PM730", f"StatefulSet {SPACE}/{argo}") not in told
    assert not [one for one in told if one[0] == "PM732"]
    seen["PM730"].clean.append("silent of v3.6.0")
    seen["PM732"].clean.append("silent: KServe's image tag says v0.20.0, and the API server v1.34.4")


@pytest.mark.checks
def test_an_idle_gpu_is_told_of_its_node(cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]) -> None:
    row = seen["PM717"]
    row.how = "no pod asks for the GPUs of a node (--patience 0: at once, not after half an hour); clean: one does"
    spec = live(cluster, "pod", "running", f"--namespace={SPACE}")["spec"]
    used = f"Node {spec['nodeName']}"
    at_once = ("--patience", "0")
    assert ("PM717", used) not in watch.look(*at_once)
    holding = ("pods", "running", "kept-out", f"--namespace={SPACE}", "--ignore-not-found")
    cluster.kubectl("delete", *holding, "--timeout=90s", timeout=120)
    until(lambda: not _with_gpus(cluster, spec["nodeName"]), SOON)
    row.failing.append(f"told: {watch.look(*at_once)['PM717', used]}")
    container = {"name": "vllm", "image": "vllm/vllm-openai:v0.23.0", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "busy", "namespace": SPACE}}
    pod["spec"] = {"nodeName": spec["nodeName"], "containers": [container]}
    cluster.kubectl("apply", "-f", "-", given=json.dumps(pod))
    assert ("PM717", used) not in watch.look(*at_once)
    row.clean.append("silent")


def _with_gpus(lab: RunningLab, node: str) -> list[str]:
    """Pods of this node that hold its GPUs; by their namespaces and names."""
    found = [one for one in live(lab, "pods", "--all-namespaces")["items"] if one["spec"].get("nodeName") == node]
    return [
        f"{one['metadata']['namespace']}/{one['metadata']['name']}"
        for one in found
        if any(
            "nvidia.com/gpu" in (each.get("resources") or {}).get("limits", {}) for each in one["spec"]["containers"]
        )
    ]


@pytest.mark.checks
def test_a_move_whose_process_was_killed_is_told(
    cluster: RunningLab, watch: Watch, seen: defaultdict[str, Seen]
) -> None:
    row = seen["PM733"]
    row.how = "brought about: the process of a move killed (SIGKILL) at its first shift"
    served(cluster)
    program = pointsman_in(cluster)
    to = "kserve" if layer_of(cluster) != "kserve" else "raw-vllm"
    words = ("move", MODEL, "--to", to, "--yes", "--output", "json", "--kubeconfig", str(cluster.kubeconfig))
    with subprocess.Popen(
        program.command(*words),
        env=program.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        shifting = next((line for line in process.stderr if "step-begun" in line and "shift-10" in line), "")
        assert shifting, "the move ended before its first shift"
        assert not [one for one in watch.look() if one[0] == "PM733"]
        row.clean.append("silent while the process lives")
        process.kill()
    move = until(lambda: next((one for one in watch.look() if one[0] == "PM733"), None), 240)
    row.failing.append(f"told: {watch.found[move]}")
    back = program("rollback", MODEL, "--yes", "--kubeconfig", str(cluster.kubeconfig), timeout=240)
    assert back.returncode in (0, 3), back.stderr
    assert move not in watch.look()


def test_every_check_of_the_cluster_is_brought_about_or_said_why_not(seen: defaultdict[str, Seen]) -> None:
    own = {one.id for one in CHECKS if one.sources == frozenset({Source.cluster})}
    known = {one.check for one in STATES if not one.sound} | OWN_TESTS
    assert own == known | ELSEWHERE.keys()
    assert not known & ELSEWHERE.keys()
    for check, why in ELSEWHERE.items():
        seen[check].how = why
        seen[check].failing.append("not brought about")


OWN_TESTS = {"PM701", "PM703", "PM706", "PM707", "PM708", "PM709", "PM714", "PM717", "PM733"}
