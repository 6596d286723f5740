"""Engines among the objects: which container is one on each layer, and what it promises.

A Deployment with a vLLM, an InferenceService with a container of its own or a model and a runtime, and an
LLMInferenceService. Anything else that runs a vLLM is listed, since no layer is made of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.adapters import adapters_declared
from pointsman.adopt.container import Given, Reading, read_container
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.pieces import mapped
from pointsman.adopt.promise import Engine, Fact
from pointsman.adopt.shape import misshapen
from pointsman.adopt.standing import Standing, World
from pointsman.adopt.words import Place
from pointsman.layers.command import behind_preset, command_of, is_engine, starts_engine

__all__ = ["engines_in"]

_NO_LAYER = {
    "StatefulSet": "a vLLM in a StatefulSet is on none of the layers",
    "LeaderWorkerSet": "engines over several nodes (LeaderWorkerSet) are on none of the layers",
}
_HELPERS = ("router", "sidecar", "exporter", "scheduler", "proxy")
"""Words in the names of images that stand beside an engine and serve no model."""
_FLAGS = ("--served-model-name", "--max-model-len", "--tensor-parallel-size")
"""Flags of nobody else."""


def engines_in(world: World) -> list[Engine]:
    """Every engine; what looks like one and is none that is understood is listed."""
    found: list[Engine] = []
    for one in world.of("Deployment", "InferenceService", "LLMInferenceService"):
        if not _shaped(one, world):
            continue
        made = _READERS[one.kind](one, world)
        if made is not None:
            found.append(made)
    for one in world.of(*_NO_LAYER):
        if misshapen(one.kind, one.data) is None and _runs_engine(one.data):
            world.left_out.append(LeftOut(one.where, _NO_LAYER[one.kind], "move it to one of them by hand"))
    return found


def _shaped(one: Standing, world: World) -> bool:
    """Has it the shape of a manifest? Else it is listed."""
    wrong = misshapen(one.kind, one.data)
    if wrong is not None:
        place, wanted = wrong
        why = f"{one}: {'.'.join(map(str, place))} is not {wanted}, so its engine is not known"
        world.left_out.append(LeftOut(one.at(*place), why, "correct it: the API server refuses it, too"))
    return wrong is None


def _deployment(one: Standing, world: World) -> Engine | None:
    at: Place = ("spec", "template", "spec")
    chosen = _chosen(_get(one.data, at), at, world, one)
    labels = _get(one.data, ("spec", "template", "metadata", "labels"))
    return None if chosen is None else _engine("raw-vllm", one, chosen, labels, _count(one.data))


def _chosen(pod: Any, at: Place, world: World, one: Standing) -> tuple[Place, Reading] | None:
    """The one container of a pod that is a vLLM."""
    engines = [(place, container) for place, container in _containers(pod, at) if _is_vllm(container)]
    starting = [one for one in engines if starts_engine(one[1])]
    engines = starting if len(starting) == 1 else engines
    if len(engines) > 1:
        names = ", ".join(str(container.get("name")) for _, container in engines)
        world.left_out.append(LeftOut(one.where, f"which of its containers is the engine is not known: {names}"))
        return None
    if not engines:
        return None
    place, container = engines[0]
    return place, read_container(container, place, mapped(pod), at)


def _is_vllm(container: Mapping[str, Any]) -> bool:
    listed = [found for key in ("command", "args") if isinstance(found := container.get(key), list)]
    words = [str(part) for found in listed for part in found]
    image = str(container.get("image")).rpartition("/")[2].partition(":")[0].partition("@")[0]
    if any(word in image for word in _HELPERS) and not starts_engine(container):
        return False
    return is_engine(container) or any(word.startswith(_FLAGS) for word in words)


def _runs_engine(data: Any) -> bool:
    """Is there an engine's container anywhere in it?"""
    if isinstance(data, dict):
        listed = data.get("containers")
        own = any(isinstance(one, dict) and _is_vllm(one) for one in listed) if isinstance(listed, list) else False
        return own or any(_runs_engine(value) for value in data.values())
    return any(_runs_engine(one) for one in data) if isinstance(data, list) else False


def _inference_service(one: Standing, world: World) -> Engine | None:
    at: Place = ("spec", "predictor")
    predictor = mapped(_get(one.data, at))
    model = mapped(predictor.get("model"))
    replicas = predictor.get("minReplicas")
    count = replicas if type(replicas) is int else 1
    labels = {"serving.kserve.io/inferenceservice": one.name}
    if not model:
        listed = list(_containers(predictor, at))
        named = [each for each in listed if each[1].get("name") == "kserve-container"] or listed[:1]
        if not named or not _is_vllm(named[0][1]):
            return None
        reading = read_container(named[0][1], named[0][0], predictor, at, Given(port=8080))
        return _engine("kserve", one, (named[0][0], reading), labels, count)
    return _of_runtime(one, world, model, labels, count)


def _of_runtime(
    one: Standing, world: World, model: Mapping[str, Any], labels: dict[str, str], count: int
) -> Engine | None:
    """A model and the runtime that loads it: the runtime's words, then the model's own."""
    at: Place = ("spec", "predictor", "model")
    name = str(model.get("runtime") or "")
    runtime = next((each for each in world.of("ServingRuntime", "ClusterServingRuntime") if each.name == name), None)
    if runtime is not None and not _shaped(runtime, world):
        runtime = None
    base = next((each for _, each in _containers(_get(runtime.data, ("spec",)), ())), {}) if runtime else {}
    joined = {**base, **model, "args": [*(base.get("args") or []), *(model.get("args") or [])]}
    if not (_is_vllm(joined) or "vllm" in name or "huggingface" in name):
        return None
    pod = mapped(_get(one.data, ("spec", "predictor")))
    given = Given(command_of(joined), weights=str(model.get("storageUri") or ""), port=8080)
    reading = read_container({**base, **model}, at, pod, ("spec", "predictor"), given)
    reading.unknown.append(_RUNTIME if runtime else f"{_RUNTIME}; {name or 'the one KServe chooses'} is not here")
    return _engine("kserve", one, (at, reading), labels, count)


_RUNTIME = "it names a model and a runtime and no container of its own, so it can be looked at, and not moved"


def _llm_inference_service(one: Standing, world: World) -> Engine | None:
    spec = mapped(one.data.get("spec"))
    at: Place = ("spec", "template")
    template = mapped(spec.get("template"))
    listed = [each for each in _containers(template, at) if each[1].get("name") == "main"]
    place, container = listed[0] if listed else ((*at, "containers", 0), {})
    model = mapped(spec.get("model"))
    said, uri = str(model.get("name") or one.name), str(model.get("uri") or "")
    reading = read_container(container, place, template, at, Given(behind_preset(container), (said,), uri, preset=True))
    reading.names = [Fact(said, ("spec", "model", "name"), said if model.get("name") else "")]
    if reading.weights is not None and not reading.weights.token:
        reading.weights = Fact(reading.weights.value, ("spec", "model", "uri"), uri)
    reading.adapters += adapters_declared(model)
    if spec.get("baseRefs"):
        reading.unknown.append("it is laid over others (baseRefs), and what those say is not read")
    labels = {"app.kubernetes.io/name": one.name, "app.kubernetes.io/part-of": "llminferenceservice"}
    replicas = spec.get("replicas")
    return _engine("llm-d", one, (place, reading), labels, replicas if type(replicas) is int else 1)


_READERS = {
    "Deployment": _deployment,
    "InferenceService": _inference_service,
    "LLMInferenceService": _llm_inference_service,
}


def _engine(layer: str, one: Standing, chosen: tuple[Place, Reading], labels: Any, replicas: int) -> Engine:
    place, read = chosen
    if read.weights is None:
        read.unknown.append("which weights it loads does not stand there as a repository of the hub")
    return Engine(
        layer=layer,
        standing=one,
        container=place,
        container_name=read.name,
        names=tuple(read.names),
        context=read.context,
        auth=read.auth,
        port=read.port,
        weights=read.weights,
        claim=read.claim,
        gpus=read.gpus,
        accelerator=read.accelerator,
        image=read.promise.image,
        requests=read.requests,
        limits=read.limits,
        replicas=replicas,
        pod_labels={str(key): str(value) for key, value in mapped(labels).items()},
        arguments=read.arguments,
        args=read.args,
        adapters=read.adapters,
        hidden=read.hidden,
        scripted=read.scripted,
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
    found = mapped(pod).get("containers")
    for number, one in enumerate(found if isinstance(found, list) else []):
        if isinstance(one, dict):
            yield (*at, "containers", number), one


def _count(data: Mapping[str, Any]) -> int:
    found = mapped(data.get("spec")).get("replicas", 1)
    return found if type(found) is int else 1


def _get(data: Any, place: Place) -> Any:
    for part in place:
        data = data.get(part) if isinstance(data, dict) else None
    return data
