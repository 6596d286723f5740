"""The manifests on the lab's real API server, KServe manager and llmisvc."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pointsman.kube.resources import Ref
from pointsman.layers.contract import Layer, Live
from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from pointsman.spec.model import Model
from tests.conftest import RunningLab
from tests.layers.models import changed

pytestmark = pytest.mark.lab

PLATFORM = Path(__file__).parents[2] / "examples/platform/platform"
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
    for each in LAYERS:
        lab.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", given=yaml_stream(each.render(MODEL)))


def apply(lab: RunningLab, each: Layer, model: Model) -> None:
    """As the program applies: server-side, with its own manager."""
    text = yaml_stream(each.render(model))
    lab.kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=pointsman", "-f", "-", given=text)


def resource(ref: Ref) -> str:
    return f"{ref.kind.plural}.{ref.kind.group}" if ref.kind.group else ref.kind.plural


def read(lab: RunningLab, each: Layer, model: Model) -> Live:
    live: dict[Ref, dict[str, object] | None] = {}
    for ref in each.reads(model):
        dry = ("apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f")
    done = lab.kubectl(*dry, str(PLATFORM / "litellm"))
    assert "warning" not in done.stderr.lower()
    for each in LAYERS:
        text = yaml_stream(each.render(MODEL))
        done = lab.kubectl(*dry, "-", given=text)
        assert "warning" not in done.stderr.lower()
