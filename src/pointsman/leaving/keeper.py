"""Applications that keep a layer's objects, and what stands in the way of their end (argo-cd 3.2). Pure.

With Argo CD's finalizer an Application takes all of its objects along, claims too; without, all of them are left
running. It comes back where something makes it. It does not end while an operation is set or Argo CD is told to leave
it alone, and never while its project is gone; a folder that is gone from git holds nothing up (all seen on 3.2.6).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.standing import standing
from pointsman.kube.resources import Ref
from pointsman.owners.marks import tracked
from pointsman.root.applications import Tracked, children_of, deletes, here, key_of, made_by, tracked_by
from pointsman.root.burden import LOOKED_UP

__all__ = ["Keeper", "Maker", "Trap", "keepers", "traps_of"]

Object = Mapping[str, Any]
CLAIM = "PersistentVolumeClaim"


@dataclass(frozen=True, slots=True)
class Maker:
    """What made an Application, and may make it again."""

    name: str
    """``ApplicationSet serving``, ``Application group-kserve``."""
    path: str = ""
    """Where the Application's manifest is in git; empty when it is a template's."""
    alone: bool = False
    """Is it the only one of its group?"""
    repeats: bool = True
    """Does it come back by itself? Otherwise when somebody syncs the maker."""

    @property
    def advice(self) -> str:
        """How the Application goes for good."""
        if not self.path:
            return f"take it out of what {self.name} is made of, commit and push"
        gate = ", or turn its group off: pointsman features disable FEATURE && pointsman resolve" if self.alone else ""
        return f"take its manifest out of {self.path} in git{gate}; then commit and push"


@dataclass(frozen=True, slots=True)
class Keeper:
    """One Application that keeps objects of a layer."""

    app: Application
    maker: Maker | None
    ours: tuple[Tracked, ...]
    others: tuple[Tracked, ...]
    """What it keeps besides."""

    @property
    def deletes(self) -> bool:
        """Does its end delete its objects?"""
        return deletes(self.app.raw)

    @property
    def comes_back(self) -> bool:
        """Is it made again when it is deleted?"""
        return self.maker is not None and self.maker.repeats

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {
            "name": self.app.name,
            "objects": "deleted" if self.deletes else "left running",
            "madeBy": self.maker.name if self.maker else "",
            "others": [str(one) for one in self.others],
        }


@dataclass(frozen=True, slots=True)
class Trap:
    """What bites whoever deletes an Application, and what to do about it."""

    code: str
    what: str
    remedy: str
    stops: bool = False
    """May nothing be begun?"""
    by: Ref | None = None
    """Whose object it is that bites, where that is one: it does not, once that goes too."""
    brief: str = ""
    """The same in few words, for whoever was just shown all of it."""

    def as_dict(self) -> dict[str, Any]:
        """The fields under stable names."""
        return {"code": self.code, "what": self.what, "remedy": self.remedy, "stops": self.stops}


def keepers(apps: Iterable[Object], objects: Mapping[Ref, Object | None], sets: Iterable[Object]) -> list[Keeper]:
    """Every Application that lists one of the objects, or that one of them names as its own."""
    known, made = list(apps), list(sets)
    return [one for app in known if (one := _keeper(app, known, made, objects)) is not None]


def _keeper(
    app: Object, apps: Collection[Object], sets: Collection[Object], objects: Mapping[Ref, Object | None]
) -> Keeper | None:
    listed = tracked_by(app) or []
    wanted = {(ref.kind.group, ref.kind.name, ref.namespace or "", ref.name) for ref in objects}
    ours = [one for one in listed if (one.group, one.kind, one.namespace, one.name) in wanted]
    named = any(live is not None and _names(live, ref, app) for ref, live in objects.items())
    if not named and not (ours and here(app)):
        return None
    others = [one for one in listed if one not in ours]
    return Keeper(Application(app), _maker(app, apps, sets), tuple(ours), tuple(others))


def _names(live: Object, ref: Ref, app: Object) -> bool:
    marked = tracked(live, ref)
    return marked is not None and marked.name == key_of(app)[1] and marked.namespace in ("", key_of(app)[0])


def _maker(app: Object, apps: Collection[Object], sets: Collection[Object]) -> Maker | None:
    owners = app["metadata"].get("ownerReferences") or []
    for name in (str(one.get("name")) for one in owners if one.get("kind") == "ApplicationSet"):
        policy = next((_policy(one) for one in sets if key_of(one) == (key_of(app)[0], name)), "sync")
        return Maker(f"ApplicationSet {name}", repeats=policy in ("sync", "create-only", "create-update"))
    for parent in apps:
        children = children_of(parent)
        if key_of(app) in children:
            kept = Application(parent)
            path = ", ".join(str(one.get("path")) for one in kept.sources if one.get("path"))
            whose = {name for name in (one for one in _sets_of(parent)) if made_by(parent, name)}
            alone = len(children) == 1 and bool(whose)
            return Maker(f"Application {key_of(parent)[1]}", path or "its source", alone, kept.automated)
    return None


def _sets_of(app: Object) -> Iterator[str]:
    for one in app["metadata"].get("ownerReferences") or []:
        yield str(one.get("name"))


def _policy(found: Object) -> str:
    said = ((found.get("spec") or {}).get("syncPolicy") or {}).get("applicationsSync")
    return str(said or "sync")


def traps_of(keeper: Keeper, now: datetime) -> Iterator[Trap]:
    """What there is to know before it is deleted."""
    app, patch = keeper.app, f"kubectl -n {keeper.app.metadata.get('namespace')} patch application"
    name = str(app.metadata.get("name"))
    yield from _of_objects(keeper, name)
    if app.operation is not None:
        stands = standing(app, now)
        remedy = stands.advice or "wait until it is over, then run this again"
        yield Trap(
            code="teardown-operation",
            what=f"Application {name} does not end while {stands.sentence}",
            remedy=remedy,
            stops=True,
        )
    if app.skipped:
        what = f"Application {name} has annotation skip-reconcile, so Argo CD would not notice that it is deleted"
        take = f"kubectl -n {app.metadata.get('namespace')} annotate application {name} argocd.argoproj.io/"
        yield Trap(code="teardown-skip-reconcile", what=what, remedy=f"{take}skip-reconcile-", stops=True)
    hopeless = [one for one in app.errors if one.startswith("InvalidSpecError")]
    if keeper.deletes and hopeless:
        what = f"Application {name} may never end, as Argo CD does not know its project or cluster ({hopeless[0]})"
        free = f"""{patch} {name} --type merge -p '{{"metadata":{{"finalizers":null}}}}'"""
        yield Trap(
            code="teardown-unreadable",
            what=what,
            remedy=f"if it hangs: {free}, then run this again, which deletes what it left",
        )
    if keeper.maker is not None:
        again = "by itself" if keeper.maker.repeats else f"when somebody syncs {keeper.maker.name}"
        what = f"Application {name} is made by {keeper.maker.name}, and comes back {again}"
        yield Trap(code="teardown-made-again", what=what, remedy=keeper.maker.advice)


def _run_on(count: int) -> str:
    return "its 1 object runs on" if count == 1 else f"its {count} objects run on"


def _of_objects(keeper: Keeper, name: str) -> Iterator[Trap]:
    held = [one for one in keeper.others if (one.group, one.kind) in LOOKED_UP]
    if held:
        what = f"Application {name} keeps more than this layer: {', '.join(map(str, held[:3]))}"
        remedy = "take the layer's manifests out of its folder in git and sync it with prune; then run this again"
        yield Trap(code="teardown-shared", what=what, remedy=remedy, stops=True)
    if not keeper.deletes:
        what = f"Application {name} has no finalizer: when it goes, {_run_on(len(keeper.ours))}"
        yield Trap(
            code="teardown-no-finalizer", what=what, remedy="nothing: they are deleted here after it, one by one"
        )
    elif claims := [one for one in keeper.ours if one.kind == CLAIM]:
        what = f"Application {name} has Argo CD's finalizer, which deletes {', '.join(map(str, claims))} too"
        yield Trap(code="teardown-volumes", what=what, remedy="--keep-volumes keeps them")
