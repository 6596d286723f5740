"""LiteLLM in memory: a Deployment whose pods read a ConfigMap when they start, and answer as LiteLLM does.

A peer of the real proxy on the other side of the Kubernetes API, so that the edge's own code runs in tests without a
lab: ConfigMap, Deployment, pods, EndpointSlice, ``/model/info``, completions, counters. Rolling is the Deployment
controller's work: every change of the template makes new pods, which read the text that is there then.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import yaml

from pointsman.kube.http import Response
from pointsman.kube.resources import Ref, kind_of

__all__ = ["KEY", "NAMESPACE", "MemoryProxy"]

NAMESPACE = "llm-gateway"
KEY = "sk-master"
Object = dict[str, Any]


@dataclass
class Process:
    """One replica: what it loaded when it started."""

    template: str
    config: Mapping[str, Any]
    broken: bool
    """Its text was no configuration: it never gets ready."""
    started: int
    key: str
    """The master key in its environment."""
    sent: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Requests by name, address and id."""

    def rows(self) -> list[Object]:
        """As ``/model/info`` lists them."""
        listed = self.config.get("model_list") or []
        rows = [_row(one, number) for number, one in enumerate(listed)]
        router = self.config.get("router_settings") or {}
        for name, target in (router.get("model_group_alias") or {}).items():
            rows += [{**one, "model_name": name} for one in rows if one["model_name"] == target]
        return rows

    def group(self, name: str) -> list[Object]:
        """The members that a request for this name may go to."""
        rows = self.rows()
        exact = [one for one in rows if one["model_name"] == name]
        return exact or [one for one in rows if "*" in one["model_name"] and fnmatchcase(name, one["model_name"])]


@dataclass
class MemoryProxy:
    """The replicas, and what a Deployment controller does for them. ``objects`` is the cluster's."""

    objects: dict[Ref, Object]
    engines: Any
    """Called with a base URL: the status that an engine there answers with."""
    replicas: int = 2
    chance: random.Random = field(default_factory=lambda: random.Random(11))
    processes: dict[str, Process] = field(default_factory=dict)
    undelivered: Iterator[bool] = field(default_factory=lambda: itertools.repeat(False))
    """For each question to a model: is it one that the API server does not get through?"""
    untold: Iterator[bool] = field(default_factory=lambda: itertools.repeat(False))
    """For each question for its counters: is it one that a busy replica does not answer?"""
    _made: int = 0

    def reconcile(self) -> None:
        """What the Deployment controller and the kubelets would have done by now."""
        deployment = self.objects.get(_deployment())
        if deployment is None:
            self._end_all()
            return
        spec = deployment["spec"]
        wanted = int(spec.get("replicas", 1))
        template = json.dumps(spec["template"], sort_keys=True)
        generation = int(deployment["metadata"].get("generation", 1))
        staying = list(self.processes)
        if not spec.get("paused"):
            fresh = [name for name in staying if self.processes[name].template == template]
            for _ in range(wanted - len(fresh)):
                fresh.append(self._start(template, spec["template"]))
            ready = [name for name in fresh if not self.processes[name].broken]
            if len(ready) >= wanted:
                for name in set(staying) - set(fresh):
                    self._end(name)
            for name in fresh[wanted:]:
                self._end(name)
        names = list(self.processes)
        updated = [name for name in names if self.processes[name].template == template]
        usable = [name for name in updated if not self.processes[name].broken]
        deployment["status"] = {
            "observedGeneration": generation,
            "replicas": len(names),
            "updatedReplicas": len(updated),
            "availableReplicas": len([name for name in names if not self.processes[name].broken])
            if spec.get("paused")
            else len(usable),
        }
        self._endpoints()

    def answer(self, pod: str, method: str, path: str, headers: Mapping[str, str], body: Any) -> Response:
        """One request to a replica."""
        process = self.processes.get(pod)
        if process is None or process.broken:
            return _said(503, {"error": "no such replica"})
        if path.startswith("/metrics"):
            busy = next(self.untold)
            return _said(503, {"error": "busy"}) if busy else Response(200, {}, self._metrics(process).encode())
        if path.startswith("/health"):
            return _said(200, {})
        if headers.get("x-litellm-api-key") != f"Bearer {process.key}":
            return _said(401, {"error": "no such key"})
        if path.startswith("/model/info"):
            return _said(200, {"data": process.rows()})
        return self._complete(process, str((body or {}).get("model", "")))

    def _complete(self, process: Process, name: str) -> Response:
        if next(self.undelivered):
            return _said(503, {"kind": "Status", "code": 503, "message": "error trying to reach service: EOF"})
        rows = process.group(name)
        weights = [float(one["litellm_params"].get("weight") or 0) for one in rows]
        if not rows:
            return _said(400, {"error": f"no model {name}"})
        one = self.chance.choices(rows, weights if any(weights) else None)[0]
        base = str(one["litellm_params"].get("api_base", ""))
        process.sent[name, base, one["model_info"]["id"]] += 1
        status = self.engines(base)
        return _said(status, {}, {"x-litellm-model-id": str(one["model_info"]["id"])})

    def _metrics(self, process: Process) -> str:
        family = "litellm_deployment_success_responses_total"
        lines = [f"# TYPE {family} counter", "litellm_up 1"]
        lines += [
            f'{family}{{api_base="{base}",model_id="{id_}",requested_model="{name}"}} {count}'
            for (name, base, id_), count in process.sent.items()
        ]
        return "\n".join(lines) + "\n"

    def _start(self, template: str, spec: Object) -> str:
        self._made += 1
        name = f"litellm-{self._made}"
        text = (self.objects.get(_config()) or {}).get("data", {}).get("config.yaml")
        try:
            config = _loaded(text) if text is not None else None
        except yaml.YAMLError:
            config = None
        good = isinstance(config, dict) and isinstance(config.get("model_list") or [], list)
        self.processes[name] = Process(
            template, config if isinstance(config, dict) else {}, not good, self._made, self._key()
        )
        metadata = {
            "name": name,
            "namespace": NAMESPACE,
            "uid": f"uid-{name}",
            "labels": {"app": "litellm"},
            "annotations": dict((spec.get("metadata") or {}).get("annotations") or {}),
        }
        status = {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True" if good else "False"}],
            "containerStatuses": [{"name": "litellm", "containerID": name, "restartCount": 0, "ready": good}],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}, "status": status}
        self.objects[Ref(kind_of("Pod"), name, NAMESPACE)] = pod
        return name

    def _key(self) -> str:
        coded = (self.objects.get(_secret()) or {}).get("data", {}).get("master-key", "")
        return base64.b64decode(coded).decode()

    def _end(self, name: str) -> None:
        self.processes.pop(name, None)
        self.objects.pop(Ref(kind_of("Pod"), name, NAMESPACE), None)

    def _end_all(self) -> None:
        for name in list(self.processes):
            self._end(name)
        self._endpoints()

    def _endpoints(self) -> None:
        ready = [name for name, one in self.processes.items() if not one.broken]
        metadata = {
            "name": "litellm-1",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": "litellm"},
        }
        endpoints = [
            {"conditions": {"ready": True}, "targetRef": {"kind": "Pod", "name": name, "namespace": NAMESPACE}}
            for name in ready
        ]
        kind = kind_of("EndpointSlice")
        self.objects[Ref(kind, "litellm-1", NAMESPACE)] = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": metadata,
            "endpoints": endpoints,
        }


@lru_cache(maxsize=256)
def _loaded(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _deployment() -> Ref:
    return Ref(kind_of("Deployment"), "litellm", NAMESPACE)


def _secret() -> Ref:
    return Ref(kind_of("Secret"), "litellm", NAMESPACE)


def _config() -> Ref:
    return Ref(kind_of("ConfigMap"), "litellm-config", NAMESPACE)


def _row(entry: Any, number: int) -> Object:
    params = {key: value for key, value in (entry.get("litellm_params") or {}).items() if key != "api_key"}
    info = dict(entry.get("model_info") or {})
    info["id"] = str(info["id"]) if info.get("id") else f"hash-{number}-{params.get('model')}-{params.get('weight')}"
    return {"model_name": entry.get("model_name"), "litellm_params": params, "model_info": {**info, "db_model": False}}


def _said(status: int, data: Any, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, dict(headers or {}), json.dumps(data).encode())
