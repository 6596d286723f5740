"""Many aliases of one edge cost one look at it."""

from __future__ import annotations

import asyncio
from typing import Any

from pointsman.edge.contract import AliasState
from pointsman.edge.litellm_values import LiteLLMValues, litellm_values, read_aliases
from pointsman.errors import RefusedError
from pointsman.kube.resources import Ref, ref_of
from pointsman.spec.model import Model
from tests.world.cluster import MemoryCluster
from tests.world.world import World

MODELS = 1000
RAW = "http://raw.serving.svc.cluster.local:8000/v1"


class Counting(MemoryCluster):
    """Counts reads."""

    reads = 0

    async def find(self, ref: Ref) -> dict[str, Any] | None:
        self.reads += 1
        return await super().find(ref)


def entry(name: str) -> str:
    return f"""
  - model_name: {name}
    litellm_params: {{model: hosted_vllm/q, api_base: http://raw.serving.svc.cluster.local:8000/v1, weight: 100}}
    model_info: {{id: {name}-raw-vllm}}"""


def edge_of(names: list[str]) -> Counting:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "litellm", "namespace": "llm-gateway"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "litellm"}},
            "template": {"spec": {"volumes": [{"name": "config", "configMap": {"name": "litellm-config"}}]}},
        },
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "litellm-config", "namespace": "llm-gateway", "resourceVersion": "1"},
        "data": {"config.yaml": "model_list:" + "".join(map(entry, names)) + "\n"},
    }
    return Counting(objects={ref_of(one): one for one in (deployment, config)})


def edges(cluster: Counting, names: list[str]) -> dict[str, LiteLLMValues]:
    model = World().model
    found = {}
    for name in names:
        tenant = model.spec.tenant.model_copy(update={"alias": name})
        named = Model.model_validate(model.model_dump(by_alias=True) | {"metadata": {"name": name}})
        spec = named.spec.model_copy(update={"tenant": tenant})
        found[name] = litellm_values(cluster, named.model_copy(update={"spec": spec}), {"raw-vllm": RAW})
    return found


def test_a_thousand_aliases_are_read_with_two_calls() -> None:
    names = [f"alias-{number}" for number in range(MODELS)]
    cluster = edge_of(names)
    found = asyncio.run(read_aliases(edges(cluster, names)))
    assert cluster.reads == 2
    states = [state for state in found.values() if isinstance(state, AliasState)]
    assert [state.alias for state in states] == names
    assert {state.members[0].id for state in states} == {f"{name}-raw-vllm" for name in names}


def test_one_alias_that_cannot_be_read_does_not_hide_the_others() -> None:
    cluster = edge_of(["good", "bad"])
    config = next(one for ref, one in cluster.objects.items() if ref.kind.name == "ConfigMap")
    config["data"]["config.yaml"] = (
        config["data"]["config.yaml"]
        .replace("bad-raw-vllm", "")
        .replace("weight: 100}\n    model_info: {id: }", "weight: many}\n    model_info: {id: x}")
    )
    found = asyncio.run(read_aliases(edges(cluster, ["good", "bad"])))
    assert isinstance(found["good"], AliasState)
    assert isinstance(found["bad"], RefusedError)


def test_an_edge_that_is_not_there_is_the_answer_for_each_of_its_aliases() -> None:
    cluster = Counting()
    found = asyncio.run(read_aliases(edges(cluster, ["one", "two"])))
    assert [type(state) for state in found.values()] == [RefusedError, RefusedError]
