"""The engine container and what surrounds it in a pod, for layers that render their own pods.

One place says how vLLM is started, probed, stopped and kept from root, so that two layers can only differ where a
layer's own controller wants it otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pointsman.layers.contract import Started
from pointsman.spec.arguments import flags, values, without
from pointsman.spec.blocks import PvcWeights
from pointsman.spec.model import Accelerator, Auth, Model

__all__ = [
    "PORT",
    "accelerated",
    "arguments",
    "cache_claim",
    "container",
    "environment",
    "labels",
    "pod",
    "promised",
    "resources",
    "secret_env",
    "started",
    "strategy",
    "unprivileged",
]

PORT = 8000
"""Port of every engine that serves tenants without a sidecar in front."""

_HOME = "/home/vllm"
_CACHE = "/cache"
_WEIGHTS = "/models"
_STARTUP_PERIOD = 2


def labels(model: Model, layer: str) -> dict[str, str]:
    """Labels on every object; never KServe's own two, which would make its controller delete the object."""
    return {
        "app.kubernetes.io/managed-by": "pointsman",
        "pointsman.dev/layer": layer,
        "pointsman.dev/model": model.name,
    }


def arguments(model: Model, weights: PvcWeights | None = None) -> list[str]:
    """Arguments of ``vllm serve``: what the contract promises first, the operator's own last."""
    hub = model.spec.weights.hugging_face
    source = f"{_WEIGHTS}/{weights.path or ''}".rstrip("/") if weights else hub.repo
    revision = [f"--revision={hub.revision}"] if hub.revision and not weights else []
    return [
        source,
        *revision,
        f"--served-model-name={model.spec.served_model_name}",
        f"--port={PORT}",
        f"--shutdown-timeout={model.spec.engine.shutdown.timeout_seconds}",
        *promised(model),
    ]


def promised(model: Model) -> list[str]:
    """Arguments that hold on every layer, whoever writes the rest of the command line."""
    contract = model.spec.contract
    return [
        f"--max-model-len={contract.max_model_len}",
        *(["--enable-auto-tool-choice"] if contract.tool_calls else []),
        *_divided(model),
        *without(model.spec.engine.args, frozenset({"max-model-len"})),
    ]


def _divided(model: Model) -> list[str]:
    """Tensor parallelism over all accelerators of a replica, unless the operator divides it: else they lie idle."""
    gpus, args = model.spec.accelerator.gpus_per_replica, model.spec.engine.args
    parallel = any("parallel-size" in flag.name or flag.name == "nnodes" for flag in flags(args))
    return [f"--tensor-parallel-size={gpus}"] if gpus > 1 and not parallel else []


def started(model: Model) -> Started:
    """What a rendered engine of this model, as a layer runs it, is started with."""
    spec = model.spec
    said = {
        "image": spec.engine.image,
        **{f"--{name}": value for name, value in values(promised(model)).items()},
        "replicas": str(spec.replicas),
        "accelerators a replica": str(spec.accelerator.gpus_per_replica),
    }
    return Started(said, spec.engine.env)


def secret_env(name: str, auth: Auth) -> dict[str, Any]:
    """An environment variable read from a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": auth.secret, "key": auth.key}}}


def environment(model: Model, usual: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """A layer's usual variables, the key tenants are checked against, the hub's token, and the operator's own.

    The operator's replace usual ones of the same name: no name may come twice in what is applied.
    """
    auth, token = model.spec.contract.auth, model.spec.weights.hugging_face.token
    return [
        *(one for one in usual if one["name"] not in model.spec.engine.env),
        *([secret_env("VLLM_API_KEY", auth)] if auth else []),
        *([secret_env("HF_TOKEN", token)] if token else []),
        *({"name": name, "value": value} for name, value in sorted(model.spec.engine.env.items())),
    ]


def resources(model: Model) -> dict[str, Any]:
    """Requests and limits, both always written; GPUs only where there are some."""
    gpus = model.spec.accelerator.gpus_per_replica
    extra = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    needs = model.spec.resources
    return {
        "requests": {"cpu": needs.requests.cpu, "memory": needs.requests.memory, **extra},
        "limits": {"cpu": needs.limits.cpu, "memory": needs.limits.memory, **extra},
    }


def container(model: Model, name: str, weights: PvcWeights | None) -> dict[str, Any]:
    """The engine container."""
    stop = model.spec.engine.shutdown
    return {
        "name": name,
        "image": model.spec.engine.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["vllm", "serve"],
        "args": arguments(model, weights),
        "env": environment(model, _places(offline=weights is not None)),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        "resources": resources(model),
        "startupProbe": _probe(_STARTUP_PERIOD, -(-model.spec.engine.startup_seconds // _STARTUP_PERIOD), 1),
        "readinessProbe": _probe(2, 3, 2),
        "livenessProbe": _probe(10, 6, 5),
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", str(stop.pre_stop_seconds)]}}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": _mounts(weights),
    }


def pod(model: Model, engine: dict[str, Any], cache: str, weights: PvcWeights | None) -> dict[str, Any]:
    """The pod around it, acceptable to Pod Security "restricted"."""
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": model.spec.engine.shutdown.grace_seconds,
        "securityContext": unprivileged(),
        **accelerated(model.spec.accelerator),
        "containers": [engine],
        "volumes": _volumes(cache, weights),
    }


def unprivileged() -> dict[str, Any]:
    """A pod's security context without root; the group is what lets it write to its volumes."""
    return {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 1000,
        "fsGroup": 1000,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def accelerated(accelerator: Accelerator) -> dict[str, Any]:
    """Where pods may run: node selector and tolerations, each only when asked for."""
    tolerations = [each.model_dump(exclude_none=True) for each in accelerator.tolerations]
    selector = dict(sorted(accelerator.node_selector.items()))
    return {
        **({"nodeSelector": selector} if selector else {}),
        **({"tolerations": tolerations} if tolerations else {}),
    }


def strategy(model: Model, *, surge: bool) -> dict[str, Any]:
    """How a Deployment replaces pods.

    One replica on a GPU has no spare GPU to surge into: its new pod would wait for ever, so the old one goes first.
    """
    alone = model.spec.replicas == 1 and model.spec.accelerator.gpus_per_replica > 0
    if alone and not surge:
        return {"type": "Recreate"}
    room = {"maxSurge": 1, "maxUnavailable": 0} if surge or not _on_gpu(model) else {"maxSurge": 0, "maxUnavailable": 1}
    return {"type": "RollingUpdate", "rollingUpdate": room}


def _on_gpu(model: Model) -> bool:
    return model.spec.accelerator.gpus_per_replica > 0


def cache_claim(
    model: Model, layer: str, name: str, namespace: str, size: str, storage_class: str | None
) -> dict[str, Any]:
    """A claim for the hub's cache, so that a second start does not download again.

    Several replicas may be on several nodes, so they need a claim that more than one node can mount.
    """
    mode = "ReadWriteOnce" if model.spec.replicas == 1 else "ReadWriteMany"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace, "labels": labels(model, layer)},
        "spec": {
            "accessModes": [mode],
            "resources": {"requests": {"storage": size}},
            **({"storageClassName": storage_class} if storage_class else {}),
        },
    }


def _probe(period: int, failures: int, timeout: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/health", "port": PORT, "scheme": "HTTP"},
        "periodSeconds": period,
        "timeoutSeconds": timeout,
        "successThreshold": 1,
        "failureThreshold": failures,
    }


def _places(*, offline: bool) -> list[dict[str, str]]:
    """A home and caches that exist for a user without an entry in /etc/passwd."""
    values = {
        "HOME": _HOME,
        "USER": "vllm",
        "HF_HOME": f"{_CACHE}/huggingface",
        "VLLM_CACHE_ROOT": f"{_CACHE}/vllm",
        "TRITON_CACHE_DIR": f"{_HOME}/triton",
        "TORCHINDUCTOR_CACHE_DIR": f"{_HOME}/inductor",
        **({"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"} if offline else {}),
    }
    return [{"name": name, "value": value} for name, value in values.items()]


def _mounts(weights: PvcWeights | None) -> list[dict[str, Any]]:
    return [
        {"name": "home", "mountPath": _HOME},
        {"name": "tmp", "mountPath": "/tmp"},
        {"name": "shm", "mountPath": "/dev/shm"},
        {"name": "cache", "mountPath": _CACHE},
        *([{"name": "weights", "mountPath": _WEIGHTS, "readOnly": True}] if weights else []),
    ]


def _volumes(cache: str, weights: PvcWeights | None) -> Sequence[dict[str, Any]]:
    kept: dict[str, Any] = {"persistentVolumeClaim": {"claimName": cache}}
    return [
        {"name": "home", "emptyDir": {}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}},
        {"name": "cache", **({"emptyDir": {}} if weights else kept)},
        *(
            [{"name": "weights", "persistentVolumeClaim": {"claimName": weights.claim, "readOnly": True}}]
            if weights
            else []
        ),
    ]
