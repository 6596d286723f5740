"""What whoever carries a move out must be allowed to do: everything from the first look to the last step and back.

A right that is missing would else be met in the middle, where the way back may need it too. ``docs/rights.yaml`` gives
these and no more.
"""

from __future__ import annotations

from collections.abc import Iterable

from pointsman.edge.contract import Edge
from pointsman.kube.resources import Ref, kind_of, ref_of
from pointsman.kube.rights import Right, rights
from pointsman.layers.contract import Layer
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.plan.reaching import rights_to_look_around
from pointsman.owners.reading import rights_to_look
from pointsman.spec.model import Model

__all__ = ["rights_of", "rights_to_know"]

_LOOK = ("get", "list", "watch")


def rights_of(model: Model, source: Layer, target: Layer, edge: Edge) -> list[Right]:
    """For a move of ``model`` between two layers; the source's objects are there already, and stay."""
    made = [right for one in target.render(model) for right in _on(["create", "delete"], ref_of(one))]
    return [*_everywhere(), *_own(), *edge.rights(), *made, *_layer(model, target), *_layer(model, source)]


def rights_to_know() -> list[Right]:
    """What a plan looks at beyond that, in the whole cluster. It goes on without, and says what it does not know."""
    return [*rights_to_look(), *rights_to_look_around(), *rights(["list"], kind_of("PodDisruptionBudget"))]


def _on(verbs: Iterable[str], ref: Ref) -> list[Right]:
    """On all objects of a kind, where ``ref`` is one."""
    return rights(verbs, ref.kind, ref.namespace)


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
    if auth := model.spec.contract.auth:
        found += rights(["get"], kind_of("Secret"), layer.namespace(model), name=auth.secret)
    for engines in layer.engines(model):
        pods, where = kind_of("Pod"), engines.namespace
        found += rights(_LOOK, pods, where)
        found += rights(["get"], pods, where, subresource="log")
        found += rights(["get"], pods, where, subresource="proxy")
        found += rights(["get", "create"], pods, where, subresource="portforward")
    point = layer.endpoint(model)
    service = point.road[0] if point.road else point.service
    return found + rights(["get", "create"], service.kind, service.namespace, subresource="proxy")
