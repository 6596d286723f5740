"""Where a field of a Model can be seen: what layers render, where an edge is asked, what a plan tells."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from multidict import CIMultiDict

from pointsman.edge.contract import Member
from pointsman.edge.litellm_values import litellm_values
from pointsman.errors import PointsmanError
from pointsman.kube.http import Response
from pointsman.kube.resources import Kind, Ref, kind_of
from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from pointsman.move.context import Options
from pointsman.move.judging.evidence import limits_of
from pointsman.spec.model import Model
from tests.world.cluster import MemoryCluster
from tests.world.world import World, lenient, quick

__all__ = ["edge", "edge_entry", "endpoints", "evidence", "gate", "plan", "rendered"]


async def rendered(model: Model) -> str:
    """What every layer is given."""
    return "\n".join(yaml_stream(one.render(model)) for one in LAYERS)


async def endpoints(model: Model) -> str:
    """Where the edge reaches every layer."""
    return "\n".join(one.endpoint(model).base_url for one in LAYERS)


async def plan(model: Model) -> str:
    """What a move to KServe would do."""
    world = World(model=model, replicas=model.spec.replicas)
    made = await world.conductor().plan(world.model, "kserve", Options(hold=2.0))
    return json.dumps(made.as_dict(), default=str)


async def gate(model: Model) -> str:
    """What the contract's checks saw during a move to KServe."""
    world = World(model=lenient(model))
    done = await world.conductor().move(world.model, "kserve", quick())
    return json.dumps([one for one in done.receipt["steps"] if "contract" in str(one["id"])], default=str)


async def evidence(model: Model) -> str:
    """What a shift's verdict goes by."""
    return repr((limits_of(model), model.spec.move.evidence))


@dataclass
class _Edge(MemoryCluster):
    """An edge's objects under the names that a spec gives; remembers what is asked of it."""

    asked: list[str] = field(default_factory=list)

    async def find(self, ref: Ref) -> dict[str, Any] | None:
        self.asked.append(str(ref))
        return await super().find(ref)

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> list[dict[str, Any]]:
        self.asked.append(f"{kind.name} {namespace} {labels}")
        return await super().list(kind, namespace, labels, fields)

    async def http(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        self.asked.append(f"{method} {path} {dict(headers or {})} {body}")
        return Response(200, CIMultiDict({"x-litellm-model-id": "qwen-raw-vllm"}), b"{}")


async def edge(model: Model) -> str:
    """What is asked of an edge that is as the spec says, and the alias that is found there."""
    cluster = _Edge(objects=_objects(model))
    there = litellm_values(cluster, model, {one.id: one.endpoint(model).base_url for one in LAYERS})
    state = await there.read()
    with suppress(PointsmanError):
        await there.observe(1)
    return "\n".join([repr(state), *cluster.asked])


async def edge_entry(model: Model) -> str:
    """The configuration after an alias that was not there got a first member."""
    cluster = _Edge(objects=_objects(model, declared=False))
    there = litellm_values(cluster, model, {one.id: one.endpoint(model).base_url for one in LAYERS})
    raw = LAYERS[0]
    base, served = raw.endpoint(model).base_url, model.spec.served_model_name
    await there.write([Member(f"{model.name}-{raw.id}", raw.id, base, served, 100)])
    data = cluster.objects[Ref(kind_of("ConfigMap"), "litellm-config", "llm-gateway")]["data"]
    return str(data["config.yaml"])


def _objects(model: Model, *, declared: bool = True) -> dict[Ref, dict[str, Any]]:
    settings = model.spec.tenant.edge
    weight = 100 if settings.key == "config.yaml" else 77
    entry = (
        f"model_list:\n- model_name: {json.dumps(model.spec.tenant.alias)}\n  litellm_params: "
        f"{{model: openai/x, api_base: {LAYERS[0].endpoint(model).base_url}, weight: {weight}}}\n"
    )
    labels = {"app": settings.deployment}
    volumes = [{"name": "config", "configMap": {"name": settings.config_map}}]
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    secret = {
        "master-key": "YQ==",
        settings.master_key.key: base64.b64encode(settings.master_key.key.encode()).decode(),
    }
    found: dict[tuple[str, str], dict[str, Any]] = {
        ("Deployment", settings.deployment): {
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"volumes": volumes, "containers": []}},
            }
        },
        ("ConfigMap", settings.config_map): {
            "data": {"config.yaml": "model_list: []\n", **({settings.key: entry} if declared else {})}
        },
        ("Service", settings.service): {"spec": {}},
        ("Secret", settings.master_key.secret): {"data": secret},
        ("Pod", "litellm-0"): {"spec": {"containers": []}, "status": ready, "labels": labels},
    }
    return {
        Ref(kind_of(kind), name, settings.namespace): {
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": settings.namespace,
                "resourceVersion": "1",
                "uid": "1",
                "labels": body.pop("labels", {}),
            },
            **body,
        }
        for (kind, name), body in found.items()
    }
