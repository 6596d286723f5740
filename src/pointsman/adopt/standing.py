"""Every object that a repository says is in the cluster, with the folder and the Application that it comes from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any

from pointsman.adopt.applications import Application
from pointsman.adopt.closure import FILES, Closure, closure_of
from pointsman.adopt.folder import Folder, objects_in
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.makers import foreign, label_of, made_into, makes, makes_routes, makes_somewhere
from pointsman.adopt.objects import Deployed, expanded
from pointsman.adopt.survey import FEW, Page, Survey
from pointsman.adopt.tree import OverError

__all__ = ["Origin", "Standing", "World", "world_of"]

KINDS = frozenset(
    (
        *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout", "LeaderWorkerSet"),
        *("InferenceService", "LLMInferenceService", "LLMInferenceServiceConfig"),
        *("ServingRuntime", "ClusterServingRuntime"),
        *("Service", "HTTPRoute", "Gateway", "InferencePool", "ConfigMap", "Secret", "Namespace"),
        *("HorizontalPodAutoscaler", "ScaledObject", "PodDisruptionBudget", "NetworkPolicy"),
        *("PersistentVolumeClaim", "PersistentVolume", "StorageClass", "ResourceQuota", "LimitRange"),
        *("Application", "ApplicationSet", "AppProject"),
    )
)
"""Kinds that say something of serving, or that checks look at."""
_PODS = frozenset({"Pod", "Job", "CronJob", "ReplicationController"})
"""Kinds that Services may lead to, and that nothing else is asked of."""
_GENERATOR = re.compile(r"\b(?:configMap|secret)Generator\b")
_ENGINES = frozenset({"Deployment", "StatefulSet", "LeaderWorkerSet", "InferenceService", "LLMInferenceService"})


@dataclass(frozen=True, slots=True)
class Origin:
    """Where objects come from."""

    path: str
    """The folder, or file; empty where they come from a cluster."""
    application: Application | None = None
    recurse: bool = False
    files: frozenset[str] = frozenset()
    single: bool = False
    """A file by itself, which no kustomization and no Application takes up."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One object."""

    deployed: Deployed
    namespace: str
    origin: Origin
    crowded: bool = False
    """Do other engines, which nobody deploys together with it, lie in its folder?"""

    @property
    def data(self) -> Mapping[str, Any]:
        """The object."""
        return self.deployed.data

    @property
    def kind(self) -> str:
        """``kind``."""
        return self.deployed.kind

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return self.deployed.name

    @property
    def where(self) -> str:
        """The line it begins in, or what it is called in the cluster."""
        return self.deployed.where or str(self)

    def at(self, *place: str | int) -> str:
        """The line of a part."""
        return self.deployed.at(*place) or str(self)

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(slots=True, repr=False)
class World:
    """What is in one cluster, by what is written or by what runs."""

    objects: list[Standing] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    applications: list[Application] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)
    """Kinds that could not be asked for, and why; forbidden is not absent."""
    absent: set[str] = field(default_factory=set)
    """Kinds that the cluster does not serve."""
    made: list[Standing] = field(default_factory=list)
    """What controllers made of other objects, whose makers are among ``objects``."""
    partly: dict[str, str] = field(default_factory=dict)
    """Namespaces that hold more than is known here, and why; empty text for all of them."""
    makers: dict[str, str] = field(default_factory=dict)
    """By namespace an object that may make pods and Services which are not known here; empty text for all of them."""
    routing: str = ""
    """An object that may lead requests on, as an HTTPRoute which is not written."""
    pods: list[Standing] = field(default_factory=list)
    """What else has pods."""
    listed: frozenset[str] | None = None
    """Kinds that a cluster was asked for; None where it is files."""
    _found: dict[tuple[str, str, str], Standing] = field(default_factory=dict)
    _by_kind: dict[str, list[tuple[int, Standing]]] = field(default_factory=dict)
    """With the number that each has among all."""
    _seen: int = 0

    def whole(self, namespace: str) -> str:
        """Why a namespace may hold more than is known; empty when it does not.

        Whatever says that something is not there asks this first: what was not read is not absent.
        """
        return self.partly.get(namespace) or self.partly.get("", "")

    def beyond(self, namespace: str) -> str:
        """Why pods and Services may be there that are not known; empty when none may."""
        maker = self.makers.get(namespace) or self.makers.get("", "")
        return self.whole(namespace) or (f"what {maker} makes is not known here" if maker else "")

    def of(self, *kinds: str) -> Iterator[Standing]:
        """Every object of these kinds, in the order of all."""
        self._indexed()
        if len(kinds) == 1:
            return (one for _, one in self._by_kind.get(kinds[0], ()))
        found = [each for kind in dict.fromkeys(kinds) for each in self._by_kind.get(kind, ())]
        return (one for _, one in sorted(found, key=itemgetter(0)))

    def find(self, kind: str, namespace: str, name: str) -> Standing | None:
        """One object; the first, where several folders deploy one of that name."""
        self._indexed()
        return self._found.get((kind, namespace, name))

    def _indexed(self) -> None:
        """Checks ask for a few kinds hundreds of times, of a cluster with thousands of objects."""
        if self._seen == len(self.objects):
            return
        self._found, self._by_kind, self._seen = {}, {}, len(self.objects)
        for number, one in enumerate(self.objects):
            kind = one.kind
            self._found.setdefault((kind, one.namespace, one.name), one)
            self._by_kind.setdefault(kind, []).append((number, one))


def world_of(found: Survey, applications: Iterable[Application]) -> World:
    """Everything that Applications deploy, then what lies in no Application's folder."""
    made = World(applications=list(applications))
    made.partly = _partly(made.applications, found)
    claimed: set[str] = set()
    built: dict[tuple[str, bool], Folder] = {}
    for application in made.applications:
        for part in application.parts:
            if part.helm:
                continue
            key = (part.path, part.recurse)
            if key not in built:
                if found.over():
                    return made
                built[key] = objects_in(found.tree, part.path, recurse=part.recurse)
                made.left_out += _told(built[key], found)
            if built[key].left_out:
                why = f"{built[key].left_out[0].where}, which belongs there, was not read"
                made.partly.setdefault(application.into, why)
            claimed |= built[key].files
            _add(made, built[key], Origin(part.path, application, part.recurse, built[key].files))
    _unclaimed(made, found, claimed)
    made.objects.sort(key=lambda one: found.named != "" and not found.means(one.origin.path))
    return made


def _partly(applications: Iterable[Application], found: Survey) -> dict[str, str]:
    """What Helm makes is not known; neither is what a chart makes that no Application here deploys."""
    helm = [one for one in applications if any(part.helm or part.path in found.charts for part in one.parts)]
    why = {one.into: f"what the chart of Application {one.name} makes is not known here" for one in helm}
    deployed = {part.path for one in helm for part in one.parts}
    strays = sorted(found.charts - deployed)
    return why | ({"": f"what the chart in {strays[0] or '.'} makes is not known here"} if strays else {})


def _told(folder: Folder, found: Survey) -> list[LeftOut]:
    """A chart is told once, with the repository's other charts."""
    return [one for one in folder.left_out if folder.kind != "helm" or folder.path not in found.charts]


def _add(made: World, folder: Folder, origin: Origin) -> None:
    into = origin.application.into if origin.application else ""
    made.objects += _taken(made, folder.objects, origin, into)


def _taken(made: World, objects: Iterable[Deployed], origin: Origin, into: str = "") -> list[Standing]:
    """Those of kinds that count; of others is noted what may lie behind them."""
    found = []
    for one in objects:
        namespace = one.namespace or into
        if one.kind in KINDS and not foreign(one):
            found.append(Standing(one, namespace, origin))
        if one.kind in _PODS:
            made.pods.append(Standing(one, namespace, origin))
        if makes_routes(one):
            made.routing = made.routing or label_of(one, namespace)
        for each in made_into(one, namespace) if makes(one) else ():
            made.makers.setdefault(each, label_of(one, namespace))
    return found


def _unclaimed(made: World, found: Survey, claimed: set[str]) -> None:
    """Kustomizations that no other one takes up, then single files."""
    folders = sorted(set(found.kustomizations()))
    closures: dict[str, Closure] = {}
    with suppress(OverError):
        closures |= {folder: closure_of(found.tree, folder) for folder in folders}
    taken = {inner for folder, one in closures.items() for inner in one.folders if inner != folder}
    for folder, closure in closures.items():
        own = {name for name in closure.files if name.startswith(f"{folder}/" if folder else "")}
        pages = [found.pages[name] for name in closure.files if name in found.pages]
        unread = found.means(folder) and len(pages) < len(closure.files)
        interesting = unread or any(page.kinds & KINDS or _generates(page) for page in pages)
        if folder in taken or own <= claimed:
            pass
        elif interesting and closure.files & claimed and made.applications and not found.means(folder):
            made.left_out.append(LeftOut(folder, "no Application deploys this overlay, so it is not looked at"))
        elif interesting or closure.left_out:
            built = objects_in(found.tree, folder)
            made.left_out += built.left_out
            if built.left_out:
                made.partly.setdefault("", f"{built.left_out[0].where}, which belongs there, was not read")
            _add(made, built, Origin(folder, files=built.files))
        else:
            _note(made, found, [page for page in pages if _hints(page)])
        claimed |= closure.files
    _files(made, found, claimed)


def _note(made: World, found: Survey, pages: Iterable[Page]) -> None:
    """What may lie behind objects of files that are not built, since nothing else in them counts."""
    for page in pages:
        for document in found.documents(page):
            _taken(made, expanded(document), Origin(page.path))


def _hints(page: Page) -> bool:
    """Does it speak of pods alone, or of what may make some?"""
    return bool(page.kinds & _PODS) or (bool(page.kinds) and makes_somewhere(page.text))


def _generates(page: Page) -> bool:
    """Does it make ConfigMaps, or Secrets?"""
    return page.path.rpartition("/")[2] in FILES and _GENERATOR.search(page.text) is not None


def _files(made: World, found: Survey, claimed: set[str]) -> None:
    alone = []
    for page in found.pages.values():
        if page.path in claimed or found.templated(page.path):
            continue
        if page.kinds.isdisjoint(KINDS) and not _hints(page):
            continue
        many = len(found.pages) > FEW and not found.means(page.path)
        plain = page.kinds & KINDS and not _counts(page.kinds, page.speaks_of_engines, page.lists_models)
        if many and plain:
            made.partly.setdefault("", "of so many files only those are read that speak of engines")
            continue
        folder = page.path.rpartition("/")[0]
        for document in found.documents(page):
            origin = Origin(folder or page.path, files=frozenset({page.path}), single=True)
            alone += _taken(made, expanded(document), origin)
    engines = Counter(one.origin.path for one in alone if one.kind in _ENGINES)
    made.objects += [replace(one, crowded=engines[one.origin.path] > 1) for one in alone]


def _counts(kinds: frozenset[str], engines: bool, models: bool) -> bool:
    """Of thousands of Deployments and ConfigMaps those alone are read that speak of engines or aliases."""
    plain = {"Deployment", "StatefulSet", "ConfigMap"}
    return bool((kinds & KINDS) - plain) or engines or models
