"""72x: Applications of Argo CD that do not do what they seem to do, and what never finishes being deleted."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.state import annotation, condition, settled
from pointsman.checks.view import View, get, listed
from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.hold import FOR, SKIP
from pointsman.delivery.git.wording import redacted

__all__ = ["CHECKS"]

_SETTLED = "end the move, and it is let go: pointsman status says how it stands, pointsman rollback settles it"
_HERE = ("", "https://kubernetes.default.svc", "in-cluster")
_OPEN = 60.0
"""Minutes in which a sync with hooks and waves should have ended."""
_HELD_BACK = "blocked by sync window"
"""It neither runs nor can be ended before the window lets it (argo-cd 25361): there is nothing to wait for."""
_DELETING = 15.0
_SLOW = ("Application", "InferenceService", "LLMInferenceService", "Namespace")


def _ours(view: View) -> Iterator[Standing]:
    """Those that deploy into this cluster."""
    for one in view.of("Application"):
        into = get(one.data, "spec", "destination")
        if str(get(into, "server") or get(into, "name") or "") in _HERE:
            yield one


def _open(view: View) -> Iterator[Told]:
    for one in _ours(view):
        state = get(one.data, "status", "operationState")
        said = _short(get(state, "message")) if get(state, "message") else ""
        late = settled(view, get(state, "startedAt"), _OPEN)
        if get(state, "phase") in ("Running", "Terminating") and (late or _HELD_BACK in said):
            what = f"its sync has been {get(state, 'phase')} since {get(state, 'startedAt')}"
            yield Told(one, f"{what}: {said}" if said else what, ("status", "operationState"))


def _unknown(view: View) -> Iterator[Told]:
    for one in _ours(view):
        for said in listed(one.data, "status", "conditions"):
            if said.get("type") in ("ComparisonError", "InvalidSpecError", "UnknownError"):
                yield Told(one, f"{said['type']}: {_short(said.get('message'))}", ("status", "conditions"))


def _short(text: object) -> str:
    said = redacted(" ".join(str(text or "no message").split()))
    return said if len(said) <= 200 else f"{said[:199]}…"


def _skipped(view: View) -> Iterator[Told]:
    for one in _ours(view):
        if Application(one.data).skipped:
            move = annotation(one, FOR)
            held = f"; pointsman holds it for the move {move}" if move else ""
            what = f"{SKIP} is set, so Argo CD does not look at it{held}"
            yield Told(one, what, ("metadata", "annotations", SKIP), _SETTLED if move else "")


def _stuck(view: View) -> Iterator[Told]:
    for one in view.of(*_SLOW):
        since = get(one.data, "metadata", "deletionTimestamp")
        why = _hopeless(one) if since else ""
        if since and (why or settled(view, since, _DELETING)):
            held = get(one.data, "metadata", "finalizers") or get(one.data, "spec", "finalizers") or []
            told = ", ".join(map(str, held)) if isinstance(held, list) and held else "no finalizer"
            what = f"it has been deleted since {since} and is still there, held by {told}"
            yield Told(one, f"{what}{why}", ("metadata", "deletionTimestamp"))


def _hopeless(one: Standing) -> str:
    """Why time alone will not end it; empty where nothing says so."""
    if one.kind == "Namespace":
        said = [
            condition(one, kind) for kind in ("NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure")
        ]
        return next((f"; {_short(each.get('message'))}" for each in said if each.get("status") == "True"), "")
    if one.kind != "Application":
        return ""
    if Application(one.data).skipped:
        return f"; Argo CD does not look at it, since {SKIP} is set"
    failed = condition(one, "DeletionError")
    return f"; DeletionError: {_short(failed.get('message'))}" if failed else ""


_CLUSTER = frozenset({Source.cluster})
CHECKS = (
    Check(
        "PM726",
        "operation-open",
        Level.warning,
        frozenset({"Application"}),
        cause="while a sync is open no other one begins, and asking for one is lost without a word",
        remedy="see what it waits for; argocd app terminate-op ends it",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; argo-cd issues 25361, 17155, 28970",
        run=_open,
        sources=_CLUSTER,
    ),
    Check(
        "PM727",
        "application-unknown",
        Level.error,
        frozenset({"Application"}),
        cause="Argo CD cannot tell what should run, so nothing of a later commit arrives",
        remedy="correct what it says: the repository, the path, the manifests, the project's permissions",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab, status.conditions",
        run=_unknown,
        sources=_CLUSTER,
    ),
    Check(
        "PM728",
        "skip-reconcile",
        Level.warning,
        frozenset({"Application"}),
        cause="an Application with this annotation reads Synced and Healthy as it was, whatever git and the cluster do",
        remedy="take the annotation off once its reason is over",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; docs/user-guide/skip_reconcile.md",
        run=_skipped,
        sources=_CLUSTER,
    ),
    Check(
        "PM729",
        "deletion-stuck",
        Level.warning,
        frozenset(_SLOW),
        cause="what waits for a finalizer that nobody takes off keeps its pods, and what it costs, for ever",
        remedy="see that the finalizer's controller runs, and what it says; take the finalizer off by hand last",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; Kubernetes finalizers; a set .operation holds up an Application's deletion",
        run=_stuck,
        sources=_CLUSTER,
    ),
)
