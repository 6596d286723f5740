"""What the API server refuses of an engine, and where the scheduler finds no room. Both are real."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gitops.ground import until
from tests.traps.gateway import Edge
from tests.traps.lone_engine import Change, apply, run, written
from tests.traps.manifests import LONG, QWEN, Manifest, engine
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


@pytest.mark.bites("Kubernetes: a request for an accelerator without the same limit", "PM115")
def test_a_request_for_an_accelerator_without_a_limit_is_refused(trap: Trap, edge: Edge) -> None:
    def asks(*kinds: str) -> Change:
        return lambda container, _: container.update(resources={one: {"nvidia.com/gpu": 1} for one in kinds})

    file = written(edge, "trap", change=asks("requests"))
    assert trap.lint(file)
    said = apply(edge, file)
    assert "Limit must be set for non overcommitable resources" in said
    trap.bit(f"the API server refuses it: {said[-90:]}")
    mended = written(edge, "mended", change=asks("requests", "limits"))
    assert not apply(edge, mended)
    trap.sound(mended)


@pytest.mark.bites("Kubernetes: a variable that is written twice", "PM126")
def test_a_variable_that_stands_twice_is_refused_by_a_server_side_apply(trap: Trap, edge: Edge) -> None:
    def sets(*values: str) -> Change:
        return lambda container, _: container.update(env=[{"name": "HF_HOME", "value": one} for one in values])

    file = written(edge, "trap", change=sets("/data", "/models"))
    assert trap.lint(file)
    said = apply(edge, file)
    assert "duplicate entries for key" in said
    trap.bit(f"a server-side apply is refused: {said[-110:]}")
    mended = written(edge, "mended", change=sets("/models"))
    assert not apply(edge, mended)
    trap.sound(mended)


@pytest.fixture
def one_accelerator(edge: Edge) -> Iterator[str]:
    """A node has one accelerator of a kind that nobody else asks for, advertised as Kubernetes' documentation does."""
    lab, kind = edge.space.lab, "amd.com/gpu"
    node = json.loads(lab.kubectl("get", "nodes", "-o", "json").stdout)["items"][0]["metadata"]["name"]
    words = ("patch", "node", node, "--subresource=status", "--type=merge", "-p")

    def advertise(count: str | None) -> None:
        has = {kind: count}
        lab.kubectl(*words, json.dumps({"status": {"capacity": has, "allocatable": has}}))

    advertise("1")
    yield kind
    advertise(None)


@pytest.mark.bites("Kubernetes: a rolling update of the only engine that fits", "PM116")
def test_a_new_pod_beside_the_old_one_waits_for_ever(trap: Trap, edge: Edge, one_accelerator: str) -> None:
    def has_it(strategy: Manifest, *more: str) -> Path:
        objects = engine(edge.name, edge.space.name, QWEN, LONG, *more)
        objects[0]["spec"]["strategy"] = strategy
        container = objects[0]["spec"]["template"]["spec"]["containers"][0]
        container["resources"] = {"limits": {one_accelerator: 1}}
        return edge.write(f"{strategy['type']}{len(more)}", *objects, engines=())

    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    file = has_it(rolling, "--seed=2")
    assert trap.lint(file)
    run(edge, has_it(rolling))
    assert not apply(edge, file)
    said = until(lambda: next(iter(unscheduled(edge)), ""))
    assert f"Insufficient {one_accelerator}" in said
    trap.bit(f"the new pod stays Pending beside the old one: {said[:90]}")
    mended = has_it({"type": "Recreate"}, "--seed=2")
    run(edge, mended)
    assert unscheduled(edge) == []
    trap.sound(mended)


def unscheduled(edge: Edge) -> list[str]:
    """Why pods of it find no node."""
    conditions = [one for pod in edge.space.pods(edge.name) for one in pod["status"].get("conditions", [])]
    return [one["message"] for one in conditions if (one["type"], one["status"]) == ("PodScheduled", "False")]
