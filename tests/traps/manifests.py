"""Manifests of a platform as people write them: engines, and LiteLLM before them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

__all__ = [
    "ENGINE_KEY",
    "LONG",
    "MASTER",
    "QWEN",
    "WEIGHTS",
    "Manifest",
    "engine",
    "entry",
    "litellm",
    "secret",
    "service_of_kserve",
    "written",
]

Manifest = dict[str, Any]

MASTER, ENGINE_KEY = "sk-a-key-of-tenants-1f6b52c0d9", "engines-ask-for-this-84c1e7"
IMAGE, WEIGHTS = "vllm/vllm-openai:v0.23.0", "Qwen/Qwen2.5-0.5B-Instruct"
QWEN, LONG = "--served-model-name=qwen", "--max-model-len=8192"
"""What an engine is told, unless it is told something else."""


def entry(alias: str, base: str, params: str = "", info: str = "", model: str = "openai/qwen") -> str:
    """An entry of ``model_list``; what is said beside the address in flow style: ``weight: 1``."""
    said = f'{{model: {model}, api_base: "{base}", {params or "api_key: none"}}}'
    return f"  - model_name: {alias}\n    litellm_params: {said}\n" + (f"    model_info: {{{info}}}\n" if info else "")


def engine(
    name: str, namespace: str, *args: str, key: bool = False, labels: Mapping[str, str] | None = None
) -> list[Manifest]:
    """A vLLM of its own: Deployment and Service."""
    env = [{"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "engine", "key": "key"}}}] if key else []
    container = {
        "name": "vllm",
        "image": IMAGE,
        "args": [WEIGHTS, *(args or (QWEN, LONG))],
        "env": env,
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 1},
    }
    spec = {"enableServiceLinks": False, "terminationGracePeriodSeconds": 5, "containers": [container]}
    return [_deployment(name, namespace, spec, labels=labels), _service(name, namespace, 8000)]


def service_of_kserve(name: str, namespace: str, *args: str, key: bool = False) -> Manifest:
    """The same engine as an InferenceService."""
    (made, _) = engine(name, namespace, *args, key=key)
    container = made["spec"]["template"]["spec"]["containers"][0] | {
        "name": "kserve-container",
        "ports": [{"containerPort": 8000, "protocol": "TCP"}],
        "resources": {kind: {"cpu": "100m", "memory": "256Mi"} for kind in ("requests", "limits")},
    }
    return {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"predictor": {"minReplicas": 1, "maxReplicas": 1, "containers": [container]}},
    }


def litellm(name: str, namespace: str, config: str) -> list[Manifest]:
    """LiteLLM: ConfigMap, Deployment, Service; pods have a checksum of the configuration, as charts give them."""
    metadata = {"name": f"{name}-config", "namespace": namespace}
    made = _deployment(name, namespace, _pod(name))
    checksum = {"checksum/config": hashlib.sha256(config.encode()).hexdigest()}
    made["spec"]["template"]["metadata"]["annotations"] = checksum
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": config}},
        made,
        _service(name, namespace, 4000),
    ]


def secret(name: str, namespace: str, data: Mapping[str, str]) -> Manifest:
    """A Secret with these values."""
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)}


def _deployment(name: str, namespace: str, spec: Manifest, labels: Mapping[str, str] | None = None) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels or {})},
        "spec": {
            "replicas": 1,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec},
        },
    }


def _service(name: str, namespace: str, port: int) -> Manifest:
    spec = {"selector": {"app": name}, "ports": [{"port": port}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}, "spec": spec}


def _pod(name: str) -> Manifest:
    def probe(path: str, failures: int) -> Manifest:
        asked = {"path": f"/health/{path}", "port": 4000}
        return {"httpGet": asked, "periodSeconds": 1, "timeoutSeconds": 10, "failureThreshold": failures}

    def secret(variable: str, key: str) -> Manifest:
        return {"name": variable, "valueFrom": {"secretKeyRef": {"name": "litellm", "key": key}}}

    container = {
        "name": "litellm",
        "image": "ghcr.io/berriai/litellm-non_root:main-v1.106.2",
        "args": ["--config", "/etc/litellm/config.yaml", "--port", "4000"],
        "env": [
            secret("LITELLM_MASTER_KEY", "master-key"),
            secret("ENGINE_KEY", "engine-key"),
            {"name": "LITELLM_LOCAL_MODEL_COST_MAP", "value": "True"},
        ],
        "startupProbe": probe("liveliness", 180),
        "readinessProbe": probe("readiness", 6),
        "volumeMounts": [{"name": "config", "mountPath": "/etc/litellm"}],
    }
    volume = {"name": "config", "configMap": {"name": f"{name}-config"}}
    return {
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": [volume],
    }


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks."""


def _block(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _block)


def written(manifests: Sequence[Manifest]) -> str:
    """The text of a file with all of them."""
    return "---\n".join(yaml.dump(one, Dumper=_Dumper, sort_keys=False, width=200) for one in manifests)
