"""What other people do to a platform while a model moves on it, as changes of single objects: no cluster, no clock.

Each names the object it is done to and says what comes of it, so that a test in memory and one in the lab can make
the same edits with writers of their own.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Layer
from pointsman.move.boundary import Object
from pointsman.spec.model import Model

__all__ = ["EDITS", "Edit", "Place", "named"]

SYSTEM = "pointsman-system"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the edits are made."""

    model: Model
    source: Layer
    target: Layer
    before: str
    """The edge's configuration when the move began."""
    move: str = ""
    """The move's name, when it has one already."""

    def edge(self, kind: str) -> Ref:
        """An object of the edge by its kind."""
        edge = self.model.spec.tenant.edge
        names = {
            "ConfigMap": edge.config_map,
            "Deployment": edge.deployment,
            "Service": edge.service,
            "Secret": edge.master_key.secret,
        }
        return Ref(kind_of(kind), names[kind], edge.namespace)

    @property
    def key(self) -> str:
        """Of the configuration in the ConfigMap."""
        return self.model.spec.tenant.edge.key


Change = Callable[[Object, Place], Object | None]


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that somebody does."""

    id: str
    ref: Callable[[Place], Ref]
    change: Change
    """The object as it is and as it will be: None when it is deleted. An object that does not exist is left alone."""
    harsh: bool = False
    """Does it take away what tenants may be served by? Then requests are lost, and a move still has to end."""
    by_hand: bool = False
    """May somebody have to take it back by hand? Where not, commands of ours alone end a move."""

    def __str__(self) -> str:
        return self.id


def named(ids: Sequence[str]) -> list[Edit]:
    """Edits by their ids."""
    known = {one.id: one for one in EDITS}
    return [known[one] for one in ids]


def _text(change: Callable[[str, Place], str]) -> Change:
    """An edit of the edge's configuration."""

    def act(found: Object, place: Place) -> Object:
        changed = copy.deepcopy(found)
        changed["data"][place.key] = change(found["data"][place.key], place)
        return changed

    return act


def _merged(found: Object, more: Object) -> Object:
    changed = dict(found)
    for key, value in more.items():
        inner = changed.get(key)
        if value is None:
            changed.pop(key, None)
        else:
            changed[key] = (
                _merged(inner if isinstance(inner, dict) else {}, value) if isinstance(value, dict) else value
            )
    return changed


def _merge(body: Object) -> Change:
    """A merge patch."""
    return lambda found, place: _merged(found, body)


def _annotated(annotations: dict[str, str | None]) -> Change:
    """An edit of the pod template's annotations: it rolls the pods."""
    return _merge({"spec": {"template": {"metadata": {"annotations": annotations}}}})


def _delete(found: Object, place: Place) -> None:
    """It is deleted."""


def _edge(kind: str) -> Callable[[Place], Ref]:
    return lambda place: place.edge(kind)


def _source(place: Place) -> Ref:
    return place.source.reads(place.model)[0]


def _target(place: Place) -> Ref:
    return place.target.reads(place.model)[0]


def _lease(place: Place) -> Ref:
    return Ref(kind_of("Lease"), f"move-{place.model.name}", SYSTEM)


def _journal(place: Place) -> Ref:
    return Ref(kind_of("ConfigMap"), place.move, SYSTEM)


def _weights(text: str, place: Place) -> str:
    """Somebody evens the shares of an alias out, because they seem odd."""
    return re.sub(r"(?m)^(\s+weight:\s*)[0-9.]+", r"\g<1>1", text)


def _another(
    text: str, place: Place, base: str = "http://other.invalid/v1", served: str = "other", name: str = "added-meanwhile"
) -> str:
    """Somebody adds an alias; by itself it has nothing to do with the model."""
    if name in text:
        return text
    entry = (
        f"  - model_name: {name}\n    litellm_params: {{model: openai/{served}, api_base: '{base}', api_key: none}}\n"
    )
    dash = re.search(r"(?m)^( *)- ", text)
    if dash is None:
        return text
    indent = dash[1]
    shifted = "".join(f"{indent}{line[2:]}\n" for line in entry.splitlines())
    return f"{text[: dash.start()]}{shifted}{text[dash.start() :]}"


def _alias_on(text: str, layer: Layer, place: Place) -> str:
    """Somebody points an alias of theirs at the engines of a layer."""
    base, served = layer.endpoint(place.model).base_url, place.model.spec.served_model_name
    return _another(text, place, base, served, f"added-on-{layer.id}")


def _strategy(text: str, place: Place) -> str:
    """Somebody has LiteLLM choose another way."""
    return re.sub(r"(?m)^router_settings:\n", "router_settings:\n  routing_strategy: least-busy\n", text)


def _quoted(text: str, place: Place) -> str:
    """Somebody puts weights into quotes, on which LiteLLM fails every request."""
    return re.sub(r"(?m)^(\s+weight:\s*)([0-9.]+)", r'\g<1>"\g<2>"', text)


def _more_env(found: Object, place: Place) -> Object:
    changed: Object = copy.deepcopy(found)
    container = changed["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [*container.get("env", []), {"name": "LITELLM_LOG", "value": "WARNING"}]
    return changed


EDITS: tuple[Edit, ...] = (
    Edit("config-put-back", _edge("ConfigMap"), _text(lambda text, place: place.before)),
    Edit("config-comment", _edge("ConfigMap"), _text(lambda text, place: f"# seen by the platform team\n{text}")),
    Edit("config-another-alias", _edge("ConfigMap"), _text(_another)),
    Edit("config-weights-evened", _edge("ConfigMap"), _text(_weights)),
    Edit("config-broken", _edge("ConfigMap"), _text(lambda text, place: f"{text}\n  ]: broken\n"), harsh=True),
    Edit("config-emptied", _edge("ConfigMap"), _text(lambda text, place: "model_list: []\n"), harsh=True),
    Edit("config-deleted", _edge("ConfigMap"), _delete, harsh=True),
    Edit(
        "config-alias-on-source",
        _edge("ConfigMap"),
        _text(lambda text, place: _alias_on(text, place.source, place)),
        by_hand=True,
    ),
    Edit(
        "config-alias-on-target",
        _edge("ConfigMap"),
        _text(lambda text, place: _alias_on(text, place.target, place)),
        by_hand=True,
    ),
    Edit("config-strategy", _edge("ConfigMap"), _text(_strategy)),
    Edit("config-weights-as-text", _edge("ConfigMap"), _text(_quoted), harsh=True),
    Edit(
        "edge-restarted", _edge("Deployment"), _annotated({"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"})
    ),
    Edit("edge-helm-checksum", _edge("Deployment"), _annotated({"checksum/config": "8f14e45fceea167a"})),
    Edit("edge-our-annotation-gone", _edge("Deployment"), _annotated({"pointsman.dev/edge-revision": None})),
    Edit("edge-two-replicas", _edge("Deployment"), _merge({"spec": {"replicas": 2}})),
    Edit("edge-env", _edge("Deployment"), _more_env),
    Edit("edge-paused", _edge("Deployment"), _merge({"spec": {"paused": True}}), by_hand=True),
    Edit("edge-deleted", _edge("Deployment"), _delete, harsh=True),
    Edit(
        "edge-recreate",
        _edge("Deployment"),
        _merge({"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}),
        by_hand=True,
    ),
    Edit("key-deleted", _edge("Secret"), _delete, harsh=True),
    Edit("key-changed", _edge("Secret"), _merge({"data": {"master-key": "c2stYW5vdGhlci1rZXk="}}), harsh=True),
    Edit("service-deleted", _edge("Service"), _delete, harsh=True),
    Edit("edge-no-replica", _edge("Deployment"), _merge({"spec": {"replicas": 0}}), harsh=True),
    Edit("key-labelled", _edge("Secret"), _merge({"metadata": {"labels": {"rotated": "no"}}})),
    Edit("service-labelled", _edge("Service"), _merge({"metadata": {"labels": {"team": "platform"}}})),
    Edit("target-labelled", _target, _merge({"metadata": {"labels": {"team": "platform"}}})),
    Edit("target-deleted", _target, _delete, harsh=True),
    Edit("source-labelled", _source, _merge({"metadata": {"labels": {"team": "platform"}}})),
    Edit("source-deleted", _source, _delete, harsh=True),
    Edit("lock-deleted", _lease, _delete),
    Edit("journal-labels-gone", _journal, _merge({"metadata": {"labels": None}})),
)
"""From harmless ones to those that no move survives whole."""
