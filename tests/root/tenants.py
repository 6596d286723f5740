"""What a cluster holds of a model that tenants call: its record, the edge's configuration, the layer's objects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointsman.layers.registry import layer
from pointsman.spec.loading import load_model

__all__ = ["MODEL", "crd", "namespace", "tenants", "workload"]

Object = dict[str, Any]
MODEL = load_model(Path(__file__).parents[2] / "examples/platform/models/qwen.yaml")


def tenants(shares: Mapping[str, int]) -> list[Object]:
    """The model's alias points at these layers."""
    entries = "".join(
        f"""
  - model_name: {MODEL.spec.tenant.alias}
    litellm_params:
      model: openai/{MODEL.spec.served_model_name}
      api_base: {layer(name).endpoint(MODEL).base_url}
      api_key: os.environ/UPSTREAM_API_KEY
      weight: {weight}
    model_info: {{id: qwen-{name}}}"""
        for name, weight in shares.items()
    )
    edge = {"replicas": 1, "selector": {}, "template": {"spec": {"volumes": _VOLUMES}}}
    record = _thing("v1", "ConfigMap", f"model-{MODEL.name}", "pointsman-system")
    record["metadata"]["labels"] = {"pointsman.dev/spec": MODEL.name}
    return [
        _thing("apps/v1", "Deployment", "litellm", "llm-gateway") | {"spec": edge},
        _thing("v1", "ConfigMap", "litellm-config", "llm-gateway")
        | {"data": {"config.yaml": f"model_list:{entries}\n"}},
        record | {"data": {"model.json": MODEL.model_dump_json(by_alias=True)}},
    ]


_VOLUMES = [{"name": "config", "configMap": {"name": "litellm-config"}}]


def workload(name: str) -> Object:
    """The main object of a layer, as it is rendered."""
    return layer(name).render(MODEL)[-1]


def namespace(name: str) -> Object:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def crd(plural: str, group: str) -> Object:
    """A kind that something installs."""
    metadata = {"name": f"{plural}.{group}"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": metadata}


def _thing(version: str, kind: str, name: str, home: str) -> Object:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, "namespace": home, "resourceVersion": "1"},
    }
