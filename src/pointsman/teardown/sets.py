"""What a platform repository declared in the cluster: its ApplicationSets with all that they made, and its projects.

They go in the opposite of the order in which the widest profile applies them. Each Application's objects go with it
only where it has Argo CD's finalizer (argo-cd 3.2), so that is looked at first and added where it is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointsman.catalog.appset import AppSet
from pointsman.catalog.manifests import Written
from pointsman.catalog.profile import appset_of, projects_of
from pointsman.catalog.repository import Repository
from pointsman.delivery.argocd.application import Application
from pointsman.kube.resources import KINDS, Ref, kind_of
from pointsman.leaving.keeper import Keeper, Trap, traps_of
from pointsman.root.applications import Key, Object, Tracked, children_of, deletes, here, key_of, made_by, tracked_by
from pointsman.root.burden import LOOKED_UP

__all__ = ["Declared", "Platform", "SetView", "declared_in", "platform_of", "refs_of"]

_KINDS = {(kind.group, kind.name): kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Declared:
    """What the repository says: the ApplicationSets of its widest profile, in the order in which that applies them."""

    sets: tuple[AppSet, ...]
    projects: tuple[Written, ...]


def declared_in(repository: Repository) -> Declared:
    """Of a platform repository; raises RefusedError or SpecError where it is not understood."""
    widest = max(repository.platform.spec.profiles.values(), key=len)
    return Declared(tuple(appset_of(repository, one) for one in widest), projects_of(repository))


@dataclass(frozen=True, slots=True)
class SetView:
    """One ApplicationSet that is there."""

    ref: Ref
    apps: tuple[Object, ...]
    """Applications that it made, and those that these deployed; makers first."""

    @property
    def roots(self) -> list[Ref]:
        """Applications that it made itself."""
        return [
            Ref(kind_of("Application"), key_of(one)[1], key_of(one)[0])
            for one in self.apps
            if made_by(one, self.ref.name)
        ]

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        apps = [
            {
                "name": "/".join(key_of(one)),
                "finalizer": deletes(one),
                "objects": [str(each) for each in tracked_by(one) or []],
            }
            for one in self.apps
        ]
        return {"applicationSet": str(self.ref), "applications": apps}


@dataclass(frozen=True, slots=True)
class Platform:
    """All of them, in the order in which they go."""

    sets: tuple[SetView, ...] = ()
    projects: tuple[Ref, ...] = ()
    traps: tuple[Trap, ...] = ()

    def keeps(self, keeper: Keeper) -> bool:
        """Does this Application go with one of the ApplicationSets?"""
        return keeper.app.ref in {
            Ref(kind_of("Application"), *reversed(key_of(one))) for each in self.sets for one in each.apps
        }


def platform_of(
    declared: Declared, apps: Sequence[Object], sets: Sequence[Object], projects: Sequence[Object], now: datetime
) -> Platform:
    """Of the widest profile of the repository, what is there.

    Args:
        declared: as the repository has it.
        apps: all Applications.
        sets: all ApplicationSets.
        projects: all AppProjects.
        now: the time of day.
    """
    live = {key_of(one) for one in sets}
    known = {key_of(one): one for one in apps}
    views = tuple(
        SetView(Ref(kind_of("ApplicationSet"), one.name, one.namespace), tuple(_below(one.namespace, one.name, known)))
        for one in reversed(declared.sets)
        if (one.namespace, one.name) in live
    )
    going = {key_of(app) for view in views for app in view.apps}
    there = {key_of(one) for one in projects}
    wanted = [Ref(kind_of("AppProject"), one.name, one.namespace) for one in declared.projects]
    mine = tuple(ref for ref in wanted if (ref.namespace or "", ref.name) in there)
    used = {
        (key_of(app)[0], str((app.get("spec") or {}).get("project"))) for key, app in known.items() if key not in going
    }
    free = tuple(ref for ref in mine if (ref.namespace or "", ref.name) not in used)
    return Platform(views, free, tuple(_traps(views, now)))


def _below(namespace: str, name: str, known: Mapping[Key, Object]) -> Iterator[Object]:
    todo = sorted(key for key, app in known.items() if key[0] == namespace and made_by(app, name))
    seen: set[Key] = set()
    while todo:
        key = todo.pop(0)
        if key in seen or key not in known:
            continue
        seen.add(key)
        yield known[key]
        todo += children_of(known[key])


def _traps(views: Collection[SetView], now: datetime) -> Iterator[Trap]:
    for view in views:
        for app in view.apps:
            name = key_of(app)[1]
            held = [one for one in tracked_by(app) or [] if (one.group, one.kind) in LOOKED_UP]
            yield from (trap for trap in traps_of(Keeper(Application(app), None, (), ()), now) if trap.stops)
            if not here(app):
                what = f"Application {name} deploys to another cluster, which is not asked"
                yield Trap(code="teardown-elsewhere", what=what, remedy="look there when it is gone", stops=False)
            if not deletes(app):
                what = (
                    f"Application {name} has no finalizer: without one its objects ({len(held)} workloads) would run on"
                )
                yield Trap(code="teardown-no-finalizer", what=what, remedy="nothing: it is added before it is deleted")


def refs_of(entries: Sequence[Tracked]) -> list[Ref]:
    """Those of kinds that are known here."""
    return [
        Ref(_KINDS[one.group, one.kind], one.name, one.namespace or None)
        for one in entries
        if (one.group, one.kind) in _KINDS
    ]
