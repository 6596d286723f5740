"""What is laid over the pods of KServe's llm-d presets, and how to survive the laying.

The presets run ``bash -c 'eval "exec vllm serve /mnt/models … $@"'`` and are filled in as Go templates after
our part is merged into them. So every argument passes a Go template and then a shell, and is quoted for both. Served
name and port are the preset's business; context length, key, GPUs, images and how the engine stops are ours.
"""

from __future__ import annotations

import json
import shlex
from typing import Any

from pointsman.layers import engine
from pointsman.spec.model import Model

__all__ = ["scheduler", "template", "uri"]

_CONNECTOR = {"kv_connector": "NixlConnector", "kv_role": "kv_both"}
_INITIALIZER = "storage-initializer"
_LOCKED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
_STARTUP_PERIOD = 2


def uri(model: Model) -> str:
    """Where KServe's storage initializer gets the weights."""
    staged, hub = model.spec.layers.llm_d.weights, model.spec.weights.hugging_face
    if staged:
        return f"pvc://{staged.pvc.claim}/{staged.pvc.path or ''}".rstrip("/")
    return f"hf://{hub.repo}:{hub.revision}" if hub.revision else f"hf://{hub.repo}"


def template(model: Model) -> dict[str, Any]:
    """The engine's pod; the same for decode and prefill."""
    return {
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": model.spec.engine.shutdown.grace_seconds,
        "securityContext": engine.unprivileged(),
        **engine.accelerated(model.spec.accelerator),
        **_initializer(model),
        "containers": [_main(model)],
    }


def scheduler(model: Model) -> dict[str, Any]:
    """The endpoint picker's pod, made acceptable to Pod Security "restricted" and outliving the engines.

    The preset asks for its health after 30 s for the first time, which is 25 s of a cold start for nothing.
    """
    return {
        "template": {
            "terminationGracePeriodSeconds": model.spec.engine.shutdown.grace_seconds,
            "securityContext": engine.unprivileged(),
            **_initializer(model),
            "containers": [{"name": "main", "readinessProbe": {"initialDelaySeconds": 5, "periodSeconds": 5}}],
        }
    }


def _main(model: Model) -> dict[str, Any]:
    needs = model.spec.engine
    return {
        "name": "main",
        "image": needs.image,
        "args": _arguments(model),
        "env": _environment(model),
        "resources": engine.resources(model),
        "startupProbe": {
            "periodSeconds": _STARTUP_PERIOD,
            "failureThreshold": -(-needs.startup_seconds // _STARTUP_PERIOD),
        },
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(needs.shutdown.pre_stop_seconds)]}}},
    }


def _arguments(model: Model) -> list[str]:
    """Quoted twice over; the last of two equal flags wins, so ours beat the preset's."""
    connector = ["--kv-transfer-config=" + json.dumps(_CONNECTOR, separators=(",", ":"))]
    plain = [
        f"--shutdown-timeout={model.spec.engine.shutdown.timeout_seconds}",
        *engine.promised(model),
        *(connector if model.spec.layers.llm_d.prefill else []),
    ]
    return [_literal(shlex.quote(each)) for each in plain]


def _environment(model: Model) -> list[dict[str, Any]]:
    """As on the other layers; the presets bring HOME and their own caches."""
    pod_address = {"fieldRef": {"fieldPath": "status.podIP"}}
    disaggregated = [{"name": "VLLM_NIXL_SIDE_CHANNEL_HOST", "valueFrom": pod_address}]
    usual: list[dict[str, Any]] = [
        {"name": "USER", "value": "vllm"},
        {"name": "TRITON_CACHE_DIR", "value": "/home/triton"},
        {"name": "TORCHINDUCTOR_CACHE_DIR", "value": "/home/inductor"},
        *(disaggregated if model.spec.layers.llm_d.prefill else []),
    ]
    said = engine.environment(model, usual)
    return [{**each, "value": _literal(each["value"])} if "value" in each else each for each in said]


def _initializer(model: Model) -> dict[str, Any]:
    """KServe's download container has no security context of its own, and gets one by its name.

    Only where KServe makes that container: a claim needs no download.
    """
    if model.spec.layers.llm_d.weights:
        return {}
    token = model.spec.weights.hugging_face.token
    env = {"env": [engine.secret_env("HF_TOKEN", token)]} if token else {}
    return {"initContainers": [{"name": _INITIALIZER, **env, "securityContext": _LOCKED}]}


def _literal(text: str) -> str:
    """Text that a Go template leaves as it is."""
    return text.replace("{{", "{{`{{`}}")
