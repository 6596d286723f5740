"""The layers in their order for one model, and what would change that order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from pointsman.advice.obstacles import Obstacle, Verdict, conditions_of, obstacles_of
from pointsman.advice.overhead import Overhead, overhead_of
from pointsman.advice.reasons import FLEET, Reason, reasons_of
from pointsman.advice.situation import Situation
from pointsman.layers.registry import LAYERS
from pointsman.spec.model import Model

__all__ = ["Choice", "changes_of", "pick"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One layer."""

    layer: str
    title: str
    verdict: Verdict
    score: int
    reasons: tuple[Reason, ...]
    obstacles: tuple[Obstacle, ...]
    conditions: tuple[tuple[str, str], ...]
    overhead: Overhead


def pick(case: Situation) -> list[Choice]:
    """Every layer, the best first: those that can, those that can by hand, those that cannot."""
    found = [_choice(case, one.id, one.title) for one in LAYERS]
    order = list(Verdict)
    return sorted(found, key=lambda one: (order.index(one.verdict), -one.score))  # of equals, the one with fewer parts


def _choice(case: Situation, layer: str, title: str) -> Choice:
    obstacles, reasons = obstacles_of(case, layer), reasons_of(case, layer)
    order = list(Verdict)
    worst = max((one.verdict for one in obstacles), key=order.index, default=Verdict.yes)
    return Choice(
        layer,
        title,
        worst,
        sum(one.weight for one in reasons),
        tuple(sorted(reasons, key=lambda one: -one.weight)),
        tuple(obstacles),
        tuple(conditions_of(case, layer)),
        overhead_of(case.model, layer, case.price_on(layer)),
    )


def changes_of(case: Situation, first: Choice) -> list[str]:
    """What would make it another layer, each tried on the same rules."""
    told = []
    for words, other in _others(case):
        best = pick(other)[0]
        if (best.layer, best.verdict) != (first.layer, first.verdict) and best.verdict is not Verdict.no:
            told.append(f"{words} it would be {best.layer}" + (" (by hand)" if best.verdict is Verdict.hand else ""))
    return told


def _others(case: Situation) -> Iterator[tuple[str, Situation]]:
    """Cases that differ in one thing."""
    needs = case.needs

    def told(words: str, **changes: object) -> tuple[str, Situation]:
        return words, replace(case, needs=replace(needs, **changes))  # type: ignore[arg-type]

    if (needs.fleet or 1) < FLEET:
        yield told(f"with --fleet {FLEET}", fleet=FLEET)
    else:
        yield told("with --fleet 1", fleet=1)
    for option, name in (("--url-per-model", "url_per_model"), ("--canary", "canary")):
        there = bool(getattr(needs, name))
        yield told(f"{'without' if there else 'with'} {option}", **{name: not there})
    yield told(
        f"with --teams {'one' if needs.teams == 'many' else 'many'}", teams="one" if needs.teams == "many" else "many"
    )
    yield from _routing(case)
    yield from _several(case)
    if needs.gpus_available is not None:
        yield told(f"with --gpus-available {2 * needs.gpus_available}", gpus_available=2 * needs.gpus_available)
    yield from _enough(case)


def _routing(case: Situation) -> Iterator[tuple[str, Situation]]:
    needs, replicas = case.needs, case.model.spec.replicas
    turned = replace(case, needs=replace(needs, kv_routing=not needs.kv_routing))
    if replicas == 1:
        yield (
            "with --kv-routing and 2 replicas",
            _sized(replace(case, needs=replace(needs, kv_routing=True)), replicas=2),
        )
    else:
        yield f"{'without' if needs.kv_routing else 'with'} --kv-routing", turned


def _several(case: Situation) -> Iterator[tuple[str, Situation]]:
    """More GPUs a replica than a node has."""
    gpus, most = case.model.spec.accelerator.gpus_per_replica, case.per_node[0]
    if 4 <= gpus <= most:  # below that nobody thinks of a second node
        yield f"with {2 * most} GPUs a replica (over two nodes)", _sized(case, gpus=2 * most)


def _enough(case: Situation) -> Iterator[tuple[str, Situation]]:
    """As many GPUs as it would fit."""
    fit = case.fit_on(case.model.spec.layer)
    if fit.smallest and fit.gpu and fit.smallest != fit.settings.gpus and fit.settings.gpus:
        yield f"with {fit.smallest} {fit.gpu.name} a replica", _sized(case, gpus=fit.smallest)


def _sized(case: Situation, *, replicas: int = 0, gpus: int = 0) -> Situation:
    spec, model = case.model.spec, case.model
    changes: dict[str, object] = {"replicas": replicas} if replicas else {}
    if gpus:
        changes |= {
            "accelerator": spec.accelerator.model_copy(update={"gpus_per_replica": gpus}),
            "engine": spec.engine.model_copy(update={"args": _undivided(model)}),
        }
    return replace(case, model=model.model_copy(update={"spec": spec.model_copy(update=changes)}))


def _undivided(model: Model) -> tuple[str, ...]:
    """The arguments without sizes, so that all GPUs are taken."""
    from pointsman.spec.arguments import without

    sizes = frozenset({"tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size", "nnodes"})
    return tuple(without(model.spec.engine.args, sizes))
