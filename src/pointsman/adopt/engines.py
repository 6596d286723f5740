"""Engines among the objects: which container is one on each layer, and what it promises.

A Deployment with a vLLM, an InferenceService with a container of its own or a model and a runtime, and an
LLMInferenceService. Anything else that runs a vLLM is listed, since no layer is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.container import Reading, read_container
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.promise import Engine, Fact
from pointsman.adopt.standing import Standing, World
from pointsman.adopt.words import Place

__all__ = ["engines_in"]

_NO_LAYER = {
    "StatefulSet": "a vLLM in a StatefulSet is on none of the layers",
    "LeaderWorkerSet": "engines over several nodes (LeaderWorkerSet) are on none of the layers",
}
_VLLM = re.compile(r"vllm", re.IGNORECASE)
_FLAGS = ("--served-model-name", "--max-model-len", "--tensor-parallel-size", "vllm.entrypoints")


def engines_in(world: World) -> list[Engine]:
    """Every engine; what looks like one and is none that is understood is listed."""
    found: list[Engine] = []
    for one in world.of("Deployment", "InferenceService", "LLMInferenceService"):
        made = _READERS[one.kind](one, world)
        if made is not None:
            found.append(made)
    for one in world.of(*_NO_LAYER):
        if _VLLM.search(str(one.data.get("spec"))):
            world.left_out.append(LeftOut(one.where, _NO_LAYER[one.kind], "move it to one of them by hand"))
    return found


def _deployment(one: Standing, world: World) -> Engine | None:
    at: Place = ("spec", "template", "spec")
    chosen = _chosen(_get(one.data, at), at, world, one)
    labels = _get(one.data, ("spec", "template", "metadata", "labels"))
    return None if chosen is None else _engine("raw-vllm", one, chosen, labels, _count(one.data))


def _chosen(pod: Any, at: Place, world: World, one: Standing) -> tuple[Place, Reading] | None:
    """The one container of a pod that is a vLLM."""
    engines = [
        (place, container) for place, container in _containers(pod, at) if _is_vllm(container) and not _helps(container)
    ]
    if len(engines) > 1:
        names = ", ".join(str(container.get("name")) for _, container in engines)
        world.left_out.append(LeftOut(one.where, f"which of its containers is the engine is not known: {names}"))
        return None
    if not engines:
        return None
    place, container = engines[0]
    return place, read_container(container, place, _map(pod), at)


def _is_vllm(container: Mapping[str, Any]) -> bool:
    words = " ".join(str(part) for key in ("command", "args") for part in container.get(key) or [])
    return bool(_VLLM.search(str(container.get("image")))) or any(flag in words for flag in _FLAGS) or "vllm " in words


def _helps(container: Mapping[str, Any]) -> bool:
    """A sidecar or a router of vLLM's makers, which serves no model itself."""
    image = str(container.get("image")).rpartition("/")[2].partition(":")[0].partition("@")[0]
    words = " ".join(str(part) for key in ("command", "args") for part in container.get(key) or [])
    return (
        any(word in image for word in ("router", "sidecar", "exporter", "scheduler", "proxy")) and "serve" not in words
    )


def _inference_service(one: Standing, world: World) -> Engine | None:
    at: Place = ("spec", "predictor")
    predictor = _map(_get(one.data, at))
    model = _map(predictor.get("model"))
    replicas = predictor.get("minReplicas")
    count = replicas if isinstance(replicas, int) else 1
    labels = {"serving.kserve.io/inferenceservice": one.name}
    if not model:
        listed = list(_containers(predictor, at))
        named = [each for each in listed if each[1].get("name") == "kserve-container"] or listed[:1]
        if not named or not _is_vllm(named[0][1]):
            return None
        reading = read_container(named[0][1], named[0][0], predictor, at)
        return _engine("kserve", one, (named[0][0], reading), labels, count)
    return _of_runtime(one, world, model, labels, count)


def _of_runtime(
    one: Standing, world: World, model: Mapping[str, Any], labels: dict[str, str], count: int
) -> Engine | None:
    """A model and the runtime that loads it: the runtime's words, then the model's own."""
    at: Place = ("spec", "predictor", "model")
    name = str(model.get("runtime") or "")
    runtime = next((each for each in world.of("ServingRuntime", "ClusterServingRuntime") if each.name == name), None)
    base = _map(
        next((each for _, each in _containers(_get(runtime.data, ("spec",)), ()) if True), None) if runtime else {}
    )
    told = f"{name} {model.get('args')} {base.get('image')}"
    if not (_VLLM.search(told) or "huggingface" in told.lower() or any(flag in told for flag in _FLAGS)):
        return None
    reading = read_container(model, at, _map(_get(one.data, ("spec", "predictor"))), ("spec", "predictor"), under=base)
    why = [] if runtime else [f"its runtime {name or '(chosen by KServe)'} is not here, so what it adds is not known"]
    reading.unknown.extend(why)
    return _engine("kserve", one, (at, reading), labels, count)


def _llm_inference_service(one: Standing, world: World) -> Engine | None:
    spec = _map(one.data.get("spec"))
    at: Place = ("spec", "template")
    template = _map(spec.get("template"))
    listed = [each for each in _containers(template, at) if each[1].get("name") == "main"]
    place, container = listed[0] if listed else ((*at, "containers", 0), {})
    reading = read_container(container, place, template, at)
    model = _map(spec.get("model"))
    said = str(model.get("name") or one.name)
    reading.names = [Fact(said, ("spec", "model", "name"), said if model.get("name") else "")]
    uri = str(model.get("uri") or "")
    if uri.startswith("hf://"):
        reading.weights = Fact(uri[5:], ("spec", "model", "uri"), uri)
    elif uri.startswith("pvc://"):
        claim, _, path = uri[6:].partition("/")
        reading.weights, reading.claim = None, (claim, path)
    if spec.get("baseRefs"):
        reading.unknown.append("it is laid over others (baseRefs), and what those say is not read")
    reading.port = Fact(8000, place)
    labels = {"app.kubernetes.io/name": one.name, "app.kubernetes.io/part-of": "llminferenceservice"}
    replicas = spec.get("replicas")
    return _engine("llm-d", one, (place, reading), labels, replicas if isinstance(replicas, int) else 1)


_READERS = {
    "Deployment": _deployment,
    "InferenceService": _inference_service,
    "LLMInferenceService": _llm_inference_service,
}


def _engine(layer: str, one: Standing, chosen: tuple[Place, Reading], labels: Any, replicas: int) -> Engine:
    place, read = chosen
    if read.weights is None:
        read.unknown.append("which weights it loads does not stand there as a repository of the hub")
    names = read.names or ([Fact(read.weights.value, read.weights.place)] if read.weights else [])
    return Engine(
        layer=layer,
        standing=one,
        container=place,
        container_name=read.name,
        names=tuple(names),
        context=read.context,
        auth=read.auth,
        port=read.port,
        weights=read.weights,
        claim=read.claim,
        gpus=read.gpus,
        accelerator=read.accelerator,
        image=read.image,
        requests=read.requests,
        limits=read.limits,
        replicas=replicas,
        pod_labels={str(key): str(value) for key, value in _map(labels).items()},
        arguments=read.arguments,
        args=tuple(read.args),
        several=_siblings(one.data, place),
        unknown=tuple(read.unknown),
    )


def _siblings(data: Any, place: Place) -> bool:
    """Are there other containers beside the one at ``place``?"""
    for part in place[:-1]:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return isinstance(data, list) and len(data) > 1


def _containers(pod: Any, at: Place) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    found = _map(pod).get("containers")
    for number, one in enumerate(found if isinstance(found, list) else []):
        if isinstance(one, dict):
            yield (*at, "containers", number), one


def _count(data: Mapping[str, Any]) -> int:
    found = _map(data.get("spec")).get("replicas", 1)
    return found if isinstance(found, int) else 1


def _get(data: Any, place: Place) -> Any:
    for part in place:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
