"""The platform that others wrote, in the shared lab beside the example's: put up, read, edited as they do, taken down.

Its LiteLLM has a namespace, names and a key of its own, and no word of ours. Behind alias ``qwen-local`` is the model
with four requests in five and a cloud with one; ``gpt-4o-mini``, ``chat-mini`` through ``model_group_alias`` and the
wildcard ``team-a/*`` stand on the same engines.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pointsman.demo.platform import plain_manifests
from pointsman.kube.resources import Ref
from pointsman.layers.contract import Layer, Manifest
from pointsman.layers.registry import LAYERS
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from tests.conftest import RunningLab

__all__ = [
    "CLOUD",
    "EDGE",
    "HERE",
    "KEY",
    "MODEL",
    "config",
    "declared",
    "edit",
    "engines_of",
    "forget",
    "kept",
    "layer",
    "model",
    "place",
    "pods",
    "put_back",
    "put_right",
    "put_up",
    "restart",
    "rolled",
    "take_down",
    "upgrade",
    "version",
]

HERE = Path(__file__).parent
MODEL = str(HERE / "model.yaml")
CLOUD = "http://cloud.elsewhere.svc.cluster.local:8000/v1"
EDGE, KEY = "ai-gateway", "proxy.yml"
OBJECTS = ("deployment/proxy", "configmap/proxy-config", "service/proxy-svc", "secret/proxy-secrets")
SWIFT = {"ttft": 0.02, "itl": 0.004, "parting": 0.3, "cold_start": {"load": 0.2, "compile": 0.1, "warmup": 0.1}}
"""What the lab's engines do of a model whose speed is not looked at. Like life's, not all say the same words."""


def model() -> Model:
    """What moves."""
    return load_model(Path(MODEL))


def layer(name: str) -> Layer:
    """A layer by its id."""
    return next(one for one in LAYERS if one.id == name)


def engines_of(name: str) -> str:
    """The base URL of the model's engines on a layer."""
    return layer(name).endpoint(model()).base_url


def config(engines: str) -> str:
    """Their configuration, with all their aliases on these engines."""
    text = (HERE / "proxy.yaml").read_text(encoding="utf-8")
    return text.replace("SERVED", model().spec.served_model_name).replace("ENGINES", engines)


def put_up(lab: RunningLab, source: str) -> None:
    """All of it runs, with the model on ``source``."""
    forget(lab)
    root = plain_manifests()
    _apply(lab, *(str(root / name) for name in ("namespaces.yaml", "secrets.yaml")), str(HERE / "platform.yaml"))
    _configure(lab, source)
    for one in LAYERS:
        _config_map_of(lab, "lab-engine", one.namespace(model()), {model().name: json.dumps(SWIFT)})
    place(lab, source)
    lab.kubectl("rollout", "status", "deployment/cloud", "-n", "elsewhere", "--timeout=60s", timeout=90)
    rolled(lab)


def put_right(lab: RunningLab, source: str) -> None:
    """All of it is as it was put up, whatever was done to it."""
    forget(lab)
    lab.kubectl("delete", "deployment/proxy", "-n", EDGE, "--ignore-not-found", "--wait")
    _configure(lab, source)
    place(lab, source)
    _apply(lab, str(plain_manifests() / "secrets.yaml"), str(HERE / "platform.yaml"))
    rolled(lab)


def kept(lab: RunningLab) -> dict[str, dict[str, Any]]:
    """The edge's objects as they are, by ``deployment/proxy``: what their owners have in a file."""
    found = (lab.kubectl("get", one, "-n", EDGE, "-o", "json").stdout for one in OBJECTS)
    return {one: json.loads(text) for one, text in zip(OBJECTS, found, strict=True)}


def put_back(lab: RunningLab, manifest: dict[str, Any], *, missing: bool = False) -> None:
    """Somebody gives an object of the edge its old contents; ``missing``: only when it is not there."""
    here = f"{manifest['kind']}/{manifest['metadata']['name']}"
    there = lab.kubectl("get", here, "-n", EDGE, check=False).returncode == 0
    if there and missing:
        return
    metadata = {key: manifest["metadata"].get(key) for key in ("name", "namespace", "labels", "annotations")}
    given = json.dumps({**manifest, "metadata": metadata, "status": None})
    lab.kubectl("replace" if there else "create", "-f", "-", given=given)


def _configure(lab: RunningLab, source: str) -> None:
    _config_map_of(lab, "proxy-config", EDGE, {KEY: config(engines_of(source))})


def _config_map_of(lab: RunningLab, name: str, namespace: str, data: dict[str, str]) -> None:
    metadata = {"name": name, "namespace": namespace}
    _apply(lab, "-", given=json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}))


def _apply(lab: RunningLab, *files: str, given: str = "") -> None:
    for file in files:
        lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", file, given=given)


def place(lab: RunningLab, source: str) -> None:
    """The model's engines run on ``source`` alone, put there by people who apply manifests."""
    for one in LAYERS:
        if one.id != source:
            _remove(lab, one)
    _apply(lab, "-", given=json.dumps(_listed(layer(source).render(model()))))
    for patch in layer(source).unpark(model()):  # what a move parked says so in fields that are not in a manifest
        words = (f"{patch.ref.kind.plural}.{patch.ref.kind.group}", patch.ref.name, "-n", patch.ref.namespace or "")
        lab.kubectl("patch", *words, "--type=merge", "-p", json.dumps(patch.body))
    _until_it_serves(lab, layer(source))


def take_down(lab: RunningLab) -> None:
    """Nothing of it is left."""
    for one in LAYERS:
        _remove(lab, one)
        lab.kubectl("delete", "configmap", "lab-engine", "-n", one.namespace(model()), "--ignore-not-found")
    forget(lab)
    # A namespace that finds pods waits half of their grace before it looks again; a ReplicaSet would make new ones.
    for namespace in (EDGE, "elsewhere"):
        words = ("--all", "-n", namespace, "--grace-period=1", "--wait")
        lab.kubectl("delete", "deployments,replicasets,pods", *words, timeout=60)
    lab.kubectl("delete", "namespace", EDGE, "elsewhere", "--wait", "--ignore-not-found", timeout=150)


def forget(lab: RunningLab) -> None:
    """Nothing tells any more that the model was ever moved: a test that broke off may have left a move open."""
    words = ("configmaps,leases", "-n", "pointsman-system", "-o", "name")
    found = lab.kubectl("get", *words, check=False).stdout.split()
    mine = [one for one in found if re.search(rf"/(move-)?{model().name}(-|$)", one)]
    if mine:
        lab.kubectl("delete", "-n", "pointsman-system", *mine)


def declared(lab: RunningLab) -> str:
    """What their ConfigMap says."""
    text: str = _config_map(lab)["data"][KEY]
    return text


def version(lab: RunningLab) -> str:
    """Of the ConfigMap: another one after every write."""
    found: str = _config_map(lab)["metadata"]["resourceVersion"]
    return found


def pods(lab: RunningLab) -> set[str]:
    """The proxy's replicas, by name."""
    return set(lab.kubectl("get", "pods", "-n", EDGE, "-o", "name").stdout.split())


def edit(lab: RunningLab, text: str) -> None:
    """Somebody writes the ConfigMap; no replica of the proxy reads it again for that."""
    body = json.dumps({"data": {KEY: text}})
    lab.kubectl("patch", "configmap", "proxy-config", "-n", EDGE, "--type=merge", "-p", body)


def restart(lab: RunningLab) -> None:
    """``kubectl rollout restart``, as everybody does."""
    lab.kubectl("rollout", "restart", "deployment/proxy", "-n", EDGE)


def upgrade(lab: RunningLab) -> None:
    """What Helm does on upgrade: the checksum of the configuration is an annotation of the pods."""
    checksum = hashlib.sha256(declared(lab).encode()).hexdigest()
    template = {"metadata": {"annotations": {"checksum/config": checksum}}}
    body = json.dumps({"spec": {"template": template}})
    lab.kubectl("patch", "deployment", "proxy", "-n", EDGE, "-p", body)


def rolled(lab: RunningLab) -> None:
    """Wait until the roll that somebody began is complete."""
    lab.kubectl("rollout", "status", "deployment/proxy", "-n", EDGE, "--timeout=120s", timeout=150)


def _config_map(lab: RunningLab) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(lab.kubectl("get", "configmap", "proxy-config", "-n", EDGE, "-o", "json").stdout)
    return found


def _remove(lab: RunningLab, one: Layer) -> None:
    """Nothing of the model is left on a layer."""
    given = json.dumps(_listed(one.render(model())))
    lab.kubectl("delete", "--ignore-not-found", "--wait", "-f", "-", given=given, timeout=120)


def _listed(manifests: Sequence[Manifest]) -> Manifest:
    return {"apiVersion": "v1", "kind": "List", "items": list(manifests)}


def _until_it_serves(lab: RunningLab, one: Layer) -> None:
    deadline = time.monotonic() + 90
    while not (said := one.readiness(model(), {ref: _live(lab, ref) for ref in one.reads(model())})).ready:
        assert time.monotonic() < deadline, f"{one.title}: {said.reason}"
        time.sleep(0.3)


def _live(lab: RunningLab, ref: Ref) -> dict[str, Any] | None:
    found = lab.kubectl("get", "--raw", ref.path(), check=False)
    return json.loads(found.stdout) if found.returncode == 0 else None
