"""Roles for whoever moves models: for the whole cluster, our own namespace, each edge, each namespace of layers.

They hold what moves of these models ask for and no more, each object by its name where that is known beforehand.
Names of pods and of journals are not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pointsman.kube.rights import Right
from pointsman.kube.roles import Object, binding, role
from pointsman.layers.contract import Layer
from pointsman.move.holding.lock import NAMESPACE
from pointsman.move.plan.rights import Rights, rights_to_know, rights_to_show
from pointsman.spec.model import Model

__all__ = ["controllers_among", "roles"]

VIEW = "What plans count and look at, and what pointsman status shows, in the whole cluster; nothing is changed."
OWN = "Journals, records of models and locks. Who may write here decides what a resume or rollback does."
EDGE = (
    "The proxy that tenants talk to: its configuration and its rolls, its counters, and the key that may ask for them."
)
LAYERS = "Objects that serve models here, and their engines: counters, logs, and requests past the edge."

_CONTROLLERS = frozenset(
    {
        *("argo-rollouts", "argocd", "cert-manager", "flux-system", "gatekeeper-system", "gpu-operator"),
        *("istio-system", "keda", "knative-serving", "kserve", "kyverno", "lws-system", "monitoring"),
    }
)
"""Namespaces that charts put controllers into by default; those that begin with kube- or openshift- are such too."""


def roles(
    wanted: Sequence[tuple[Model, Rights]],
    layers: Sequence[Layer],
    *,
    prefix: str,
    any_name: bool = False,
    subjects: Sequence[Object] = (),
) -> list[Object]:
    """Manifests: our own namespace, the roles, and bindings of each to ``subjects``.

    Args:
        wanted: each model with what its moves ask for.
        layers: those that they move between.
        prefix: what the roles' names begin with.
        any_name: do not hold the layers' rights to the names of these models' objects: for models to come too.
        subjects: as RBAC writes them; none: no bindings.
    """
    everywhere, own, edges, places = set(rights_to_know()), set[Right](), defaultdict(set), defaultdict(set)
    for model, some in wanted:
        everywhere |= {*some.everywhere, *rights_to_show(model, layers)}
        own |= set(some.own)
        for right in some.edge:
            edges[right.namespace or ""].add(right)
        for right in some.layers:
            places[right.namespace or ""].add(replace(right, name="") if any_name else right)
    made = [
        role(f"{prefix}-view", None, VIEW, everywhere),
        role(f"{prefix}-own", NAMESPACE, OWN, own),
        *(role(f"{prefix}-edge", space, EDGE, some) for space, some in sorted(edges.items())),
        *(role(f"{prefix}-layers", space, LAYERS, some) for space, some in sorted(places.items())),
    ]
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return [space, *made, *(binding(one, subjects) for one in made if subjects)]


def controllers_among(namespaces: Iterable[str], webhooks: Iterable[Object] = ()) -> list[str]:
    """Those namespaces where controllers run: by name, or because one answers the API server's webhooks from there."""
    answering = {
        ((hook.get("clientConfig") or {}).get("service") or {}).get("namespace")
        for one in webhooks
        for hook in one.get("webhooks") or ()
    }
    return sorted(
        space
        for space in set(namespaces)
        if space in _CONTROLLERS or space in answering or space.startswith(("kube-", "openshift-"))
    )
