"""A cluster with very many models: every object that a model has, none of their pods.

Deployments ask for 0 replicas and KServe's objects are stopped, so that a small machine can hold a thousand of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pointsman.demo.platform import example_model
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Layer
from pointsman.layers.registry import layer
from pointsman.layers.rollout import rolled_out
from pointsman.move.holding.lock import ensure_namespace
from pointsman.move.records import remember
from pointsman.spec.model import Model
from pointsman.spec.tenant import Edge

__all__ = ["crowd", "declare", "settle"]

AT_ONCE = 32
"""Calls under way at a time."""
KSERVE_EVERY, LLM_D_EVERY = 50, 100
"""One model in so many is on KServe, and on llm-d, as well."""
ROLL = 600.0
"""Seconds for LiteLLM to start with so many entries on a busy machine."""
STOPPED = {"serving.kserve.io/stop": "true"}


def crowd(count: int) -> list[Model]:
    """The example model under many names, each with an alias of its own."""
    said = example_model().model_dump(mode="json", by_alias=True)
    made = []
    for number in range(count):
        name = f"crowd-{number:04d}"
        said["metadata"]["name"] = name
        said["spec"]["tenant"]["alias"] = f"{name}-chat"
        for block in ("raw-vllm", "llm-d"):
            said["spec"]["layers"][block]["name"] = name
        made.append(Model.model_validate(said))
    return made


async def settle(client: Client, models: Sequence[Model]) -> int:
    """Put every object of every model there, and the record that pointsman keeps; returns how many."""
    await ensure_namespace(client)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, model: Model) -> int:
        async with gate:
            manifests = list(_objects(number, model))
            for manifest in manifests:
                await client.apply(manifest)
            await remember(client, model)
            return len(manifests) + 1

    return sum(await asyncio.gather(*(one(number, model) for number, model in enumerate(models))))


def _objects(number: int, model: Model) -> Iterator[dict[str, Any]]:
    for manifest in layer("raw-vllm").render(model):
        if manifest["kind"] == "Deployment":
            manifest["spec"]["replicas"] = 0
        if manifest["kind"] != "PersistentVolumeClaim":
            yield manifest
    if number % KSERVE_EVERY == 1:
        yield from _stopped(layer("kserve"), model)
    if number % LLM_D_EVERY == 2:
        yield from _stopped(layer("llm-d"), model)


def _stopped(on: Layer, model: Model) -> Iterable[dict[str, Any]]:
    main = on.render(model)[-1]
    main["metadata"].setdefault("annotations", {}).update(STOPPED)
    return [main]


async def declare(client: Client, edge: Edge, models: Sequence[Model]) -> None:
    """Give every model's alias an entry in the edge's configuration, and roll the edge; nothing where it has them."""
    config = Ref(kind_of("ConfigMap"), edge.config_map, edge.namespace)
    deployment = Ref(kind_of("Deployment"), edge.deployment, edge.namespace)
    text = str((await client.get(config))["data"][edge.key])
    if f"model_name: {models[0].spec.tenant.alias}\n" in text:
        return
    text = text.replace("router_settings:", f"{_entries(models)}router_settings:", 1)
    await client.patch(config, {"data": {edge.key: text}})
    annotations = {"benchmark/aliases": str(len(models))}
    await client.patch(deployment, {"spec": {"template": {"metadata": {"annotations": annotations}}}})
    await client.wait(
        deployment, lambda found: rolled_out(deployment, {deployment: found}).ready, timeout=ROLL, what="the edge"
    )


def _entries(models: Iterable[Model]) -> str:
    """Items of a LiteLLM ``model_list``, beginning in the first column."""
    return "".join(
        f"""- model_name: {model.spec.tenant.alias}
  litellm_params:
    model: openai/{model.spec.served_model_name}
    api_base: {layer("raw-vllm").endpoint(model).base_url}
    api_key: os.environ/UPSTREAM_API_KEY
    weight: 100
  model_info:
    id: {model.name}-raw-vllm
"""
        for model in models
    )
