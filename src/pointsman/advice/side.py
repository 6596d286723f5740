"""One layer of a model as its manifests have it, rendered or written: what is compared.

Both kinds are read by the same reader (``adopt.engines``), so that a row says what the manifest says, and never what
the spec meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.engines import engines_in
from pointsman.adopt.objects import Deployed
from pointsman.adopt.promise import Engine
from pointsman.adopt.standing import Origin, Standing, World
from pointsman.errors import SpecError
from pointsman.layers.contract import Layer, Manifest
from pointsman.layers.registry import layer as layer_called
from pointsman.spec.arguments import values
from pointsman.spec.model import Model

__all__ = ["Ending", "Side", "side_of"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a pod ends, in seconds; None where nothing says it."""

    pre_stop: int | None
    finish: int | None
    """``--shutdown-timeout``: 0 aborts what runs."""
    grace: int


@dataclass(frozen=True, slots=True)
class Side:
    """One layer."""

    layer: Layer
    model: Model
    manifests: tuple[Manifest, ...]
    engine: Engine
    pod: Mapping[str, Any]
    container: Mapping[str, Any]

    @property
    def id(self) -> str:
        """The layer's."""
        return self.layer.id

    @property
    def main(self) -> Mapping[str, Any]:
        """The object that serves the model."""
        return self.engine.standing.data

    @property
    def written(self) -> bool:
        """Did people write it?"""
        return self.model.spec.layers.block(self.id).written is not None

    @property
    def preset(self) -> bool:
        """Is it laid over KServe's preset, which fills in what is not written?"""
        return self.engine.standing.kind == "LLMInferenceService"

    @property
    def timeout(self) -> int:
        """Seconds after which KServe's HTTPRoute cuts a request: its default is 60 (KServe v0.20.0)."""
        said = _at(self.main, ("spec", "predictor")).get("timeout")
        return said if isinstance(said, int) else 60

    @property
    def ending(self) -> Ending:
        """How a pod ends; llm-d's preset brings its own (KServe v0.20.0, config-llm-template.yaml)."""
        said = values(self.engine.args).get("shutdown-timeout", "")
        finish = int(said) if said.isdigit() else 40 if self.preset else None
        pre_stop = _sleep(self.container) if _sleep(self.container) is not None else 15 if self.preset else None
        grace = self.pod.get("terminationGracePeriodSeconds")
        return Ending(pre_stop, finish, grace if isinstance(grace, int) else 60 if self.preset else 30)


def side_of(model: Model, layer: str) -> Side:
    """The layer of the model; raises SpecError ``compare-engine`` when its manifests have no engine that is known."""
    found = layer_called(layer)
    manifests = tuple(found.render(model))
    engine = _engine(manifests, found, model)
    place = engine.container
    container = _at(engine.standing.data, place)
    pod = _at(engine.standing.data, place[:-2] if place[-2:-1] == ("containers",) else place[:-1])
    return Side(found, model, manifests, engine, pod, container)


def _engine(manifests: tuple[Manifest, ...], layer: Layer, model: Model) -> Engine:
    namespace, name = layer.namespace(model), layer.name(model)
    world = World([Standing(Deployed(one), _namespace(one), Origin("")) for one in manifests])
    found = [one for one in engines_in(world) if one.layer == layer.id]
    chosen = [one for one in found if (one.namespace, one.name) == (namespace, name)] or found
    if not chosen:
        raise SpecError(
            "no engine is understood among its manifests, so nothing can be compared",
            where=model.spec.layers.folder(layer.id),
            next_action="pointsman adopt says what it makes of that folder",
            code="compare-engine",
        )
    return chosen[0]


def _namespace(manifest: Manifest) -> str:
    return str((manifest.get("metadata") or {}).get("namespace") or "")


def _at(data: Any, place: tuple[str | int, ...]) -> Mapping[str, Any]:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return {}
    return data if isinstance(data, Mapping) else {}


def _sleep(container: Mapping[str, Any]) -> int | None:
    """Seconds that preStop sleeps."""
    hook = _at(container, ("lifecycle", "preStop"))
    native = _at(hook, ("sleep",)).get("seconds")
    if isinstance(native, int):
        return native
    said = " ".join(str(one) for one in _at(hook, ("exec",)).get("command") or ())
    found = re.search(r"\bsleep\s+(\d{1,5})", said)
    return int(found[1]) if found else None
