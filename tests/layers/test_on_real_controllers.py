"""The manifests on the lab's real API server, KServe manager and llmisvc."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from pointsman.demo.platform import plain_manifests
from pointsman.kube.resources import Ref
from pointsman.layers.contract import Layer, Live, Patch
from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from pointsman.spec.model import Model
from tests.conftest import RunningLab
from tests.layers.models import changed

pytestmark = pytest.mark.lab

PLATFORM = plain_manifests()
EDITS = (
    ("  name: qwen\n", "  name: layered\n"),
    ("      name: raw-vllm\n", ""),
    ("      name: qwen-llmd\n", "      prefill: {replicas: 1}\n"),
    ("gpusPerReplica: 1", "gpusPerReplica: 0"),
    ('requests: {cpu: "1", memory: 4Gi}', "requests: {cpu: 200m, memory: 1Gi}"),
)
MODEL = changed(*EDITS)
SHORTER = changed(*EDITS, ("maxModelLen: 8192", "maxModelLen: 4096"))
each_layer = pytest.mark.parametrize("each", LAYERS, ids=lambda one: one.id)


@pytest.fixture(scope="module", autouse=True)
def platform(lab: RunningLab) -> Iterator[None]:
    for name in ("namespaces.yaml", "secrets.yaml"):
        lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(PLATFORM / name))
    yield
    # Waited for: what is still going away would be seen by the tests of moves, which compare the namespaces.
    everything = "---\n".join(yaml_stream(each.render(MODEL)) for each in LAYERS)
    lab.kubectl("delete", "--ignore-not-found", "--timeout=120s", "-f", "-", given=everything, timeout=150)


def apply(lab: RunningLab, each: Layer, model: Model) -> None:
    """As the program applies: server-side, with its own manager."""
    text = yaml_stream(each.render(model))
    lab.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=pointsman", "-f", "-", given=text)


def resource(ref: Ref) -> str:
    return f"{ref.kind.plural}.{ref.kind.group}" if ref.kind.group else ref.kind.plural


def read(lab: RunningLab, each: Layer, model: Model) -> Live:
    live: dict[Ref, dict[str, object] | None] = {}
    for ref in each.reads(model):
        done = lab.kubectl("get", resource(ref), ref.name, "-n", str(ref.namespace), "--ignore-not-found", "-o", "json")
        live[ref] = json.loads(done.stdout) if done.stdout.strip() else None
    return live


def wait_ready(lab: RunningLab, each: Layer, model: Model) -> None:
    deadline = time.monotonic() + 120
    while not (verdict := each.readiness(model, read(lab, each, model))).ready:
        assert time.monotonic() < deadline, verdict.reason
        time.sleep(0.5)


def wait_parked(lab: RunningLab, each: Layer, model: Model) -> None:
    deadline = time.monotonic() + 120
    while not each.parked(model, read(lab, each, model)):
        assert time.monotonic() < deadline, f"{each.id} is not parked"
        time.sleep(0.5)


def patch(lab: RunningLab, patches: list[Patch]) -> None:
    for one in patches:
        words = ("patch", resource(one.ref), one.ref.name, "-n", str(one.ref.namespace), "--type=merge")
        lab.kubectl(*words, "-p", json.dumps(one.body))


def lengths(lab: RunningLab, each: Layer, model: Model) -> set[str]:
    """The context length every engine pod that is not ending was started with."""
    found = set()
    for engines in each.engines(model):
        selector = ",".join(f"{key}={value}" for key, value in engines.labels.items())
        done = lab.kubectl("get", "pods", "-n", engines.namespace, "-l", selector, "-o", "json")
        pods = [pod for pod in json.loads(done.stdout)["items"] if "deletionTimestamp" not in pod["metadata"]]
        assert pods, f"no pod is labelled {selector}"
        for pod in pods:
            (container,) = [one for one in pod["spec"]["containers"] if one["name"] == engines.container]
            found |= {word for word in container["args"] if "max-model-len" in word}
    return found


@each_layer
def test_a_layer_comes_up_changes_is_parked_and_wakes_on_the_real_controllers(lab: RunningLab, each: Layer) -> None:
    apply(lab, each, MODEL)
    wait_ready(lab, each, MODEL)
    assert lengths(lab, each, MODEL) == {"--max-model-len=8192"}

    apply(lab, each, SHORTER)
    wait_ready(lab, each, SHORTER)
    assert lengths(lab, each, SHORTER) == {"--max-model-len=4096"}, "ready was said about the revision before"

    patch(lab, list(each.park(SHORTER)))
    wait_parked(lab, each, SHORTER)
    assert not each.readiness(SHORTER, read(lab, each, SHORTER)).ready

    patch(lab, list(each.unpark(SHORTER)))
    wait_ready(lab, each, SHORTER)


@each_layer
def test_applying_the_same_again_changes_nothing(lab: RunningLab, each: Layer) -> None:
    apply(lab, each, SHORTER)
    wait_ready(lab, each, SHORTER)
    before = {ref: found["metadata"]["generation"] for ref, found in read(lab, each, SHORTER).items() if found}
    apply(lab, each, SHORTER)
    wait_ready(lab, each, SHORTER)
    assert before == {ref: found["metadata"]["generation"] for ref, found in read(lab, each, SHORTER).items() if found}


def test_the_plain_manifests_are_accepted_as_they_are(lab: RunningLab) -> None:
    dry = ("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f")
    done = lab.kubectl(*dry, str(PLATFORM / "litellm"))
    assert "warning" not in done.stderr.lower()
    for each in LAYERS:
        done = lab.kubectl(*dry, "-", given=yaml_stream(each.render(MODEL)))
        assert "warning" not in done.stderr.lower()
