"""4xx: Applications: what they delete and what they leave, what they sync by themselves, what they never put right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.findings import AddItem, Fix
from pointsman.adopt.promise import Engine
from pointsman.adopt.standing import Standing
from pointsman.checks.applications import APPLICATIONS, App, applications
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, entries, get
from pointsman.delivery.argocd.freezing import kept
from pointsman.owners.fields import Path, as_pointer, pointer_path, simple_jq

__all__ = ["CHECKS"]

_FINALIZER = "resources-finalizer.argocd.argoproj.io"
_RESPECT = "RespectIgnoreDifferences=true"
_ANNOTATIONS = ("metadata", "annotations")
_FILES = frozenset({Source.files})

_REPLICAS = ("spec", "replicas")
_SCALED: Mapping[str, tuple[Path, ...]] = {
    "Deployment": (_REPLICAS,),
    "StatefulSet": (_REPLICAS,),
    "LLMInferenceService": (_REPLICAS, ("spec", "prefill", "replicas")),
    "InferenceService": (("spec", "predictor", "minReplicas"), ("spec", "predictor", "maxReplicas")),
}
"""Fields that are changed live to stop or to scale something."""


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
    claims = view.of("PersistentVolumeClaim")
    for app in applications(view):
        own = [one for one in claims if app.deploys(one)] if _finalized(app) else []
        lost = [one for one in own if not _stays(one)]
        if lost:
            names = ", ".join(f"{one.namespace}/{one.name}" for one in lost[:3])
            what = f"its finalizer deletes the claims that it deploys, too: {names}"
            yield Told(app.standing, what, app.place("metadata", "finalizers"))


def _stays(claim: Standing) -> bool:
    """Does it say that a deletion leaves it? Argo CD heeds Helm's word for it, too."""
    options = str(get(claim.data, *_ANNOTATIONS, "argocd.argoproj.io/sync-options"))
    return "Delete=false" in options or get(claim.data, *_ANNOTATIONS, "helm.sh/resource-policy") == "keep"


def _automatic(view: View) -> Iterator[Told]:
    for app in applications(view):
        engines = _costly(view, app) if app.automated else []
        if engines:
            gpus = sum(one.gpus * one.replicas for one in engines)
            now = f"and {gpus} GPU{'s' if gpus > 1 else ''} at once" if gpus else "as soon as git says replicas"
            what = f"automated: whatever is pushed deploys {_named(engines)} unasked, {now}"
            yield Told(app.standing, what, app.place("spec", "syncPolicy", "automated"))


def _ignored(app: App) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each of ``ignoreDifferences`` with its number."""
    for number, one in enumerate(entries(app.data, "spec", "ignoreDifferences")):
        if isinstance(one, Mapping):
            yield number, one


def _paths(one: Mapping[str, Any]) -> Iterator[Path]:
    """Fields that it names, those inside of lists and conditions of jq left out."""
    for pointer in entries(one, "jsonPointers"):
        yield pointer_path(str(pointer))
    for expression in entries(one, "jqPathExpressions"):
        path, whole = simple_jq(str(expression))
        if whole:
            yield path


def _put_back(view: View) -> Iterator[Told]:
    objects = view.of(*_SCALED)
    for app in applications(view):
        for number, rule in _ignored(app) if _RESPECT not in app.options else ():
            own = [each for each in objects if _meant(rule, each) and app.deploys(each)]
            found = next(((each, field) for each in own for field in _written(each, set(_paths(rule)))), None)
            if found:
                name, count = as_pointer(found[1]), get(found[0].data, *found[1])
                what = f"{name} is not shown as a difference, but each sync sets {found[0].name} to {count} again"
                place = app.place("spec", "ignoreDifferences", number)
                yield Told(app.standing, what, place, fixes=_option(app, _RESPECT))


def _written(one: Standing, ignored: set[Path]) -> Iterator[Path]:
    """Fields that scale it, are written in git, and lie in what is ignored."""
    for field in _SCALED[one.kind]:
        if get(one.data, *field) is not None and any(path and field[: len(path)] == path for path in ignored):
            yield field


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
        for number, rule in _ignored(app) if _RESPECT in app.options else ():
            for field, whole in kept(rule):
                what = f"{field} lies inside {whole}, and {_RESPECT} keeps all of that as it runs"
                yield Told(app.standing, what, app.place("spec", "ignoreDifferences", number))
                break


CHECKS = (
    Check(
        "PM401",
        "no-finalizer",
        Level.warning,
        APPLICATIONS | {"engines"},
        cause="an Application without the resources finalizer leaves everything behind when it is deleted: GPUs run on",
        remedy=f"add {_FINALIZER} to metadata.finalizers; claims that should stay get the annotation "
        "argocd.argoproj.io/sync-options: Delete=false",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/app_deletion.md",
        run=_orphans,
    ),
    Check(
        "PM402",
        "claims-go-along",
        Level.info,
        APPLICATIONS | {"PersistentVolumeClaim"},
        cause="with the finalizer a deletion takes claims, too, and weights are downloaded again",
        remedy="annotate claims that should stay with argocd.argoproj.io/sync-options: Delete=false",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/sync-options.md (Delete=false)",
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
        APPLICATIONS | set(_SCALED),
        cause="ignoreDifferences hides a difference only: a sync still writes git's replicas over those that run",
        remedy=f"add {_RESPECT} to spec.syncPolicy.syncOptions",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/sync-options.md (RespectIgnoreDifferences)",
        run=_put_back,
        sources=_FILES,
        fixable=True,
    ),
    Check(
        "PM405",
        "element-frozen",
        Level.error,
        APPLICATIONS,
        cause="an ignored field in a list freezes the list: what git changes in it is not applied, and told as applied",
        remedy="ignore a field outside of lists, or take RespectIgnoreDifferences off",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab, but for lists that Kubernetes merges by a key; argo-cd issues 17694, 11876",
        run=_frozen,
    ),
)
