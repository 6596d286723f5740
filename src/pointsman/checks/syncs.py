"""4xx: what a sync meets: objects of two Applications, namespaces that are not there, fields that never agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.applications import Application as Written
from pointsman.adopt.words import Place
from pointsman.checks.applications import APPLICATIONS, App, applications
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, entries, get, listed
from pointsman.delivery.argocd.application import Application

__all__ = ["CHECKS"]

_ANNOTATIONS = ("metadata", "annotations")
_SKIP = "argocd.argoproj.io/skip-reconcile"
_FILES = frozenset({Source.files})
_ALWAYS_THERE = frozenset({"default", "kube-system", "kube-public"})
_SHARED = frozenset(
    {
        *("Deployment", "StatefulSet", "InferenceService", "LLMInferenceService"),
        *("Service", "ConfigMap", "HTTPRoute", "Gateway", "InferencePool", "PersistentVolumeClaim"),
    }
)


def _twice(view: View) -> Iterator[Told]:
    seen: dict[tuple[str, ...], Written] = {}
    told: set[tuple[str, str]] = set()
    for one in view.of(*_SHARED):
        application = one.origin.application
        if application is None:
            continue
        first = seen.setdefault(
            (*_cluster(application), one.deployed.group, one.kind, one.namespace, one.name), application
        )
        pair = (f"{first.namespace}/{first.name}", f"{application.namespace}/{application.name}")
        if pair[0] != pair[1] and pair not in told:
            told.add(pair)
            what = f"Application {application.name} deploys {one}, and so does {first.name} ({first.where})"
            yield Told(None, what, where=application.where)


def _cluster(application: Written) -> tuple[str, str]:
    said = get(application.data, "spec", "destination")
    return str(get(said, "server") or ""), str(get(said, "name") or "")


def _no_namespace(view: View) -> Iterator[Told]:
    known = {one.name for one in view.of("Namespace")} | _ALWAYS_THERE
    apps = list(applications(view))
    created = {str(_into(one)) for one in apps if "CreateNamespace=true" in one.options}
    if (view.source is Source.cluster and len(known) == len(_ALWAYS_THERE)) or view.adopted.world.whole(""):
        return
    for app in apps:
        into = _into(app)
        own = app.standing.namespace or "argocd"
        if not isinstance(into, str) or not into or "{" in into or into in known | created | {own}:
            continue
        what = f"it deploys into {into}, which nothing here makes, and CreateNamespace=true is not set"
        yield Told(app.standing, what, app.place("spec", "destination", "namespace"))


def _into(app: App) -> Any:
    return app.get("spec", "destination", "namespace")


def _defaults(view: View) -> Iterator[Told]:
    maps = [one for one in view.of("ConfigMap") if one.name == "argocd-cmd-params-cm"]
    if any(str(get(one.data, "data", "controller.diff.server.side")).lower() == "true" for one in maps):
        return
    for route in view.of("HTTPRoute"):
        application = route.origin.application
        if application is None or not _by_server(application) or _compares_otherwise(application):
            continue
        if not maps and view.adopted.world.whole(application.namespace or "argocd"):
            continue
        for what, missing, place in _unsaid(route.data):
            said = (
                f"{what} does not say {', '.join(missing)}: the API server fills that in, and Application "
                f"{application.name}, applied by ServerSideApply, reads OutOfSync from then on"
            )
            yield Told(route, said, place)


def _unsaid(route: Mapping[str, Any]) -> Iterator[tuple[str, list[str], Place]]:
    """Parts inside of lists that have defaults, and which of them are not written."""
    for number, one in enumerate(entries(route, "spec", "parentRefs")):
        yield from _lacks(one, f"parentRef {get(one, 'name')}", ("group", "kind"), ("spec", "parentRefs", number))
    for rule, said in enumerate(entries(route, "spec", "rules")):
        place: Place = ("spec", "rules", rule)
        yield from _lacks(said, f"rule {rule}", ("matches",), place)
        for number, one in enumerate(entries(said, "matches")):
            here: Place = (*place, "matches", number)
            yield from _lacks(one, f"a match of rule {rule}", ("path",), here)
            for key in ("headers", "queryParams"):
                for each in entries(one, key):
                    yield from _lacks(each, f"{key} {get(each, 'name')}", ("type",), here)
            yield from _lacks(get(one, "path"), f"a path of rule {rule}", ("type", "value"), here)
        for number, one in enumerate(entries(said, "backendRefs")):
            keys = ("group", "kind", "weight")
            yield from _lacks(one, f"backendRef {get(one, 'name')}", keys, (*place, "backendRefs", number))


def _lacks(one: Any, what: str, keys: tuple[str, ...], place: Place) -> Iterator[tuple[str, list[str], Place]]:
    if isinstance(one, Mapping) and (missing := [key for key in keys if key not in one]):
        yield what, missing, place


def _by_server(application: Written) -> bool:
    """Is it applied by the API server? Only then does Argo CD 3.2 see what that fills in inside of lists."""
    said = entries(application.data, "spec", "syncPolicy", "syncOptions")
    return "ServerSideApply=true" in {str(one).replace(" ", "") for one in said}


def _compares_otherwise(application: Written) -> bool:
    """Does it let the API server compare, or ignore what differs in routes?"""
    said = str(get(application.data, *_ANNOTATIONS, "argocd.argoproj.io/compare-options"))
    kinds = [one.get("kind") for one in listed(application.data, "spec", "ignoreDifferences")]
    return "ServerSideDiff=true" in said or "HTTPRoute" in kinds or "*" in kinds


def _skipped(view: View) -> Iterator[Told]:
    for app in applications(view):
        if Application(app.data).skipped:
            what = f"{_SKIP} is set: Argo CD neither compares nor syncs it, and a sync that is asked for never ends"
            yield Told(app.standing, what, app.place(*_ANNOTATIONS, _SKIP))


CHECKS = (
    Check(
        "PM406",
        "deployed-twice",
        Level.error,
        _SHARED,
        cause="two Applications that deploy one object undo each other's changes, and the deletion of one takes it",
        remedy="let one of them deploy it",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; condition SharedResourceWarning",
        run=_twice,
        sources=_FILES,
    ),
    Check(
        "PM407",
        "namespace-missing",
        Level.info,
        APPLICATIONS | {"Namespace"},
        cause="a sync into a namespace that is not there fails at its first object",
        remedy="add CreateNamespace=true to spec.syncPolicy.syncOptions, or write the Namespace",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/sync-options.md (CreateNamespace)",
        run=_no_namespace,
    ),
    Check(
        "PM408",
        "route-defaults",
        Level.warning,
        frozenset({"HTTPRoute", "ConfigMap"}),
        cause="with ServerSideApply, fields that the API server fills in inside a list read as differences for ever",
        remedy='write them out (group: "", kind: Service, weight: 1), or compare with ServerSideDiff=true',
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab, applied by the server and by the client; argo-helm issue 3538",
        run=_defaults,
        sources=_FILES,
    ),
    Check(
        "PM409",
        "reconcile-skipped",
        Level.warning,
        APPLICATIONS,
        cause="an Application that is not reconciled neither syncs nor shows what differs, and nothing says so",
        remedy=f"take the annotation {_SKIP} off",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/skip_reconcile.md",
        run=_skipped,
    ),
)
