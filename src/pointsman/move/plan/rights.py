"""What whoever carries a move out must be allowed to do: everything from the first look to the last step and back.

A right that is missing would else be met in the middle, where the way back may need it too. ``pointsman rights`` makes
roles of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.kube.rights import Right, rights
from pointsman.layers.contract import Layer
from pointsman.move.deployed import deployed_by
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.plan.reaching import rights_to_look_around
from pointsman.owners.reading import rights_to_look
from pointsman.spec.model import Model

__all__ = ["Rights", "rights_of", "rights_to_know", "rights_to_show"]

_LOOK = ("get", "list", "watch")


@dataclass(frozen=True, slots=True)
class Rights:
    """Rights by what they are for. An object that is known beforehand is named."""

    everywhere: Sequence[Right]
    """What a plan counts, in the whole cluster."""
    own: Sequence[Right]
    """Journals, records of models, locks."""
    edge: Sequence[Right]
    """The proxy that tenants talk to."""
    layers: Sequence[Right]
    """The objects a layer is made of, and its engines."""

    def all(self) -> list[Right]:
        """Every one of them."""
        return [*self.everywhere, *self.own, *self.edge, *self.layers]


def rights_of(model: Model, edge: Sequence[Right], *, to: Sequence[Layer], source: Sequence[Layer] = ()) -> Rights:
    """For moves of ``model`` to any of the layers ``to``, from another of them or from ``source``.

    Args:
        model: what is moved.
        edge: what its edge asks for.
        to: layers that may be made and taken away.
        source: layers whose objects are there already, and stay.
    """
    made = [right for layer in to for one in layer.render(model) for right in _on(["create", "delete"], ref_of(one))]
    used = [right for layer in (*to, *source) for right in _layer(model, layer)]
    return Rights(everywhere=_everywhere(), own=_own(), edge=list(edge), layers=[*made, *used])


def rights_to_know() -> list[Right]:
    """What a plan looks at beyond that, in the whole cluster. It goes on without, and says what it does not know."""
    return [*rights_to_look(), *rights_to_look_around(), *rights(["list"], kind_of("PodDisruptionBudget"))]


def rights_to_show(model: Model, layers: Sequence[Layer]) -> list[Right]:
    """What ``pointsman status`` reads of the layers, in the whole cluster."""
    kinds = dict.fromkeys(ref.kind for layer in layers for ref in layer.reads(model))
    return [right for kind in kinds for right in rights(["get", "list"], kind)]


def _on(verbs: Iterable[str], ref: Ref) -> list[Right]:
    """On one object. A server-side apply that makes it is asked about by its name too (kubernetes 1.34, patch.go)."""
    return rights(verbs, ref.kind, ref.namespace, name=ref.name)


def _everywhere() -> list[Right]:
    """What a plan counts: nodes, and pods that take room on them."""
    return [
        *rights(["get"], kind_of("Namespace")),
        *rights(["list"], kind_of("Node")),
        *rights(["list"], kind_of("Pod")),
    ]


def _own() -> list[Right]:
    """The journal, the model's record, the lock."""
    return [
        *rights([*_LOOK, "create", "patch", "delete"], kind_of("ConfigMap"), NAMESPACE),
        *rights(["get", "create", "update"], kind_of("Lease"), NAMESPACE),
    ]


def _layer(model: Model, layer: Layer) -> list[Right]:
    found = [right for one in layer.render(model) for right in _on([*_LOOK, "patch"], ref_of(one))]
    found += [right for ref in layer.reads(model) for right in _on(_LOOK, ref)]
    found += [right for one in layer.park(model) for right in _on(["patch"], one.ref)]
    if application := deployed_by(model, layer):
        found += _on([*_LOOK, "patch"], application)
        found += rights(["get"], kind_of("AppProject"), application.namespace)
    if auth := model.spec.contract.auth:
        found += rights(["get"], kind_of("Secret"), layer.namespace(model), name=auth.secret)
    for engines in layer.engines(model):
        pods, where = kind_of("Pod"), engines.namespace
        found += rights(_LOOK, pods, where)
        found += rights(["get"], pods, where, subresource="log")
        found += rights(["get"], pods, where, subresource="proxy")
        found += rights(["get", "create"], pods, where, subresource="portforward")
    point = layer.endpoint(model)
    service, port = point.road[:2] if point.road else (point.service, point.port)
    asked = f"http:{service.name}:{port}"  # as the client names it in the path
    return found + rights(["get", "create"], service.kind, service.namespace, subresource="proxy", name=asked)
