"""What speaks for a layer and against it. Each reason has a weight, and a fact with where it is known from.

Weights are small whole numbers, shown with the reasons: their sum orders layers that can serve the model, and nothing
is hidden in it. A need that was stated and that a layer cannot meet weighs 3 against it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pointsman.advice.settings import settings_of
from pointsman.advice.situation import Situation

__all__ = ["FLEET", "Reason", "reasons_of"]

FLEET = 5
"""Models from which a controller that treats all alike saves more than it costs. A rule of thumb."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One; below 0 it speaks against."""

    weight: int
    what: str
    source: str


def reasons_of(case: Situation, layer: str) -> list[Reason]:
    """All there are."""
    return list(_REASONS[layer](case))


def _raw(case: Situation) -> Iterator[Reason]:
    needs = case.needs
    yield Reason(2, "nothing runs beside the engine: a Deployment, a Service and a claim", "docs/layers/raw-vllm.md")
    fleet = needs.fleet or 1
    if fleet >= FLEET:
        yield Reason(-3, f"{fleet} models are {fleet} Deployments, Services and claims by hand", f"--fleet {fleet}")
    if needs.url_per_model:
        yield Reason(-3, "it makes no route: an address for each model is one more object by hand", "--url-per-model")
    if needs.teams == "many":
        yield Reason(-1, "each team needs rights on Deployments, Services and claims", "--teams many")
    if needs.canary:
        yield Reason(0, "it splits nothing; pointsman move shifts the alias in judged steps", "--canary; docs/move.md")
    if needs.idle_hours:
        yield Reason(0, "parked by replicas: 0, which releases its GPUs; nothing wakes it", "--idle-hours")
    yield from _any_engine(case)


def _kserve(case: Situation) -> Iterator[Reason]:
    needs, fleet = case.needs, case.needs.fleet or 1
    if fleet >= FLEET:
        yield Reason(
            3, f"{fleet} models are {fleet} objects of one kind, made and kept by one controller", f"--fleet {fleet}"
        )
    elif case.cluster is None or not case.cluster.has("kserve"):
        yield Reason(-1, "a controller, its webhooks and cert-manager have to run for it", "docs/layers/kserve.md")
    else:
        yield Reason(0, "its controller is there already", "the cluster's CRDs")
    if needs.url_per_model:
        yield Reason(2, "it makes an HTTPRoute and a host name for each model", "--url-per-model; KServe v0.20.0")
    if needs.teams == "many":
        yield Reason(2, "rights on one kind (inferenceservices) are all that a team needs", "--teams many")
    if needs.canary:
        what = "canaryTrafficPercent is not read in Standard mode, and pointsman splits at the alias, as on every layer"
        yield Reason(0, what, "--canary; KServe v0.20.0")
    if needs.idle_hours:
        what = "parked by its stop annotation; minReplicas: 0 under its HPA means 1, and nothing wakes it"
        yield Reason(0, what, "--idle-hours; KServe v0.20.0")
    yield from _any_engine(case)


def _any_engine(case: Situation) -> Iterator[Reason]:
    """Of both layers whose Service takes any engine."""
    if _routes(case):
        yield Reason(-3, "its Service takes any engine, whatever is cached there", "--kv-routing; Kubernetes Services")


def _llm_d(case: Situation) -> Iterator[Reason]:
    needs = case.needs
    there = case.cluster is not None and case.cluster.has("llm-d") is True
    what = "a gateway, an endpoint picker for each model and a controller stand before the engine"
    yield Reason(-2 if there else -3, what + (", all of it there already" if there else ""), "docs/layers/llm-d.md")
    yield from _routed(case)
    yield from _of_the_model(case)
    if needs.url_per_model:
        yield Reason(1, "it makes a route with a path for each model at its gateway", "--url-per-model; KServe v0.20.0")
    if needs.canary:
        what = (
            "two of its objects can share a route by weight (spec.router.route); an alias at a model's path goes by it"
        )
        yield Reason(1, what, "--canary; KServe v0.20.0")
    if needs.idle_hours:
        yield Reason(0, "parked by its stop annotation; nothing wakes it", "--idle-hours; KServe v0.20.0")
    if (needs.fleet or 1) >= FLEET:
        what = f"{needs.fleet} endpoint pickers: 1.3 cores and 2.5 GiB are requested for each"
        yield Reason(-1, what, "--fleet; KServe v0.20.0, config-llm-scheduler.yaml")


def _of_the_model(case: Situation) -> Iterator[Reason]:
    """What speaks for or against llm-d in the spec itself."""
    spec, settings = case.model.spec, settings_of(case.model, "llm-d")
    if spec.layers.llm_d.prefill:
        what = "the spec asks for prefill in pods of its own; whether that gains anything was not measured"
        yield Reason(1, what, "spec.layers.llm-d.prefill")
    if spec.contract.api == "embeddings":
        what = "/v1/embeddings goes past the endpoint picker to the plain Service, so what it is for is not used"
        yield Reason(-3, what, "spec.contract.api; KServe v0.20.0, config-llm-router-route.yaml")
    if settings.gpus > case.per_node[0] or settings.nodes > 1:
        what = "it is the one with presets for engines over several nodes (spec.worker)"
        yield Reason(3, what, "KServe v0.20.0, config/llmisvcconfig")
    if settings.lora:
        what = "its own field for adapters (spec.model.lora) is not rendered by pointsman; the flags pass, untried"
        yield Reason(-1, what, "--enable-lora; KServe PR 5317")


def _routes(case: Situation) -> bool:
    """Is there anything to route by? Nothing is kept of a vector's text, and one engine leaves no choice."""
    spec = case.model.spec
    return case.needs.kv_routing and spec.replicas > 1 and spec.contract.api != "embeddings"


def _routed(case: Situation) -> Iterator[Reason]:
    if _routes(case):
        what = f"it chooses among {case.model.spec.replicas} engines by what they have cached"
        yield Reason(4, what, "--kv-routing, spec.replicas; KServe v0.20.0, config-llm-scheduler.yaml")
    elif case.needs.kv_routing and case.model.spec.replicas == 1:
        yield Reason(0, "with one engine there is nothing to choose between", "--kv-routing, spec.replicas")
    elif case.needs.kv_routing:
        yield Reason(0, "requests for vectors do not pass the endpoint picker", "--kv-routing, spec.contract.api")


_REASONS: dict[str, Callable[[Situation], Iterator[Reason]]] = {"raw-vllm": _raw, "kserve": _kserve, "llm-d": _llm_d}
