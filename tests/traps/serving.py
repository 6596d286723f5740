"""A namespace of one trap in the lab, and InferenceServices and LLMInferenceServices as somebody writes them."""

from __future__ import annotations

import http.client
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.reading import read

__all__ = [
    "CLASS",
    "GATEWAY",
    "MODE",
    "STOP",
    "Object",
    "Reply",
    "Space",
    "condition",
    "device",
    "engine",
    "inference_service",
    "llm_d_service",
    "made",
    "main",
    "needing",
    "raw_vllm",
    "replaced",
    "space",
]

Object = dict[str, Any]
MODE, CLASS, STOP = (f"serving.kserve.io/{one}" for one in ("deploymentMode", "autoscalerClass", "stop"))
MODEL = "Qwen/Qwen2.5-0.5B-Instruct"
IMAGE = "vllm/vllm-openai:v0.23.0"
GATEWAY = {"name": "llm-d-gateway", "namespace": "llm-d"}
AT_ONCE = {"cold_start": {"load": 0, "compile": 0, "warmup": 0}}


@dataclass(frozen=True, slots=True)
class Reply:
    """What somebody was answered."""

    status: int
    """0: nobody answered."""
    body: str

    @property
    def json(self) -> Any:
        """The body as data."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Space:
    """One."""

    lab: RunningLab
    name: str

    def apply(self, *objects: Object) -> None:
        """As somebody applies them."""
        words = ("apply", "--server-side", "--force-conflicts", "--filename=-")
        self.lab.kubectl(*words, given=_listed(objects))

    def refused(self, *objects: Object) -> str:
        """What the API server says to whoever applies these; an assertion holds that it refuses them."""
        done = self.lab.kubectl("apply", "--server-side", "--filename=-", given=_listed(objects), check=False)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def admitted(self, *objects: Object) -> None:
        """It would take them; nothing is stored."""
        self.lab.kubectl("apply", "--server-side", "--dry-run=server", "--filename=-", given=_listed(objects))

    def patch(self, kind: str, name: str, body: Object) -> None:
        """Merge this into it."""
        words = ("patch", kind, name, f"--namespace={self.name}", "--type=merge")
        self.lab.kubectl(*words, f"--patch={json.dumps(body)}")

    def delete(self, kind: str, name: str) -> None:
        """Nothing waits for it to be gone."""
        self.lab.kubectl("delete", kind, name, f"--namespace={self.name}", "--wait=false", "--ignore-not-found")

    def read(self, kind: str, name: str) -> Object:
        """The object; empty when there is none."""
        return read(self.lab.kubeconfig, kind, name, self.name)

    def all(self, kind: str, labels: str = "") -> list[Object]:
        """Every object of a kind, those that are ending left out."""
        words = ("get", kind, f"--namespace={self.name}", "--output=json", f"--selector={labels}")
        found = json.loads(self.lab.kubectl(*words).stdout)["items"]
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    def comes(self, kind: str, name: str, seconds: float = 60) -> Object:
        """The object, once it is there."""
        return dict(until(lambda: self.read(kind, name), seconds))

    def says(self, kind: str, name: str, kind_of_condition: str, words: str, seconds: float = 60) -> str:
        """The message of this condition, once it is not True and holds these words."""

        def look() -> str:
            said = condition(self.read(kind, name), kind_of_condition)
            text = f"{said.get('reason', '')}: {said.get('message', '')}"
            return text if said.get("status") not in ("True", None) and words in text else ""

        return str(until(look, seconds))

    def ready(self, kind: str, name: str, seconds: float = 90) -> None:
        """Wait until it says Ready of what it is now."""
        until(lambda: condition(self.read(kind, name), "Ready").get("status") == "True", seconds)

    def answers(self, service: str, path: str = "/health", seconds: float = 60) -> None:
        """Wait until it does."""
        until(lambda: self.call(service, path).status == 200, seconds)

    def call(
        self, service: str, path: str, body: Object | None = None, key: str = "", host: str = "", seconds: float = 30
    ) -> Reply:
        """Ask a Service of the space (``name:port``), or another ``host``, as a pod of the cluster does."""
        url = f"http://{host or service.replace(':', f'.{self.name}:', 1)}{path}"
        if not host and ":" not in service:
            url = f"http://{service}.{self.name}{path}"
        return self.fetch(url, body, {"Authorization": f"Bearer {key}"} if key else {}, seconds)

    def fetch(self, url: str, body: Object | None, headers: Mapping[str, str], seconds: float = 30) -> Reply:
        """One request through the lab's network."""
        proxy = urllib.request.ProxyHandler({"http": self.lab.config.proxy_url})
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
        try:
            with urllib.request.build_opener(proxy).open(asked, timeout=seconds) as answer:
                return Reply(answer.status, _whole_or_cut(answer).decode())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, error.read().decode(errors="replace"))
        except (OSError, urllib.error.URLError) as error:
            return Reply(0, str(error))


def _whole_or_cut(answer: http.client.HTTPResponse) -> bytes:
    """What came of it."""
    try:
        return answer.read()
    except http.client.IncompleteRead as cut:
        return cut.partial


def _listed(objects: tuple[Object, ...]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


@contextmanager
def space(
    lab: RunningLab, name: str = "trap", labels: Mapping[str, str] | None = None, engines: Mapping[str, Any] = AT_ONCE
) -> Iterator[Space]:
    """A namespace of its own while the block runs, whose simulated engines start at once."""
    found = Space(lab, f"{name}-{secrets.token_hex(3)}")
    namespace = made("v1", "Namespace", found.name, labels=dict(labels or {}))
    try:
        found.apply(namespace)
        found.apply(made("v1", "ConfigMap", "lab-engine", found.name, data={"default": json.dumps(engines)}))
        yield found
    finally:
        lab.kubectl("delete", "namespace", found.name, "--wait=false", "--ignore-not-found")


def made(version: str, kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    """An object; ``labels`` and ``annotations`` of ``more`` are its metadata's."""
    metadata: Object = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    said = {key: more.pop(key, None) for key in ("labels", "annotations")}
    metadata |= {key: value for key, value in said.items() if value}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def engine(name: str = "kserve-container", *args: str, **more: Any) -> Object:
    """A container with vLLM that says all that KServe would fill in; ``port=0``: it declares none."""
    port = more.pop("port", 8000)
    ports = {"ports": [{"containerPort": port}]} if port else {}
    amounts = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "4Gi"}}
    words = [f"--model={MODEL}", "--served-model-name=qwen", *args]
    found: Object = {"name": name, "image": IMAGE, "args": words, "resources": amounts}
    return found | ports | more


def raw_vllm(name: str, namespace: str, container: Object | None = None, /, **more: Any) -> Object:
    """A Deployment with an engine; ``pod`` of ``more`` is its pod's spec's, ``labels`` its own, the rest its spec's."""
    labels = more.pop("labels", {})
    pod = {"containers": [container or engine("vllm")], **more.pop("pod", {})}
    own = {"app": name}
    template = {"metadata": {"labels": own}, "spec": pod}
    spec = {"replicas": 1, "selector": {"matchLabels": own}, "template": template, **more}
    return made("apps/v1", "Deployment", name, namespace, labels=own | labels, spec=spec)


def inference_service(
    name: str,
    namespace: str,
    container: Object | None = None,
    annotations: Mapping[str, str] | None = None,
    /,
    **more: Any,
) -> Object:
    """One in Standard mode; ``more`` is its predictor's, and ``canary`` its spec's."""
    spec: Object = {key: more.pop(key) for key in ("canary", "transformer") if key in more}
    predictor: Object = {"containers": [container or engine()], **more}
    notes = {MODE: "Standard", **(annotations or {})}
    kept = {key: value for key, value in notes.items() if value}
    body = {"predictor": {key: value for key, value in predictor.items() if value is not None}, **spec}
    return made("serving.kserve.io/v1beta1", "InferenceService", name, namespace, annotations=kept, spec=body)


def main(*args: str, **more: Any) -> Object:
    """The engine's container of an LLMInferenceService, which its preset is laid under."""
    amounts = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "2", "memory": "4Gi"}}
    found: Object = {"name": "main", "image": IMAGE, "resources": amounts}
    return found | ({"args": list(args)} if args else {}) | more


def llm_d_service(name: str, namespace: str, container: Object | None = None, **more: Any) -> Object:
    """One with a route and no endpoint picker, which would take half a minute to be ready."""
    spec: Object = {
        "model": {"uri": f"hf://{MODEL}", "name": "qwen"},
        "replicas": 1,
        "template": {"containers": [container or main()]},
        "router": {"gateway": {"refs": [GATEWAY]}, "route": {}},
        **more,
    }
    kept = {key: value for key, value in spec.items() if value is not None}
    return made("serving.kserve.io/v1alpha2", "LLMInferenceService", name, namespace, spec=kept)


@contextmanager
def device(lab: RunningLab, count: int = 1) -> Iterator[str]:
    """A kind of accelerator that nobody else asks for: the lab's first node has so many while the block runs."""
    name = f"nvidia.com/gpu.{secrets.token_hex(3)}"
    node = lab.config.nodes[0].name

    def offer(value: str | None) -> None:
        body = {"status": {part: {name: value} for part in ("capacity", "allocatable")}}
        lab.kubectl("patch", "node", node, "--subresource=status", "--type=merge", f"--patch={json.dumps(body)}")

    try:
        offer(str(count))
        yield name
    finally:
        offer(None)


def needing(one: str, count: int = 1) -> Object:
    """Resources of an engine that asks for so many of these."""
    limits = {"cpu": "2", "memory": "4Gi", one: str(count)}
    return {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": limits}


def condition(data: Mapping[str, Any], kind: str) -> Object:
    """The condition of this type; empty when there is none."""
    found = (data.get("status") or {}).get("conditions") or []
    return dict(next((one for one in found if one.get("type") == kind), {}))


def replaced(data: Object, *place: str | int, value: Any) -> Object:
    """The same with another value there; None takes the field away."""
    copy: Object = json.loads(json.dumps(data))
    inner: Any = copy
    for part in place[:-1]:
        inner = inner.setdefault(part, {}) if isinstance(inner, dict) else inner[part]
    if value is None:
        inner.pop(place[-1], None)
    else:
        inner[place[-1]] = value
    return copy
