"""Which Applications a profile makes appear and vanish: the repository against what is in the cluster. Pure.

Two ways lead to an Application's end. An ApplicationSet deletes what it made and makes no more. A group's Application
prunes what is gone from its folder, and takes all of its own along when it is deleted itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pointsman.catalog.appset import AppSet, Generated
from pointsman.catalog.profile import Profile
from pointsman.root.applications import Key, Object, children_of, deletes, made_by
from pointsman.root.burden import is_left

__all__ = ["Changes", "Ending", "changes"]


@dataclass(frozen=True, slots=True)
class Ending:
    """An Application that vanishes."""

    key: Key
    why: str
    home: str = ""
    """Namespace in which a bare name is enough."""

    @property
    def label(self) -> str:
        """What people call it: its name, with its namespace where that is not the sets' own."""
        return self.key[1] if self.key[0] == self.home else f"{self.key[0]}/{self.key[1]}"


@dataclass(slots=True)
class Changes:
    """What would be otherwise."""

    appear: dict[Key, str] = field(default_factory=dict)
    """And what makes each."""
    vanish: dict[Key, Ending] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What stays although one might think otherwise, and what cannot be told."""


def changes(profile: Profile, live: Mapping[Key, Object]) -> Changes:
    """Compare."""
    found = Changes()
    for one in profile.sets:
        _of_set(one, profile.generated[one.name], live, found)
        for made in profile.generated[one.name]:
            _of_group(made, profile, live, found)
    for key in [*found.vanish]:
        _along(key, live, found)
    home = profile.sets[0].namespace
    found.vanish = {key: replace(one, home=home) for key, one in found.vanish.items()}
    return found


def _of_set(one: AppSet, made: list[Generated], live: Mapping[Key, Object], found: Changes) -> None:
    wanted = {(each.namespace, each.name) for each in made}
    owned = {key for key, app in live.items() if key[0] == one.namespace and made_by(app, one.name)}
    for key in sorted(wanted - live.keys()):
        found.appear[key] = f"ApplicationSet {one.name}"
    for key in sorted((wanted & live.keys()) - owned):
        found.notes.append(
            f"{_told(key)} is there and was not made by ApplicationSet {one.name}, which will not touch it"
        )
    for key in sorted(owned - wanted):
        if one.deletes:
            found.vanish[key] = Ending(key, f"ApplicationSet {one.name} makes it no more")
        else:
            found.notes.append(f"{_told(key)} is made no more, but stays: applicationsSync is {one.policy}")


def _of_group(made: Generated, profile: Profile, live: Mapping[Key, Object], found: Changes) -> None:
    group, app = made.element["name"], live.get((made.namespace, made.name))
    folder = profile.children[group]
    if folder is None:
        found.notes.append(f"what group {group} deploys cannot be told: Argo CD renders its folder")
        return
    wanted = {(one.namespace, one.name) for one in folder}
    for key in sorted(wanted - live.keys()):
        found.appear[key] = f"group {group}"
    for key in sorted(set(children_of(app)) - wanted) if app else ():
        if key not in live:
            continue
        if made.prunes and not _kept(live[key]):
            found.vanish.setdefault(key, Ending(key, f"it is gone from the folder of group {group}"))
        else:
            found.notes.append(f"{_told(key)} is gone from the folder of group {group}, but stays: it is not pruned")


def _kept(app: Object) -> bool:
    said = str((app["metadata"].get("annotations") or {}).get("argocd.argoproj.io/sync-options", ""))
    return "Prune=false" in (one.strip() for one in said.split(","))


def _along(key: Key, live: Mapping[Key, Object], found: Changes) -> None:
    """What a deleted Application takes along, and what those take along."""
    if not deletes(live[key]):
        return
    for child in children_of(live[key]):
        if child not in live or child in found.vanish:
            continue
        if is_left(live[child]):
            found.notes.append(f"{_told(child)} stays though {_told(key)} goes: it is marked Delete=false")
            continue
        found.vanish[child] = Ending(child, f"{_told(key)} takes it along")
        _along(child, live, found)


def _told(key: Key) -> str:
    return f"Application {key[1]}"
