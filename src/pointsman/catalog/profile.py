"""What a profile applies, read from the repository: AppProjects first, then one ApplicationSet a layer, in order."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from pointsman.catalog.appset import AppSet, Generated, appset_in
from pointsman.catalog.manifests import Written, manifests_in, yaml_files
from pointsman.catalog.repository import Repository
from pointsman.catalog.resolution import Resolution
from pointsman.errors import RefusedError, SpecError, UsageError
from pointsman.spec.judging import nearest
from pointsman.spec.words import shown

__all__ = ["Child", "Profile", "appset_of", "children_in", "profile_of", "projects_of"]


@dataclass(frozen=True, slots=True)
class Child:
    """An Application in a group's folder of the catalog."""

    name: str
    namespace: str
    where: str
    automated: bool
    """Does Argo CD sync it by itself?"""

    @classmethod
    def of(cls, written: Written, namespace: str) -> Child:
        """The one in a manifest; ``namespace`` is its group's."""
        spec = written.data.get("spec")
        policy = spec.get("syncPolicy") if isinstance(spec, dict) else None
        automated = policy.get("automated") if isinstance(policy, dict) else None
        on = isinstance(automated, dict) and automated.get("enabled") is not False
        return cls(written.name, written.namespace or namespace, written.at(), on)


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile of one environment."""

    name: str
    projects: tuple[Written, ...]
    sets: tuple[AppSet, ...]
    generated: dict[str, list[Generated]]
    """By the set's name: the Applications it makes of the groups file on disk."""
    children: dict[str, list[Child] | None]
    """By the group's name, of groups that are on: the Applications in its folder; None where the folder is not plain
    manifests, so that only Argo CD can tell."""
    gpus: dict[str, int]
    """By the group's name, of groups that are on and need GPUs: how many."""

    @property
    def automatic(self) -> list[tuple[str, str]]:
        """Name and namespace of every Application that Argo CD syncs by itself, as far as the repository tells."""
        children = [one for each in self.children.values() for one in each or () if one.automated]
        made = [(one.name, one.namespace) for each in self.generated.values() for one in each]
        return [*made, *((one.name, one.namespace) for one in children)]


def profile_of(name: str, found: Resolution) -> Profile:
    """Read a profile; raises UsageError for an unknown one, RefusedError for a groups file that may not be applied."""
    repository = found.repository
    layers = _layers(name, repository)
    _refuse_groups_file(found)
    sets = tuple(appset_of(repository, layer) for layer in layers)
    _refuse_twins(sets)
    elements = [row.element for row in found.rows]
    generated = {one.name: one.generated(elements) for one in sets}
    _refuse_same_names(sets, generated)
    on = {each.element["name"]: each.element["catalogPath"] for made in generated.values() for each in made}
    children = {group: children_in(repository, folder, sets[0].namespace) for group, folder in on.items()}
    return Profile(name, projects_of(repository), sets, generated, children, _needed(repository, on))


def _layers(name: str, repository: Repository) -> tuple[str, ...]:
    profiles = repository.platform.spec.profiles
    if name not in profiles:
        near = nearest(name, list(profiles))
        raise UsageError(
            f"there is no profile {shown(name)}" + (f"; did you mean {near!r}?" if near else ""),
            next_action=f"use one of: {', '.join(profiles)}",
            code="profile-unknown",
        )
    return profiles[name]


def _needed(repository: Repository, on: Container[str]) -> dict[str, int]:
    needed = ((one, one.needs_gpus) for one in repository.platform.spec.warnings)
    return {group: gpus for one, gpus in needed for group in one.groups if gpus and group in on}


def _refuse_groups_file(found: Resolution) -> None:
    """From an empty list an ApplicationSet concludes that everything is to go (argo-cd 3.2)."""
    where, run = found.repository.named(found.path), "pointsman resolve, then commit and push what it wrote"
    if found.before is None:
        raise RefusedError("there is no groups file", where=where, next_action=run, code="groups-missing")
    if not found.before.strip():
        what = "the groups file is empty, which deletes every Application that was made of it"
        raise RefusedError(what, where=where, next_action=run, code="groups-empty")
    if found.before != found.after:
        what = "the groups file is not what the configuration resolves to"
        raise RefusedError(
            what, where=where, next_action=f"pointsman resolve --check shows it; {run}", code="groups-stale"
        )


def _refuse_twins(sets: tuple[AppSet, ...]) -> None:
    seen: dict[str, AppSet] = {}
    for one in sets:
        if one.name in seen:
            raise RefusedError(
                f"ApplicationSet {one.name} is there twice: in {seen[one.name].written.where} too",
                where=one.written.at("metadata", "name"),
                next_action="give each layer's a name of its own",
                code="appset-shape",
            )
        seen[one.name] = one


def _refuse_same_names(sets: tuple[AppSet, ...], generated: dict[str, list[Generated]]) -> None:
    """Two elements for one Application: each would undo the other's."""
    seen: dict[tuple[str, str], str] = {}
    for one in sets:
        for made in generated[one.name]:
            group = made.element["name"]
            if other := seen.get((made.namespace, made.name)):
                raise RefusedError(
                    f"Application {made.name} would be made of the groups {other} and {group}",
                    where=one.written.at("spec", "template", "metadata", "name"),
                    next_action="give the template a name of its own for each group: group-{{.name}}",
                    code="appset-shape",
                )
            seen[made.namespace, made.name] = group


def appset_of(repository: Repository, layer: str) -> AppSet:
    """A layer's ApplicationSet; raises RefusedError or SpecError where it is none, or not understood."""
    return appset_in(_appset(repository, layer), repository.named(repository.groups_file))


def _appset(repository: Repository, layer: str) -> Written:
    path = repository.path(repository.platform.spec.appsets) / f"{layer}.yaml"
    found = manifests_in(path, repository.root)
    if len(found) != 1:
        raise RefusedError(
            f"{len(found)} manifests are there, and one ApplicationSet is meant",
            where=repository.named(path),
            next_action="put one ApplicationSet there",
            code="appset-shape",
        )
    return found[0]


def projects_of(repository: Repository) -> tuple[Written, ...]:
    """The AppProjects; raises SpecError where there is none, or something else beside it."""
    folder = repository.path(repository.platform.spec.projects)
    files = yaml_files(folder, repository.root)
    found = [one for path in files for one in manifests_in(path, repository.root)]
    strange = [one for one in found if one.kind != "AppProject" or not one.namespace]
    if strange or not found:
        raise SpecError(
            "this is no AppProject with a namespace" if strange else "there is no AppProject",
            where=strange[0].at("kind") if strange else repository.named(folder),
            next_action="put the platform's AppProject there, and nothing else",
            code="project-missing",
        )
    return tuple(found)


_RENDERED = ("kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml")
"""Files that make Argo CD render a folder instead of applying what lies in it."""


def children_in(repository: Repository, folder: str, namespace: str) -> list[Child] | None:
    """The Applications in a group's folder; None where only Argo CD can tell what it holds."""
    path = repository.root / folder
    if not path.is_dir():
        raise SpecError(
            "a group that is on has no folder in the catalog, so its Application would stay broken",
            where=repository.named(path),
            next_action="add the folder, or turn the group off",
            code="catalog-missing",
        )
    if any((path / name).exists() for name in _RENDERED):
        return None
    found = [one for file in yaml_files(path, repository.root) for one in manifests_in(file, repository.root)]
    return [Child.of(one, namespace) for one in found if one.kind == "Application"]
