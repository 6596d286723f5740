"""Somebody's platform in a namespace of its own: engines, and LiteLLM before them, as people write such manifests.

A file has all of it, so that what ``lint`` reads is what is applied. The engines are the same for all tests of a run
and stay; an edge is a test's own.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.reading import read
from tests.traps.tenants import Asking

__all__ = ["ENGINE_KEY", "WEIGHTS", "Edge", "Manifest", "Space", "engine", "entry", "service_of_kserve", "space_of"]

Manifest = dict[str, Any]

MASTER, ENGINE_KEY = "sk-a-key-of-tenants-1f6b52c0d9", "engines-ask-for-this-84c1e7"
IMAGE, WEIGHTS = "vllm/vllm-openai:v0.23.0", "Qwen/Qwen2.5-0.5B-Instruct"
SWIFT = {"ttft": 0.01, "itl": 0.001, "cold_start": {"load": 0.1, "compile": 0.0, "warmup": 0.0}}
FAILING = SWIFT | {"faults": {"error_rate": 1.0}}
"""An engine that answers each request with 500."""


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
        "args": [WEIGHTS, *(args or ("--served-model-name=qwen", "--max-model-len=8192"))],
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


@dataclass
class Space:
    """The namespace, and who stands in it."""

    lab: RunningLab
    name: str
    engines: dict[str, list[Manifest]] = field(default_factory=dict)

    def base(self, engine: str) -> str:
        """Where an engine answers."""
        return f"http://{engine}.{self.name}.svc.cluster.local:8000/v1"

    def serve(self, *manifests: Manifest) -> None:
        """Apply, and wait until every Deployment among them has rolled."""
        given = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        self.lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=given)
        for one in manifests:
            if one["kind"] == "Deployment":
                self.rolled(one["metadata"]["name"])
            elif one["kind"] == "InferenceService":
                self._carried_out(one)

    def rolled(self, name: str) -> None:
        """Wait until a Deployment is what it was last said to be."""
        words = ("rollout", "status", f"deployment/{name}", "-n", self.name, "--timeout=150s")
        self.lab.kubectl(*words, timeout=180)

    def _carried_out(self, service: Manifest) -> None:
        """KServe has written what the InferenceService says, and it has rolled."""
        name, wanted = f"{service['metadata']['name']}-predictor", service["spec"]["predictor"]["containers"][0]

        def written() -> bool:
            found = read(self.lab.kubeconfig, "deployment", name, self.name)
            said = found.get("spec", {}).get("template", {}).get("spec", {}).get("containers", [{}])[0]
            return said.get("args") == wanted["args"] and all(one in said.get("env", []) for one in wanted["env"])

        until(written)
        self.rolled(name)

    def pods(self, name: str) -> list[Manifest]:
        """Those of a Deployment that are not about to go."""
        words = ("get", "pods", "-n", self.name, "-l", f"app={name}", "-o", "json")
        found: list[Manifest] = json.loads(self.lab.kubectl(*words).stdout)["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def exits(self, name: str) -> list[int]:
        """Codes that containers of its pods ended with."""
        states = [one for pod in self.pods(name) for one in pod["status"].get("containerStatuses", [])]
        ended = [one.get(key, {}).get("terminated") for one in states for key in ("state", "lastState")]
        return [one["exitCode"] for one in ended if one]

    def stop(self, pod: Manifest) -> None:
        """A pod is told to go, and nobody waits for its end."""
        name = pod["metadata"]["name"]
        self.lab.kubectl("delete", "pod", name, "-n", self.name, "--wait=false")
        until(lambda: name not in [one["metadata"]["name"] for one in self.pods(pod["metadata"]["labels"]["app"])])

    def delete(self, *objects: str) -> None:
        """They go, and nobody waits for it."""
        self.lab.kubectl("delete", *objects, "-n", self.name, "--ignore-not-found", "--wait=false")

    def asking(self, name: str, key: str = "") -> Asking:
        """Whoever asks an engine past the edge."""
        return Asking(self.lab, f"http://{name}.{self.name}.svc.cluster.local:8000", key)


@contextmanager
def space_of(lab: RunningLab, *engines: str) -> Iterator[Space]:
    """A namespace with these engines; ``bad`` fails, ``keyed`` asks for a key."""
    space = Space(lab, f"bite-{secrets.token_hex(3)}")
    here = {"namespace": space.name}
    settings = {"default": json.dumps(SWIFT), "bad": json.dumps(FAILING)}
    told = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "lab-engine", **here}, "data": settings},
        _secret("engine", space.name, {"key": ENGINE_KEY}),
        _secret("litellm", space.name, {"master-key": MASTER, "engine-key": ENGINE_KEY}),
    ]
    lab.kubectl("create", "namespace", space.name)
    try:
        space.engines = {one: engine(one, space.name, key=one == "keyed") for one in engines}
        space.serve(*told, *(each for some in space.engines.values() for each in some))
        yield space
    finally:
        lab.kubectl("delete", "deployments,replicasets,pods", "--all", "-n", space.name, "--grace-period=1", timeout=60)
        lab.kubectl("delete", "namespace", space.name, "--wait=false")


def _secret(name: str, namespace: str, data: Mapping[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(data)}


@dataclass
class Edge:
    """A test's LiteLLM."""

    space: Space
    name: str
    folder: Path

    def objects(self, config: str) -> list[Manifest]:
        """ConfigMap, Deployment and Service; its pods have a checksum of the configuration, as charts give them."""
        space, name = self.space.name, self.name
        metadata = {"name": f"{name}-config", "namespace": space}
        made = _deployment(name, space, _pod(name))
        told = hashlib.sha256(config.encode()).hexdigest()
        made["spec"]["template"]["metadata"]["annotations"] = {"checksum/config": told}
        data = {"config.yaml": config}
        return [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data},
            made,
            _service(name, space, 4000),
        ]

    def write(self, name: str, *manifests: Manifest, engines: tuple[str, ...] | None = None) -> Path:
        """A file with the engines and these."""
        known = self.space.engines
        some = [each for one in (known if engines is None else engines) for each in known[one]]
        file = self.folder / name / "platform.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("---\n".join(_text(one) for one in (*some, *manifests)), encoding="utf-8")
        return file

    def platform(self, name: str, config: str) -> Path:
        """A file with the engines and this edge."""
        return self.write(name, *self.objects(config))

    def run(self, file: Path) -> Asking:
        """Apply the file as it is; who asks the edge from then on."""
        self.space.serve(*yaml.safe_load_all(file.read_text(encoding="utf-8")))
        return self.asking()

    def gone(self) -> None:
        """Nothing of it is left."""
        self.space.delete(f"deployment/{self.name}", f"service/{self.name}", f"configmap/{self.name}-config")

    def asking(self, key: str = MASTER) -> Asking:
        """Tenants of this edge."""
        return Asking(self.space.lab, f"http://{self.name}.{self.space.name}.svc.cluster.local:4000", key)


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


def _text(manifest: Manifest) -> str:
    return str(yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=200))
