"""The environment of a container: what the Pod says, what every process of the lab needs, and nothing of ours.

The node's own environment is not inherited: a container starts from an image, not from the shell of the person who
started the lab.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointsman.lab.config import LabConfig
from pointsman.lab.node.fields import expand, field_value, resource_value
from pointsman.lab.node.programs import container_path
from pointsman.lab.node.sources import Sources

__all__ = ["ConfigError", "lab_environment", "pod_environment", "scratch"]

_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")


class ConfigError(Exception):
    """Something the container's configuration refers to does not exist (CreateContainerConfigError)."""


def lab_environment(
    config: LabConfig, pod: Mapping[str, Any], address: str, mounts: Mapping[str, str]
) -> dict[str, str]:
    """What every container gets beside its own words, already true on this machine."""
    own = f"127.0.0.1,localhost,{address}"
    return {
        "PATH": container_path(config),
        "HOSTNAME": pod["spec"].get("hostname") or pod["metadata"]["name"],
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(config.ports["apiserver"]),
        "HTTP_PROXY": config.proxy_url,
        "http_proxy": config.proxy_url,
        "NO_PROXY": own,
        "no_proxy": own,
        "AIOHTTP_TRUST_ENV": "True",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "POINTSMAN_LAB": str(config.home),
        "POINTSMAN_POD": f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
        "POINTSMAN_POD_ADDRESS": address,
        "POINTSMAN_MOUNTS": json.dumps(dict(mounts)),
        "POINTSMAN_SIM_CONFIG": str(config.pods / pod["metadata"]["uid"] / "engine.json"),
    }


async def pod_environment(
    pod: Mapping[str, Any],
    container: Mapping[str, Any],
    sources: Sources,
    node: Mapping[str, str],
    ambient: Mapping[str, str],
) -> dict[str, str]:
    """``envFrom`` and ``env`` of a container, references expanded; raises ConfigError for what is missing.

    ``ambient`` are the values a reference may also name (as those of Services are on a real node).
    """
    values: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        values |= await _everything_from(source, pod["metadata"]["namespace"], sources)
    for entry in container.get("env") or []:
        if "valueFrom" in entry:
            value = await _referred(entry["valueFrom"], pod, container, sources, node)
            if value is not None:
                values[entry["name"]] = value
        else:
            values[entry["name"]] = expand(entry.get("value", ""), {**ambient, **values})
    return values


async def _everything_from(source: Mapping[str, Any], namespace: str, sources: Sources) -> dict[str, str]:
    kind, reference = (
        ("secret", source["secretRef"]) if "secretRef" in source else ("configmap", source["configMapRef"])
    )
    read = sources.secret if kind == "secret" else sources.config_map
    data = await read(namespace, reference["name"])
    if data is None and not reference.get("optional"):
        raise ConfigError(f'{kind} "{reference["name"]}" not found')
    prefix = source.get("prefix", "")
    named = {prefix + key: value.decode(errors="replace") for key, value in (data or {}).items()}
    return {name: value for name, value in named.items() if _NAME.fullmatch(name)}


async def _referred(
    reference: Mapping[str, Any],
    pod: Mapping[str, Any],
    container: Mapping[str, Any],
    sources: Sources,
    node: Mapping[str, str],
) -> str | None:
    if "fieldRef" in reference:
        return field_value(pod, reference["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in reference:
        asked = reference["resourceFieldRef"]
        target = _container(pod, asked.get("containerName")) or container
        return resource_value(target, node, asked["resource"], asked.get("divisor"))
    kind, key = ("secret", "secretKeyRef") if "secretKeyRef" in reference else ("configmap", "configMapKeyRef")
    if key not in reference:
        raise ConfigError(f"the lab's node does not know the reference {sorted(reference)}")
    return await _one_key(kind, reference[key], pod["metadata"]["namespace"], sources)


async def _one_key(kind: str, reference: Mapping[str, Any], namespace: str, sources: Sources) -> str | None:
    read = sources.secret if kind == "secret" else sources.config_map
    data = await read(namespace, reference["name"])
    if data is not None and reference["key"] in data:
        return data[reference["key"]].decode(errors="replace")
    if reference.get("optional"):
        return None
    if data is None:
        raise ConfigError(f'{kind} "{reference["name"]}" not found')
    raise ConfigError(f"couldn't find key {reference['key']} in {kind.capitalize()} {namespace}/{reference['name']}")


def _container(pod: Mapping[str, Any], name: str | None) -> Mapping[str, Any] | None:
    spec = pod["spec"]
    everyone = [*(spec.get("initContainers") or []), *spec["containers"]]
    return next((container for container in everyone if container["name"] == name), None)


def scratch(config: LabConfig, pod: Mapping[str, Any], container: str) -> Path:
    """A container's own writable directory, where its image's root would be."""
    return config.pods / str(pod["metadata"]["uid"]) / "containers" / container
