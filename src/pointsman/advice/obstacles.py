"""What rules a layer out, or leaves it to people's own manifests; with the fact, where it is known from, and the way.

Three verdicts: a layer can serve the model as pointsman renders it or as people wrote it, by hand only, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pointsman.advice.fit import Fit, Fits
from pointsman.advice.known import is_gguf
from pointsman.advice.settings import settings_of
from pointsman.advice.situation import Situation
from pointsman.layers.registry import layer as layer_called

__all__ = ["Obstacle", "Verdict", "conditions_of", "obstacles_of"]


class Verdict(StrEnum):
    """Of one layer."""

    yes = "can"
    hand = "by hand"
    no = "cannot"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One."""

    verdict: Verdict
    what: str
    source: str
    way: str = ""
    """What to do; empty where nothing can be done."""


def obstacles_of(case: Situation, layer: str) -> list[Obstacle]:
    """All that stand in the way there."""
    return [found for rule in _RULES for found in rule(case, layer)]


def _fit(case: Situation, layer: str) -> Iterator[Obstacle]:
    fit = case.fit_on(layer)
    if fit.fits is Fits.no:
        yield Obstacle(Verdict.no, f"it does not fit: {fit.why}", "the estimate of its memory", _more(fit))


def _more(fit: Fit) -> str:
    """What would make it fit."""
    ways = [f"give a replica {fit.smallest} GPUs"] if fit.smallest and fit.smallest != fit.settings.gpus else []
    ways += [f"promise at most {fit.longest} tokens"] if fit.longest else []
    return ", or ".join(ways) or "use larger GPUs, or smaller weights"


def _nodes(case: Situation, layer: str) -> Iterator[Obstacle]:
    settings, (most, source) = settings_of(case.model, layer), case.per_node
    if settings.gpus <= most and settings.nodes == 1:
        return
    what = f"a replica takes {settings.gpus} GPUs, and one node has {most} ({source})"
    if settings.nodes > 1:
        what = f"--nnodes {settings.nodes} asks for several nodes"
    verdict, said, way = _OVER_NODES[layer]
    if case.model.spec.layers.block(layer).written and verdict is Verdict.hand:
        return
    yield Obstacle(verdict, f"{what}; {said}", "KServe v0.20.0; docs/adr/0040-written-layers.md", way)


_BY_HAND = "write them yourself (spec.layers.{}.from); pointsman renders one pod a replica, and moves none over nodes"
_OVER_NODES = {
    "raw-vllm": (Verdict.no, "the pods of a Deployment know nothing of each other", ""),
    "kserve": (
        Verdict.hand,
        "KServe has predictor.workerSpec for that, with a model and a runtime",
        _BY_HAND.format("kserve"),
    ),
    "llm-d": (
        Verdict.hand,
        "an LLMInferenceService has spec.worker (LeaderWorkerSet) for that",
        _BY_HAND.format("llm-d"),
    ),
}


def _count(case: Situation, layer: str) -> Iterator[Obstacle]:
    need = layer_called(layer).gpus(case.model)
    allowed, there = case.needs.gpus_available, case.cluster.gpus if case.cluster else None
    if allowed is not None and need > allowed:
        yield Obstacle(
            Verdict.no, f"it takes {need} GPUs, and {allowed} may be used", "--gpus-available", "give it more"
        )
    elif there is not None and need > there:
        yield Obstacle(
            Verdict.no, f"it takes {need} GPUs, and the cluster has {there}", "the cluster's nodes", "add nodes"
        )


def _gguf(case: Situation, layer: str) -> Iterator[Obstacle]:
    hub, staged = case.model.spec.weights.hugging_face, case.model.spec.layers.block(layer).weights
    file = (staged.pvc.path or "") if staged else ""
    if not is_gguf(hub.repo, case.args_on(layer)) and not file.endswith(".gguf"):
        return
    if layer == "llm-d":
        what = "KServe's preset starts vLLM on the folder /mnt/models, and a GGUF model is one file"
        yield Obstacle(Verdict.no, what, "KServe v0.20.0, config/llmisvcconfig/config-llm-template.yaml")
    elif not file.endswith(".gguf"):
        what = "of a repository of GGUF files vLLM has to be told which one, and a Model names the repository alone"
        way = (
            f"stage the file: spec.layers.{layer}.weights.pvc, path ending in .gguf, and --tokenizer of the base model"
        )
        yield Obstacle(Verdict.no, what, "vLLM, docs/features/quantization/gguf.md", way)


def _gated(case: Situation, layer: str) -> Iterator[Obstacle]:
    hub, staged = case.model.spec.weights.hugging_face, case.model.spec.layers.block(layer).weights
    if hub.token is None and staged is None and hub.repo.startswith(_GATED):
        what = f"{hub.repo} is given to accepted accounts only, and no token is declared"
        yield Obstacle(
            Verdict.no, what, "the hub's gate on that owner", "spec.weights.huggingFace.token: {secret, key}"
        )


_GATED = ("meta-llama/", "google/gemma-2", "google/gemma-3")
"""Beginnings of repositories that ask everybody for a token."""


def _vectors(case: Situation, layer: str) -> Iterator[Obstacle]:
    split = layer == "llm-d" and case.model.spec.layers.llm_d.prefill is not None
    if split and case.model.spec.contract.api == "embeddings":
        what = "vectors are made by reading alone: there is nothing to decode, and decode's pods would wait for ever"
        yield Obstacle(Verdict.no, what, "spec.contract.api, spec.layers.llm-d.prefill", "take prefill out")


def _adapters(case: Situation, layer: str) -> Iterator[Obstacle]:
    block = case.model.spec.layers.block(layer)
    mount = "/mnt/models" if layer == "llm-d" else "/models"
    for place in _local(case.args_on(layer).get("lora-modules", "")):
        if block.written or (block.weights and place.startswith(f"{mount}/")):
            continue
        what = f"the adapter at {place} is in no volume that this layer's pods have"
        way = f"name a repository of the hub, or stage it with the weights ({mount}/…)"
        yield Obstacle(Verdict.no, what, "--lora-modules; docs/layers", way)


def _local(said: str) -> list[str]:
    """Paths among ``name=path …``; a repository of the hub is none."""
    places = [word.partition("=")[2] for word in said.split() if "=" in word and not word.startswith("{")]
    return [one for one in places if one.startswith(("/", "."))]


_RULES: tuple[Callable[[Situation, str], Iterator[Obstacle]], ...] = (
    _fit,
    _nodes,
    _count,
    _gguf,
    _gated,
    _vectors,
    _adapters,
)


def conditions_of(case: Situation, layer: str) -> list[tuple[str, str]]:
    """What has to be there first, and where that is known from."""
    spec, there = case.model.spec, layer_called(layer)
    namespace, token = there.namespace(case.model), spec.weights.hugging_face.token
    found = []
    if spec.contract.auth:
        found.append((f"Secret {spec.contract.auth.secret} in {namespace}: the key tenants show", "spec.contract.auth"))
    if token and not spec.layers.block(layer).weights:
        why = "without it the download of private weights ends with 401"
        found.append((f"Secret {token.secret} in {namespace}: {why}", "spec.weights.huggingFace.token"))
    if staged := spec.layers.block(layer).weights:
        found.append((f"the claim {staged.pvc.claim} in {namespace}, with the weights", f"spec.layers.{layer}.weights"))
    has = case.cluster.has(layer) if case.cluster else None
    if has is False:
        found.append((f"the controllers of {there.title}: the cluster has not its kinds", "the cluster's CRDs"))
    elif has is None and layer != "raw-vllm":
        found.append(
            (f"the controllers of {there.title}; whether the cluster has them is not known", "no cluster asked")
        )
    return found
