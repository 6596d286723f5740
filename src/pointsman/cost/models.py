"""Whose a pod, a claim or a Service is: what each layer of each known model is rendered as, parked layers too."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.errors import PointsmanError
from pointsman.kube.resources import Ref, ref_of
from pointsman.layers.contract import EnginePods, Layer
from pointsman.move.boundary import Object
from pointsman.move.records import Record
from pointsman.spec.model import Model

__all__ = ["OURS", "Owner", "Owners", "claims_in", "gateways_of", "owners_of"]

OURS, LAYER = "pointsman.dev/model", "pointsman.dev/layer"
Place = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A layer of a model."""

    model: str
    layer: str

    def __str__(self) -> str:
        return f"{self.model} on {self.layer}" if self.layer else self.model


NOBODY = Owner("", "")


@dataclass(slots=True)
class Owners:
    """Of all models that are known."""

    names: frozenset[str] = frozenset()
    """Models that are known, also those whose record cannot be read."""
    models: Mapping[str, Model] = field(default_factory=dict)
    refs: dict[Ref, Owner] = field(default_factory=dict)
    """What is rendered."""
    claims: dict[Place, Owner] = field(default_factory=dict)
    """Claims that any of it mounts."""
    gateways: dict[Place, Owner] = field(default_factory=dict)
    """Gateways that any of it is reached by."""
    problems: list[str] = field(default_factory=list)
    """Models of which it is not known what they are made of."""
    _engines: dict[tuple[str, str, str], list[tuple[EnginePods, Owner]]] = field(default_factory=dict)

    def of_pod(self, pod: Object) -> tuple[Owner, EnginePods | None]:
        """Whose it is; how its engine is asked, where it is one."""
        metadata = pod["metadata"]
        said = metadata.get("labels") or {}
        for pair in said.items():
            for engines, owner in self._engines.get((metadata["namespace"], *pair), ()):
                if all(said.get(key) == value for key, value in engines.labels.items()):
                    return owner, engines
        return self.of_labels(said), None

    def of_labels(self, said: Mapping[str, str]) -> Owner:
        """By our own labels, where the model is known."""
        name = said.get(OURS, "")
        return Owner(name, said.get(LAYER, "")) if name in self.names else NOBODY


def owners_of(records: Iterable[Record], layers: Sequence[Layer]) -> Owners:
    """Of these models on these layers."""
    known = list(records)
    models = {one.name: one.model for one in known if one.model is not None}
    made = Owners(frozenset(one.name for one in known), models)
    made.problems += [f"model {one.name}: {one.problem}" for one in known if one.model is None]
    engines: list[tuple[EnginePods, Owner]] = []
    for model in models.values():
        for layer in layers:
            try:
                engines += [(one, Owner(model.name, layer.id)) for one in layer.engines(model)]
                _take(made, layer.render(model), Owner(model.name, layer.id))
                made.refs.setdefault(layer.endpoint(model).service, Owner(model.name, layer.id))
            except PointsmanError as error:
                made.problems.append(f"model {model.name} on {layer.title}: {error.what}")
    made._engines = _indexed(engines)
    return made


def _take(made: Owners, rendered: Iterable[Object], owner: Owner) -> None:
    for one in rendered:
        ref = ref_of(one)
        made.refs.setdefault(ref, owner)
        if ref.kind.name == "PersistentVolumeClaim":
            made.claims.setdefault((ref.namespace or "", ref.name), owner)
        for name in claims_in(one):
            made.claims.setdefault((ref.namespace or "", name), owner)
        for place in _gateways_in(one, ref.namespace or ""):
            made.gateways.setdefault(place, owner)


def _gateways_in(manifest: Object, home: str) -> Iterator[Place]:
    """Of a route, and of an LLMInferenceService."""
    spec = manifest.get("spec") or {}
    router = spec.get("router") if isinstance(spec.get("router"), dict) else {}
    named = (router.get("gateway") or {}).get("refs") if router else None
    for one in [*(spec.get("parentRefs") or []), *(named or [])]:
        yield str(one.get("namespace") or home), str(one.get("name"))


def _indexed(
    engines: Sequence[tuple[EnginePods, Owner]],
) -> dict[tuple[str, str, str], list[tuple[EnginePods, Owner]]]:
    """By the rarest of each one's labels, so that a thousand models are not compared with each pod."""
    often = Counter((one.namespace, *pair) for one, _ in engines for pair in one.labels.items())
    found = defaultdict[tuple[str, str, str], list[tuple[EnginePods, Owner]]](list)
    for one, owner in engines:
        found[min(((one.namespace, *pair) for pair in one.labels.items()), key=often.__getitem__)].append((one, owner))
    return dict(found)


def gateways_of(route: Object) -> set[Place]:
    """Gateways that a route, or an LLMInferenceService, names."""
    return set(_gateways_in(route, str(route["metadata"].get("namespace") or "")))


def claims_in(value: Any) -> Iterator[str]:
    """Names of claims that a manifest mounts, wherever in it that is said (``pvc://NAME/path`` is KServe's way)."""
    waiting = [value]
    while waiting:  # no recursion: a thousand models have half a million values
        one = waiting.pop()
        if isinstance(one, str):
            if one.startswith("pvc://"):
                yield one.removeprefix("pvc://").partition("/")[0]
        elif isinstance(one, dict):
            named = one.get("persistentVolumeClaim")
            if isinstance(named, dict) and isinstance(named.get("claimName"), str):
                yield named["claimName"]
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
