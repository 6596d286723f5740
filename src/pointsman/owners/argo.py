"""Argo CD: which Application an object belongs to, and what its sync makes of a change (argo-cd 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.kube.resources import Ref
from pointsman.owners.contract import Change, Object, Outcome, Verdict
from pointsman.owners.fields import Path, may_declare
from pointsman.owners.ignoring import argo_covers
from pointsman.owners.marks import Name, labels, notes, spec_of, tracked

__all__ = ["LABEL", "Settings", "here", "judge", "names_on", "title"]

LABEL = "app.kubernetes.io/instance"
"""The label Argo CD tracks by unless ``application.instanceLabelKey`` says otherwise. Helm charts set it too."""
_HERE = ("https://kubernetes.default.svc", "https://kubernetes.default.svc:443")
_FIELD_MANAGERS = {"argocd-controller", "argocd-application-controller", "argocd-server"}
_PART_OF_SYNC = "RespectIgnoreDifferences=true"


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``argocd-cm`` says that matters here."""

    label: str = LABEL
    rules: tuple[Mapping[str, Any], ...] = ()
    """``ignoreDifferences`` for every Application."""
    unread: str = ""
    """Why it could not be read; empty when it was, or is not there."""


def here(destination: Mapping[str, Any]) -> bool:
    """Is an Application's destination the cluster that it is in?"""
    return destination.get("server") in _HERE or destination.get("name") == "in-cluster"


def names_on(live: Object, ref: Ref, label: str = LABEL) -> set[str]:
    """Names of Applications that may be the object's."""
    marked = tracked(live, ref)
    said = labels(live).get(label, "")
    # An Application outside Argo CD's namespace is written namespace_name.
    return {name for name in (marked.name if marked else "", said, said.rpartition("_")[2]) if name}


def title(app: Object) -> str:
    """``Application argocd/litellm (Argo CD)``."""
    return f"Application {app['metadata']['namespace']}/{app['metadata']['name']} (Argo CD)"


def judge(change: Change, apps: Iterable[Object], settings: Settings, manager: str, unread: str) -> list[Verdict]:
    """What each Application that owns the object makes of the change by field manager ``manager``.

    ``unread`` says why Applications could not be looked at.
    """
    marked = tracked(change.live, change.ref)
    owning = [(app, sure) for app in apps if (sure := _owns(app, change, marked, settings)) is not False]
    found = [verdict for app, sure in owning for verdict in _verdicts(change, app, settings, manager, sure=bool(sure))]
    if marked and not any(_named(app, marked) for app, _ in owning):
        why = unread or "it is not in this cluster; an Argo CD in another one may have made the object"
        owner = f"Application {marked} (Argo CD)"
        found.append(Verdict(change.ref, owner, Outcome.UNKNOWN, tuple(change.fields), why))
    return found


def _owns(app: Object, change: Change, marked: Name | None, settings: Settings) -> bool | None:
    """None: it has such an object, perhaps in another cluster."""
    if marked and _named(app, marked):
        return True
    if not _lists(app, change.ref):
        return False
    if here(spec_of(app).get("destination") or {}):
        return True
    said = labels(change.live).get(settings.label, "")
    if said.rpartition("_")[2] != app["metadata"]["name"]:
        return False
    return None if settings.label == LABEL else True


def _named(app: Object, marked: Name) -> bool:
    """Written without a namespace, it is one in Argo CD's own."""
    at = app["metadata"]["namespace"]
    home = (app.get("status") or {}).get("controllerNamespace") or at
    return bool(app["metadata"]["name"] == marked.name and (marked.namespace or home) == at)


def _lists(app: Object, ref: Ref) -> bool:
    return any(
        (one.get("group", ""), one.get("kind"), one.get("namespace"), one.get("name"))
        == (ref.kind.group, ref.kind.name, ref.namespace, ref.name)
        for one in (app.get("status") or {}).get("resources") or []
    )


def _verdicts(change: Change, app: Object, settings: Settings, manager: str, *, sure: bool) -> list[Verdict]:
    """One for each outcome."""
    grouped: dict[tuple[Outcome, str], list[Path]] = {}
    for path in change.fields:
        said = _of_field(change, path, app, settings, manager)
        if not sure and said[0] is Outcome.REVERTS:
            said = Outcome.UNKNOWN, "it lists such an object, but its destination may be another cluster"
        grouped.setdefault(said, []).append(path)
    return [
        Verdict(change.ref, title(app), outcome, tuple(paths), why, keeper=app)
        for (outcome, why), paths in grouped.items()
    ]


def _of_field(change: Change, path: Path, app: Object, settings: Settings, manager: str) -> tuple[Outcome, str]:
    policy = spec_of(app).get("syncPolicy") or {}
    if not may_declare(change.live, path, _FIELD_MANAGERS):
        return Outcome.LEAVES, "it is not in what it syncs"
    rules = [*(spec_of(app).get("ignoreDifferences") or []), *settings.rules]
    covered, word = argo_covers(rules, change.ref, path, manager)
    respects = _PART_OF_SYNC in (policy.get("syncOptions") or [])
    if covered and respects:
        return Outcome.LEAVES, f"ignoreDifferences, {word}, and {_PART_OF_SYNC}"
    if notes(app).get("argocd.argoproj.io/skip-reconcile") == "true":
        return Outcome.LATER, "once it is reconciled again (annotation skip-reconcile)"
    return _synced(policy, covered, word, settings)


def _synced(policy: Mapping[str, Any], covered: bool | None, word: str, settings: Settings) -> tuple[Outcome, str]:
    automated = policy.get("automated")
    if automated is None or automated.get("enabled") is False:
        return Outcome.LATER, "when somebody syncs it (it has no automated sync)"
    if covered:
        return (
            Outcome.LATER,
            f"at the next commit: ignoreDifferences covers it, but a sync heeds that only with {_PART_OF_SYNC}",
        )
    if not automated.get("selfHeal"):
        return Outcome.LATER, "at the next commit (automated sync without selfHeal)"
    if covered is None:
        return Outcome.UNKNOWN, f"{word} may cover it, and is not evaluated here"
    unread = f"; {settings.unread}" if settings.unread else ""
    return Outcome.REVERTS, f"within seconds (automated sync with selfHeal){unread}"
