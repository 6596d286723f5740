"""A choice of layers as data under stable names: for every output, and for the report that people read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from pointsman.advice.estimate import as_dict as fit_as_dict
from pointsman.advice.fit import Fits
from pointsman.advice.known import is_gguf
from pointsman.advice.obstacles import Verdict
from pointsman.advice.overhead import Overhead
from pointsman.advice.picking import Choice, changes_of, pick
from pointsman.advice.situation import Situation

__all__ = ["advice_of"]

_HOURS = 24


def advice_of(case: Situation) -> dict[str, Any]:
    """All that is said of a model."""
    choices = pick(case)
    first = choices[0]
    chosen = first.layer if first.verdict is not Verdict.no else None
    return {
        "model": case.model.name,
        "declared": case.model.spec.layer,
        "pick": chosen,
        "byHand": first.verdict is Verdict.hand,
        "facts": list(_facts(case)),
        "needs": case.needs.said(),
        "layers": [_layer(case, one) for one in choices],
        "fit": fit_as_dict(case),
        "unknown": list(_unknown(case)),
        "changes": changes_of(case, first),
    }


def _layer(case: Situation, one: Choice) -> dict[str, Any]:
    return {
        "layer": one.layer,
        "title": one.title,
        "verdict": one.verdict.value,
        "score": one.score,
        "reasons": [{"weight": each.weight, "what": each.what, "from": each.source} for each in one.reasons],
        "obstacles": [{"what": each.what, "from": each.source, "way": each.way or None} for each in one.obstacles],
        "first": [{"what": what, "from": source} for what, source in one.conditions],
        "cost": _cost(case, one.overhead),
    }


def _cost(case: Situation, one: Overhead) -> dict[str, Any]:
    idle = case.needs.idle_hours
    saved = one.price * Decimal(str(idle)) if idle is not None and one.price is not None else None
    return {
        "gpus": one.gpus,
        "prefillGpus": one.prefill,
        "perHour": _money(one.price),
        "prefillPerHour": _money(one.extra) if one.prefill else None,
        "priceFrom": one.source or None,
        "parkedSavesPerDay": _money(saved),
        "parts": [
            {
                "what": each.what,
                "cpu": each.cpu or None,
                "memory": each.memory or None,
                "for": "all models" if each.shared else "each model",
                "from": each.source,
            }
            for each in one.parts
        ],
    }


def _money(amount: Decimal | None) -> str | None:
    """As text, so that nobody rounds it."""
    return None if amount is None else f"{amount:.2f}"


def _facts(case: Situation) -> Iterator[Mapping[str, Any]]:
    """Of the model, with the field that says so."""
    spec = case.model.spec
    accelerator = spec.accelerator.gpus_per_replica
    yield _fact("weights", spec.weights.hugging_face.repo, "spec.weights.huggingFace")
    yield _fact("asked for", spec.contract.api, "spec.contract.api")
    yield _fact("context", f"{spec.contract.max_model_len} tokens", "spec.contract.maxModelLen")
    yield _fact("replicas", str(spec.replicas), "spec.replicas")
    yield _fact("GPUs a replica", str(accelerator) if accelerator else "none: a CPU", "spec.accelerator")
    if spec.contract.tool_calls:
        yield _fact("tool calls", "on every layer, by the same flags", "spec.contract.toolCalls")
    if spec.layers.llm_d.prefill:
        yield _fact("prefill", f"{spec.layers.llm_d.prefill.replicas} on llm-d", "spec.layers.llm-d.prefill")
    if "enable-lora" in case.args_on(spec.layer):
        yield _fact("LoRA adapters", case.args_on(spec.layer).get("lora-modules", "loaded later"), "spec.engine.args")
    if spec.weights.hugging_face.token:
        yield _fact("private weights", "a token is asked for", "spec.weights.huggingFace.token")


def _fact(what: str, value: str, source: str) -> Mapping[str, Any]:
    return {"what": what, "value": value, "from": source}


def _unknown(case: Situation) -> Iterator[str]:
    """What the answer does not rest on, since nobody said it."""
    needs, spec = case.needs, case.model.spec
    fit = case.fit_on(spec.layer)
    if case.known.estimate:
        yield "the model's own config.json was not given and is not in this machine's cache (--model-config FILE)"
    if spec.accelerator.gpus_per_replica and fit.gpu is None:
        yield "which GPU it runs on (--gpu NAME, --gpu-memory GiB, or a node selector in the spec)"
    if needs.fleet is None:
        yield "how many models are run alike (--fleet N); one was counted"
    if case.cluster is None:
        yield "what the cluster has: controllers and free GPUs (--kubeconfig); KServe in Standard mode is assumed"
    else:
        yield from case.cluster.unknown
    if spec.accelerator.gpus_per_replica and fit.gpu is not None and not case.prices and not _priced(case):
        yield "what a GPU costs an hour (--price, --prices, or spec.accelerator.pricePerHour)"
    if is_gguf(spec.weights.hugging_face.repo, case.args_on(spec.layer)):
        yield "whether the image reads GGUF at all: newer vLLM does so by a plugin of its own (vllm-gguf-plugin)"
    if spec.layers.llm_d.prefill or (needs.kv_routing and spec.contract.api != "embeddings"):
        yield _gain(case)
    if fit.fits is not Fits.unknown or fit.weights is not None:
        yield from fit.unknown


def _priced(case: Situation) -> bool:
    return case.model.spec.accelerator.price_per_hour is not None


def _gain(case: Situation) -> str:
    """No gain is claimed; what one GPU cannot show is said."""
    asked = "splitting prefill and decode" if case.model.spec.layers.llm_d.prefill else "routing by what is cached"
    said = f"whether {asked} gains anything here: nobody measured it on this traffic"
    if (case.needs.gpus_available or 0) == 1 or (case.cluster is not None and case.cluster.gpus == 1):
        said += "; one GPU can show that it works, and never what it gains, since both sides would share it"
    return said
