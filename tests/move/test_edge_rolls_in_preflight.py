"""A move asks whether the edge can be rolled without a gap, and tells what a roll costs."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from pointsman.errors import RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.report.plan import plan_lines
from tests.edge.test_roll_gaps import ANTI, deployment, strategy
from tests.world.world import World, quick


def edge(world: World, pod: dict[str, Any] | None = None, container: dict[str, Any] | None = None, **spec: Any) -> None:
    world.put({"apiVersion": "apps/v1", "kind": "Deployment", **deployment(pod, container, replicas=1, **spec)})


async def said(world: World) -> str:
    return (await world.conductor().plan(world.model, "kserve", quick())).checks["edge-rolls"]


async def refusal(world: World) -> RefusedError:
    with pytest.raises(RefusedError) as refused:
        await world.conductor().move(world.model, "kserve", quick())
    assert refused.value.code == "preflight.edge-rolls"
    assert refused.value.where == "Deployment llm-gateway/litellm"
    return refused.value


async def test_a_paused_edge_is_refused_and_nothing_is_written() -> None:
    world = World()
    edge(world, paused=True)
    before = world.cluster.version
    assert "kubectl rollout resume" in (await refusal(world)).next_action
    assert world.cluster.version == before


async def test_all_that_forbids_a_roll_is_said_at_once() -> None:
    world = World()
    edge(world, container={"readinessProbe": None}, strategy=strategy(0, 1))
    refused = await refusal(world)
    assert "may end its one replica" in refused.what
    assert "no readinessProbe" in refused.what
    assert refused.next_action.count("kubectl patch") == 2


async def test_an_edge_that_rolls_well_is_told_as_what_it_is() -> None:
    world = World()
    edge(world)
    assert (await said(world)).startswith("one replica: ")


async def test_a_missing_hook_is_told_with_the_requests_that_pass() -> None:
    world = World()
    edge(world, container={"lifecycle": None})
    pod = Ref(kind_of("Pod"), "litellm-0", "llm-gateway")
    world.cluster.objects[pod]["status"]["startTime"] = "2025-12-31T23:58:20Z"
    world.edge.name = "litellm-0"
    world.edge.counted = Counter({"qwen-raw-vllm": 300, "gpt-4o": 900})
    assert "about 12 requests for each second of it is refused" in await said(world)
    world.edge.counted = None
    assert "what arrives then is refused" in await said(world)


async def test_what_is_around_the_deployment_is_read() -> None:
    world = World()
    claim = {"name": "state", "persistentVolumeClaim": {"claimName": "state"}}
    edge(world, {"volumes": [claim]}, strategy=strategy(1, 0))
    metadata = {"name": "state", "namespace": "llm-gateway"}
    spec = {"accessModes": ["ReadWriteOncePod"]}
    world.put({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": spec})
    assert "ReadWriteOncePod" in (await refusal(world)).what
    edge(world, ANTI, strategy=strategy(1, 0))
    assert "needs a node of its own (podAntiAffinity), and 1 can take one" in (await refusal(world)).what


async def test_budgets_that_may_not_be_read_are_said() -> None:
    world = World()
    edge(world)
    world.cluster.denied = {"list poddisruptionbudgets"}
    assert (await said(world)).endswith("not known: you may not list poddisruptionbudgets.policy")


async def test_the_plan_for_people_shows_what_the_checks_tell() -> None:
    world = World()
    edge(world, container={"lifecycle": None})
    made = await world.conductor().plan(world.model, "kserve", quick())
    text = "\n".join(plan_lines(made.as_dict()))
    assert re.search(r"^  owners +no owner shows on Deployment llm-gateway/litellm", text, re.MULTILINE)
    assert re.search(r"^  edge-rolls +warning: container litellm has no preStop", text, re.MULTILINE)
    assert re.search(r"^ +one replica: ", text, re.MULTILINE)
