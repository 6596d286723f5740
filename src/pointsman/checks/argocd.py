"""4xx: Applications: what they delete and what they leave, what they sync by themselves, what they never put right."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.findings import AddItem, Fix
from pointsman.adopt.promise import Engine
from pointsman.adopt.standing import Standing
from pointsman.checks.applications import APPLICATIONS, App, applications
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, get

__all__ = ["CHECKS"]

_FINALIZER = "resources-finalizer.argocd.argoproj.io"
_RESPECT = "RespectIgnoreDifferences=true"
_ANNOTATIONS = ("metadata", "annotations")
_FILES = frozenset({Source.files})
_INSIDE_LIST = re.compile(r"/\d+(?:/|$)")
_INSIDE_JQ = re.compile(r"\[(?![\"'])")


def _costly(view: View, app: App) -> list[Engine]:
    """Engines with GPUs that it deploys."""
    return [one for one in view.engines if one.gpus and app.deploys(one.standing)]


def _named(engines: list[Engine]) -> str:
    more = f" and {len(engines) - 1} more" if len(engines) > 1 else ""
    return f"{engines[0]}{more}"


def _finalized(app: App) -> bool:
    """Does its deletion take along what it deployed? A set adds the finalizer where its template has none."""
    found = app.get("metadata", "finalizers")
    if app.at and not found:
        return not _preserves(app)
    return isinstance(found, list) and any(str(one).startswith(_FINALIZER) for one in found)


def _preserves(app: App) -> bool:
    """A set that says so on purpose."""
    return get(app.standing.data, "spec", "syncPolicy", "preserveResourcesOnDeletion") is True


def _orphans(view: View) -> Iterator[Told]:
    for app in applications(view):
        engines = _costly(view, app)
        if engines and not _finalized(app) and not _preserves(app):
            what = f"it has no {_FINALIZER}: when it is deleted, {_named(engines)} stays, and so do its GPUs"
            yield Told(app.standing, what, app.place("metadata", "finalizers"))


def _claims(view: View) -> Iterator[Told]:
    kept = "Delete=false"
    claims = view.of("PersistentVolumeClaim")
    for app in applications(view):
        own = [one for one in claims if app.deploys(one)] if _finalized(app) else []
        lost = [one for one in own if kept not in str(get(one.data, *_ANNOTATIONS, "argocd.argoproj.io/sync-options"))]
        if lost:
            names = ", ".join(f"{one.namespace}/{one.name}" for one in lost[:3])
            what = f"its finalizer deletes the claims that it deploys, too: {names}"
            yield Told(app.standing, what, app.place("metadata", "finalizers"))


def _automatic(view: View) -> Iterator[Told]:
    for app in applications(view):
        engines = _costly(view, app) if app.automated else []
        if engines:
            gpus = sum(one.gpus * one.replicas for one in engines)
            now = f"and {gpus} GPU{'s' if gpus > 1 else ''} at once" if gpus else "as soon as git says replicas"
            what = f"automated: whatever is pushed deploys {_named(engines)} unasked, {now}"
            yield Told(app.standing, what, app.place("spec", "syncPolicy", "automated"))


def _ignored(app: App) -> Iterator[tuple[int, Mapping[str, Any], list[str]]]:
    """Each of ``ignoreDifferences`` with its number and its paths."""
    found = app.get("spec", "ignoreDifferences")
    for number, one in enumerate(found if isinstance(found, list) else []):
        if isinstance(one, Mapping):
            said = [one.get("jsonPointers"), one.get("jqPathExpressions")]
            yield number, one, [str(path) for each in said if isinstance(each, list) for path in each]


def _put_back(view: View) -> Iterator[Told]:
    written = [one for one in view.of("Deployment") if get(one.data, "spec", "replicas") is not None]
    for app in applications(view):
        if _RESPECT in app.options:
            continue
        for number, one, paths in _ignored(app):
            own = [each for each in written if _meant(one, each) and app.deploys(each)]
            if own and {"/spec/replicas", ".spec.replicas"} & set(paths):
                count = get(own[0].data, "spec", "replicas")
                what = f"/spec/replicas is not shown as a difference, but each sync sets {own[0].name} to {count} again"
                place = app.place("spec", "ignoreDifferences", number)
                yield Told(app.standing, what, place, fixes=_option(app, _RESPECT))


def _meant(one: Mapping[str, Any], standing: Standing) -> bool:
    """Is an object one of those that differences are ignored of?"""
    said = {key: one.get(key) for key in ("kind", "name", "namespace")}
    has = {"kind": standing.kind, "name": standing.name, "namespace": standing.namespace}
    return all(value in (None, "", "*", has[key]) for key, value in said.items())


def _option(app: App, option: str) -> tuple[Fix, ...]:
    """The edit that adds a sync option; none where there is no ``syncPolicy`` to put it in."""
    policy = app.get("spec", "syncPolicy")
    if not isinstance(policy, Mapping) or not policy:
        return ()
    return (AddItem(app.standing, app.place("spec", "syncPolicy"), "syncOptions", option),)


def _frozen(view: View) -> Iterator[Told]:
    for app in applications(view):
        for number, _, paths in _ignored(app) if _RESPECT in app.options else ():
            found = [path for path in paths if _in_list(path)]
            if found:
                what = f"{found[0]} lies inside a list, and {_RESPECT} keeps the whole element as it runs"
                yield Told(app.standing, what, app.place("spec", "ignoreDifferences", number))


def _in_list(path: str) -> bool:
    if path.startswith("/"):
        return bool(_INSIDE_LIST.search(path)) and not path.startswith(("/data/", "/metadata/"))
    return bool(_INSIDE_JQ.search(path))


CHECKS = (
    Check(
        "PM401",
        "no-finalizer",
        Level.warning,
        APPLICATIONS | {"engines"},
        cause="an Application without the resources finalizer leaves everything behind when it is deleted: GPUs run on",
        remedy=f"add {_FINALIZER} to metadata.finalizers; claims that should stay get the annotation "
        "argocd.argoproj.io/sync-options: Delete=false",
        sure=Sure.source,
        fact="Argo CD 3.2, docs/user-guide/app_deletion.md",
        run=_orphans,
    ),
    Check(
        "PM402",
        "claims-go-along",
        Level.info,
        APPLICATIONS | {"PersistentVolumeClaim"},
        cause="with the finalizer a deletion takes claims, too, and weights are downloaded again",
        remedy="annotate claims that should stay with argocd.argoproj.io/sync-options: Delete=false",
        sure=Sure.source,
        fact="Argo CD 3.2, docs/user-guide/sync-options.md (Delete=false)",
        run=_claims,
    ),
    Check(
        "PM403",
        "automated-gpus",
        Level.warning,
        APPLICATIONS | {"engines"},
        cause="what Argo CD syncs by itself costs GPUs as soon as somebody pushes, and nobody is asked",
        remedy="take spec.syncPolicy.automated off, and sync it when the GPUs are meant to be paid",
        sure=Sure.rule,
        fact="spending behind a manual sync, as platforms of this kind do it",
        run=_automatic,
    ),
    Check(
        "PM404",
        "replicas-put-back",
        Level.error,
        APPLICATIONS | {"Deployment"},
        cause="ignoreDifferences hides a difference only: a sync still writes git's replicas over those that run",
        remedy=f"add {_RESPECT} to spec.syncPolicy.syncOptions",
        sure=Sure.source,
        fact="Argo CD 3.2, docs/user-guide/sync-options.md (RespectIgnoreDifferences)",
        run=_put_back,
        sources=_FILES,
        fixable=True,
    ),
    Check(
        "PM405",
        "element-frozen",
        Level.error,
        APPLICATIONS,
        cause="an ignored field in a list freezes its whole element: a new image in git is not applied, and the sync "
        "says it was",
        remedy="ignore a field outside of lists, or take RespectIgnoreDifferences off",
        sure=Sure.source,
        fact="argo-cd issues 17694 and 11876",
        run=_frozen,
    ),
)
