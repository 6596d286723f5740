"""What an edge's objects are called in the cluster, as far as a chart's values or its manifests say it.

Three shapes are understood: values that name the objects (as ours do), LiteLLM's own chart (``litellm-helm``), whose
names follow from the release, and manifests that are written out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.adopt.applications import Application
from pointsman.adopt.edges import Edge
from pointsman.adopt.standing import Standing, World
from pointsman.adopt.survey import Survey
from pointsman.adopt.values import mounting, values_of, variables_in

__all__ = ["Proxy", "proxy_of"]

_FIELDS = ("namespace", "deployment", "configMap", "key", "service", "port")


_HASHED = re.compile(r".*-[24-9bcdfghkmt]{10}")
"""A name with the hash that Kustomize puts behind those of what it generates."""


@dataclass(slots=True)
class Proxy:
    """What is known, under the spec's own names (``spec.tenant.edge``)."""

    known: dict[str, Any] = field(default_factory=dict)
    master: dict[str, str] = field(default_factory=dict)
    """``secret`` and ``key``."""
    how: str = ""
    """What it was told from."""

    @property
    def unknown(self) -> list[str]:
        """Fields that have to be filled in."""
        return [name for name in _FIELDS if name not in self.known] + ([] if self.master else ["masterKey"])


def proxy_of(edge: Edge, world: World, found: Survey) -> Proxy:
    """What is known of an edge."""
    if edge.config_map is not None:
        return _written(edge.config_map, str(edge.config.where.rpartition(" ")[2]), world)
    if edge.generated is not None:
        said = edge.generated.data.get("data")
        key = next((name for name, text in said.items() if text == edge.config.text), "") if said else ""
        made = _written(edge.generated, key, world)
        if _HASHED.fullmatch(edge.generated.name):
            made.known.pop("configMap")  # its name changes with each change of its text
        return made
    if edge.application is None:
        return Proxy()
    values = values_of(edge.application, found)
    made = Proxy({"namespace": edge.application.into} if edge.application.into else {})
    if isinstance(values.get("configMap"), dict) and isinstance(values.get("deployment"), str):
        _named(made, values)
    elif _is_litellms(edge.application, values):
        _litellms(made, values, edge.application)
    return made


def _named(made: Proxy, values: Mapping[str, Any]) -> None:
    config = values["configMap"]
    said = {
        "deployment": values.get("deployment"),
        "configMap": config.get("name"),
        "key": config.get("key"),
        "service": values.get("service"),
        "port": values.get("port"),
    }
    made.known |= {key: value for key, value in said.items() if isinstance(value, str | int)}
    master = values.get("masterKey")
    if isinstance(master, dict) and master.get("secret") and master.get("key"):
        made.master = {"secret": str(master["secret"]), "key": str(master["key"])}
    made.how = "its chart's values"


def _is_litellms(application: Application, values: Mapping[str, Any]) -> bool:
    spec = application.data.get("spec") or {}
    sources = [*(spec.get("sources") or []), spec.get("source") or {}]
    named = [str(one.get("chart") or one.get("path") or "") for one in sources if isinstance(one, dict)]
    return any(name.rpartition("/")[2] == "litellm-helm" for name in named) or "masterkeySecretName" in values


def _litellms(made: Proxy, values: Mapping[str, Any], application: Application) -> None:
    release = next((part.release for part in application.parts if part.release), "") or application.name
    name = str(values.get("nameOverride") or "litellm")
    full = str(values.get("fullnameOverride") or (release if name in release else f"{release}-{name}"))[:63].rstrip("-")
    service = values.get("service")
    port = service.get("port") if isinstance(service, dict) else None
    kept = values.get("proxyConfigMap")
    own = kept if isinstance(kept, dict) and kept.get("create") is False else {}
    made.known |= {
        "deployment": full,
        "configMap": str(own.get("name") or f"{full}-config"),
        "key": str(own.get("key") or "config.yaml"),
        "service": full,
        "port": port if isinstance(port, int) else 4000,
    }
    made.master = {
        "secret": str(values.get("masterkeySecretName") or f"{full}-masterkey"),
        "key": str(values.get("masterkeySecretKey") or "masterkey"),
    }
    made.how = "LiteLLM's own chart, which names them after its release"


def _written(config_map: Standing, key: str, world: World) -> Proxy:
    """The Deployment that mounts the ConfigMap, and the Service that leads to it."""
    made = Proxy({"namespace": config_map.namespace, "configMap": config_map.name, "key": key}, how="its manifests")
    for one in mounting(config_map, world):
        template = _get(one.data, "spec", "template")
        made.known["deployment"] = one.name
        _service(made, one, _get(template, "metadata", "labels") or {}, world)
        for variable in variables_in(_get(template, "spec", "containers")):
            secret = _get(variable, "valueFrom", "secretKeyRef")
            if variable.get("name") in ("LITELLM_MASTER_KEY", "PROXY_MASTER_KEY") and isinstance(secret, dict):
                made.master = {"secret": str(secret.get("name")), "key": str(secret.get("key"))}
        break
    return made


def _service(made: Proxy, deployment: Standing, labels: Mapping[str, Any], world: World) -> None:
    for service in world.of("Service"):
        selector, ports = _get(service.data, "spec", "selector"), _get(service.data, "spec", "ports")
        fits = isinstance(selector, dict) and all(labels.get(key) == value for key, value in selector.items())
        if service.namespace == deployment.namespace and selector and fits and isinstance(ports, list) and ports:
            made.known["service"] = service.name
            if isinstance(ports[0].get("port"), int):
                made.known["port"] = ports[0]["port"]
            return


def _get(data: Any, *place: str) -> Any:
    for part in place:
        data = data.get(part) if isinstance(data, dict) else None
    return data
