"""What this program would render for the Models of a repository, looked at by the same checks as what people wrote.

A finding stands in the Model's file, at the field that says it, and names the layers. A layer whose manifests people
wrote (``from``) is not rendered: those manifests are looked at where they lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pointsman.adopt.adopted import Adopted
from pointsman.adopt.engines import engines_in
from pointsman.adopt.objects import Deployed
from pointsman.adopt.standing import KINDS, Origin, Standing, World
from pointsman.adopt.words import Place
from pointsman.checks.check import Check, Told
from pointsman.checks.declared import Declared
from pointsman.checks.finding import Finding, Outcome
from pointsman.checks.model_remedies import remedy_of
from pointsman.checks.running import run
from pointsman.checks.view import View
from pointsman.layers.registry import LAYERS
from pointsman.spec.model import Model

__all__ = ["rendered"]

_ABOUT_OTHERS = frozenset({"models", "edges", "declared", "comments"})
"""Parts that what is rendered for one Model has none of: two layers of it agree by how they are made."""


@dataclass(frozen=True, slots=True)
class _Source:
    """A Model's file, and the layer that it is rendered for."""

    declared: Declared
    model: Model
    layer: str

    def line(self, data: Mapping[str, Any], place: Place) -> int:
        """The line of the field that says what stands at ``place`` of a rendered object."""
        document = self.declared.document
        if document is None:
            return 1
        found = next((one for one in _fields(self, data, place) if one in document.lines), ("metadata", "name"))
        return document.line(found)

    def field(self, data: Mapping[str, Any], place: Place) -> Place:
        """The field itself: the one that is written, else the one that could be."""
        lines = self.declared.document.lines if self.declared.document is not None else {}
        said = list(_said_by(self.model, data, place))
        written = next((one for one in said if one in lines), None)
        return tuple(one for one in written or next(iter(said), ()) if isinstance(one, str))


def rendered(declared: Iterable[Declared], checks: Iterable[Check]) -> Outcome:
    """What checks say of what would be rendered."""
    sources: dict[int, _Source] = {}
    world = World()
    for one in declared:
        for source, data in _objects(one):
            standing = Standing(Deployed(data), str(data["metadata"].get("namespace") or ""), Origin(""))
            sources[id(standing)] = source
            world.objects.append(standing)
    view = View(Adopted(None, world, engines_in(world), [], [], [], []))
    made = run(view, [one for one in checks if not one.reads & _ABOUT_OTHERS])
    made.findings = _merged(made.findings, sources)
    return made


def _objects(declared: Declared) -> Iterator[tuple[_Source, Mapping[str, Any]]]:
    if declared.model is None:
        return
    for layer in LAYERS:
        if not _meant(declared.model, layer.id):
            continue
        source = _Source(declared, declared.model, layer.id)
        for data in layer.render(declared.model):
            if data["kind"] in KINDS:
                yield source, data


def _meant(model: Model, layer: str) -> bool:
    """Is it rendered for this layer: the one that serves, or one that the file speaks of?"""
    spoken = layer.replace("-", "_") in model.spec.layers.model_fields_set
    return (layer == model.spec.layer or spoken) and model.spec.layers.block(layer).written is None


def _merged(findings: Iterable[Finding], sources: Mapping[int, _Source]) -> list[Finding]:
    """In the words of the Model, once where several layers have the same."""
    kept: dict[tuple[str, str, str], tuple[Finding, list[str]]] = {}
    for one in findings:
        standing = one.told.standing
        source = sources.get(id(standing))
        if standing is None or source is None:
            continue
        where = f"{source.declared.path}:{source.line(standing.data, one.told.place)}"
        layers = kept.setdefault((one.check.id, where, one.told.what), (replace(one, where=where), []))[1]
        layers += [source.layer] if source.layer not in layers else []
    return [
        replace(one, object=f"Model {sources[id(one.told.standing)].model.name}", told=_told(one, layers, sources))
        for one, layers in kept.values()
    ]


def _told(one: Finding, layers: list[str], sources: Mapping[int, _Source]) -> Told:
    """Nothing of it can be mended here, since what is rendered has no file: what to do is said of the Model."""
    standing = one.told.standing
    field = sources[id(standing)].field(standing.data, one.told.place) if standing is not None else ()
    what = f"rendered for {' and '.join(layers)}: {one.told.what}"
    return replace(one.told, what=what, next_action=remedy_of(one, field), fixes=())


def _fields(source: _Source, data: Mapping[str, Any], place: Place) -> Iterator[Place]:
    """Fields of a Model that may say it, the nearest first; a layer's own before everybody's."""
    for one in _said_by(source.model, data, place):
        if one[:1] == ("spec",):
            yield ("spec", "layers", source.layer, *one[2 if one[1] == "engine" else 1 :])
        yield one
        if len(one) > 2:
            yield one[:-1]


def _said_by(model: Model, data: Mapping[str, Any], place: Place) -> Iterator[Place]:
    words = {str(part) for part in place}
    if "args" in words:
        yield from _of_argument(model, str(_get(data, place)))
    if "env" in place:
        variable = _get(data, place[: place.index("env") + 2])
        yield ("spec", "engine", "env", str(variable.get("name") if isinstance(variable, Mapping) else ""))
    for name, fields in _BY_WORD.items():
        if name in words:
            yield from fields
    if place[:1] == ("metadata",):
        yield ("metadata", "name")


def _of_argument(model: Model, text: str) -> Iterator[Place]:
    own = model.spec.engine.args
    if text in own:
        yield ("spec", "engine", "args", own.index(text))
    name = text.strip("'").removeprefix("--").partition("=")[0]
    if name in _BY_FLAG:
        yield _BY_FLAG[name]
    yield ("spec", "engine", "args")


_BY_FLAG: Mapping[str, Place] = {
    "max-model-len": ("spec", "contract", "maxModelLen"),
    "served-model-name": ("spec", "servedModelName"),
    "enable-auto-tool-choice": ("spec", "contract", "toolCalls"),
    "tensor-parallel-size": ("spec", "accelerator", "gpusPerReplica"),
    "shutdown-timeout": ("spec", "engine", "shutdown"),
}
_BY_WORD: Mapping[str, tuple[Place, ...]] = {
    "resources": (("spec", "resources"), ("spec", "accelerator")),
    "image": (("spec", "engine", "image"),),
    "env": (("spec", "engine", "env"),),
    "startupProbe": (("spec", "engine", "startupSeconds"),),
    "lifecycle": (("spec", "engine", "shutdown"),),
    "terminationGracePeriodSeconds": (("spec", "engine", "shutdown"),),
    "model": (("spec", "weights", "huggingFace", "repo"),),
    "prefill": (("spec", "layers", "llm-d", "prefill"),),
    "replicas": (("spec", "replicas"),),
    "strategy": (("spec", "replicas"),),
    "deploymentStrategy": (("spec", "replicas"),),
}


def _get(data: Any, place: Place) -> Any:
    for part in place:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
