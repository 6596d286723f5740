"""What each command that only reads asks a cluster for: the same lists that the commands themselves are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from pointsman.errors import UsageError
from pointsman.kube.resources import kind_of
from pointsman.kube.rights import Right, rights
from pointsman.move.holding.lock import NAMESPACE

if TYPE_CHECKING:
    from pointsman.kube.roles import Object
    from pointsman.spec.model import Model

__all__ = ["COMMANDS", "reading_roles"]

PURPOSE = "What pointsman {} reads; nothing is changed."
SPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}


def _lists(names: Iterable[str]) -> list[Right]:
    return [right for name in names for right in rights(["list"], kind_of(name))]


def _spaces() -> list[Right]:
    """Whether a namespace that is named with ``-n`` is there."""
    return rights(["get"], kind_of("Namespace"))


def _records() -> list[Right]:
    """What the cluster keeps of models and moves."""
    return rights(["get", "list"], kind_of("ConfigMap"), NAMESPACE)


def _status(models: Sequence[Model]) -> list[Right]:
    from pointsman.cli.edges import edge_rights
    from pointsman.layers.registry import LAYERS
    from pointsman.move.plan.rights import rights_to_show

    shown = [right for model in models for right in rights_to_show(model, LAYERS)]
    edges = [right for model in models for right in edge_rights(model) if right.verb in ("get", "list")]
    return [*shown, *edges, *_records(), *rights(["get", "list"], kind_of("Lease"), NAMESPACE)]


def _cost(models: Sequence[Model]) -> list[Right]:
    from pointsman.cost.account import KINDS
    from pointsman.layers.registry import LAYERS

    engines = {one.namespace for model in models for layer in LAYERS for one in layer.engines(model)}
    asked = [
        right for space in sorted(engines) for right in rights(["get"], kind_of("Pod"), space, subresource="proxy")
    ]
    return [*_lists(KINDS), *_spaces(), *asked, *_edges(models), *_records()]


def _audit(models: Sequence[Model]) -> list[Right]:
    from pointsman.audit.audit import LISTED
    from pointsman.layers.kserve_config import CONFIGURATION

    leases = rights(["get", "list"], kind_of("Lease"), NAMESPACE)
    kserve = rights(["get"], CONFIGURATION.kind, CONFIGURATION.namespace, name=CONFIGURATION.name)
    return [*_lists(LISTED), *_spaces(), *_edges(models), *_records(), *leases, *kserve]


def _edges(models: Sequence[Model]) -> list[Right]:
    """Where aliases lead, as it is declared: two objects, by their names."""
    from pointsman.cli.edges import edge_rights

    kinds = {kind_of("ConfigMap"), kind_of("Deployment")}
    return [
        one for model in models for one in edge_rights(model) if one.verb == "get" and one.kind in kinds and one.name
    ]


def _doctor(models: Sequence[Model]) -> list[Right]:
    from pointsman.checks.catalogue import CHECKS
    from pointsman.checks.check import Source
    from pointsman.checks.cluster import SERVER, kinds_listed

    listed = sorted(kinds_listed([one for one in CHECKS if Source.cluster in one.sources]) - {SERVER})
    return [*_lists(listed), *_spaces()]


def _adopt(models: Sequence[Model]) -> list[Right]:
    from pointsman.adopt.living import KINDS

    return _lists(KINDS)


COMMANDS: Mapping[str, Callable[[Sequence[Model]], list[Right]]] = {
    "status": _status,
    "cost": _cost,
    "audit": _audit,
    "doctor": _doctor,
    "adopt": _adopt,
}
"""By the command's name; ``adopt`` is ``adopt --live``."""
WITHOUT_MODELS = frozenset({"doctor", "adopt"})


def reading_roles(
    commands: Sequence[str], models: Callable[[], Sequence[Model]], prefix: str, subjects: Sequence[Object]
) -> list[Object]:
    """A role for what is in the whole cluster, and one for each namespace, with bindings to ``subjects``.

    Raises UsageError for a command that does not only read. ``models`` are asked for where a command needs them.
    """
    from pointsman.kube.roles import binding, role

    for one in commands:
        if one not in COMMANDS:
            raise UsageError(
                f"{one[:40]!r} is no command that only reads", next_action=f"use one of: {', '.join(COMMANDS)}"
            )
    known = models() if set(commands) - WITHOUT_MODELS else []
    wanted: dict[str, set[Right]] = {}
    for right in {right for one in commands for right in COMMANDS[one](known)}:
        wanted.setdefault(right.namespace or "", set()).add(right)
    purpose = PURPOSE.format(", ".join(dict.fromkeys(commands)))
    made = [role(f"{prefix}-reads", space or None, purpose, some) for space, some in sorted(wanted.items())]
    spaces = [SPACE] if NAMESPACE in wanted else []
    return [*spaces, *made, *(binding(one, subjects) for one in made if subjects)]
