"""A cluster with very many models: every object that a model has; pods of theirs that no machine has to run.

Deployments ask for 0 replicas and KServe's objects are stopped, so that a small machine can hold a thousand of them.
Pods are those of a node that nobody is (``machine``): they are told to run, and nothing runs them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from pointsman.demo.platform import example_model
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.layers.contract import Layer
from pointsman.layers.registry import layer
from pointsman.layers.rollout import rolled_out
from pointsman.move.holding.lock import ensure_namespace
from pointsman.move.records import remember
from pointsman.spec.model import Model
from pointsman.spec.tenant import Edge

__all__ = ["crowd", "declare", "machine", "populate", "populated", "settle"]

AT_ONCE = 32
"""Calls under way at a time."""
KSERVE_EVERY, LLM_D_EVERY = 50, 100
"""One model in so many is on KServe, and on llm-d, as well."""
ROUTE_EVERY, WANTED_EVERY = 2, 2
"""One model in so many has an HTTPRoute of its own, and an InferenceService, when the cluster is populated."""
NODE = "crowd"
"""The node of all pods."""
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


async def populate(client: Client, models: Sequence[Model]) -> int:
    """Give models what runs beside them: pods on one node, claims, routes, InferenceServices; returns how many."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(manifest: dict[str, Any]) -> None:
        async with gate:
            status = manifest.pop("status", None)
            await client.apply(manifest)
            if status is not None:
                await client.patch(ref_of(manifest), {"status": status}, subresource="status")

    await one(machine(len(models)))
    made = [manifest for number, model in enumerate(models) for manifest in populated(number, model)]
    await asyncio.gather(*map(one, made))
    return len(made)


def machine(pods: int) -> dict[str, Any]:
    """The node that so many pods are on: its own kubelet is nobody, and its pods stay all the same."""
    capacity = {"cpu": "1000", "memory": "16Ti", "pods": "5000", "nvidia.com/gpu": str(pods)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE, "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}},
        "spec": {"unschedulable": True},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def populated(number: int, model: Model) -> Iterator[dict[str, Any]]:
    """What one model has besides what ``settle`` puts there."""
    raw = layer("raw-vllm")
    for manifest in raw.render(model):
        if manifest["kind"] == "PersistentVolumeClaim":
            yield manifest
        if manifest["kind"] == "Deployment":
            yield _pod(model, manifest["spec"]["template"])
    if number % ROUTE_EVERY == 0:
        yield _route(model, raw.namespace(model))
    if number % WANTED_EVERY == 1 and number % KSERVE_EVERY != 1:
        yield from _stopped(layer("kserve"), model)


def _pod(model: Model, template: dict[str, Any]) -> dict[str, Any]:
    spec = template["spec"] | {"nodeName": NODE, "tolerations": [{"operator": "Exists"}]}
    metadata = {"name": f"{model.name}-0", "namespace": layer("raw-vllm").namespace(model)}
    ready = [{"type": kind, "status": "True"} for kind in ("Initialized", "Ready", "ContainersReady", "PodScheduled")]
    status = {"phase": "Running", "conditions": ready}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata | {"labels": template["metadata"]["labels"]},
        "spec": spec,
        "status": status,
    }


def _route(model: Model, namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": model.name, "namespace": namespace},
        "spec": {
            "parentRefs": [{"name": "kserve-ingress-gateway", "namespace": "kserve"}],
            "hostnames": [f"{model.name}.example.com"],
            "rules": [
                {
                    "backendRefs": [{"name": model.name, "port": 8000}],
                    "timeouts": {"request": "0s", "backendRequest": "0s"},
                }
            ],
        },
    }


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
