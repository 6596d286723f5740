"""73x: what runs otherwise than git says, as Argo CD tells it of its Applications, object by object.

Where this program has both sides it compares them itself (``adopt --live``). In a cluster alone, Argo CD's own
comparison is what is known; how old that is, and that ``ignoreDifferences`` may hide more, stays so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.state import annotation, condition, settled
from pointsman.checks.view import View, get
from pointsman.delivery.argocd.application import Application, Resource
from pointsman.delivery.git.wording import redacted

__all__ = ["CHECKS"]

_LONG = 10.0
"""Minutes after a sync in which a change may be put back, or a commit be applied."""
_ATTEMPTS = 3
"""Self-heals in a row that left it as it was: by then Argo CD has waited for half a minute between them."""
_STATUS = ("status", "sync")
_STOP = "serving.kserve.io/stop"


def _differing(view: View) -> Iterator[tuple[Standing, Application, list[Resource]]]:
    """Applications of this cluster that were compared and differ, with nothing under way."""
    for one in view.of("Application"):
        app = Application(one.data)
        if app.remote or app.skipped or app.deleting or app.operation or app.sync != "OutOfSync":
            continue
        if app.state.get("phase") not in ("Running", "Terminating"):
            yield one, app, app.out_of_sync


def _unhealed(view: View) -> Iterator[Told]:
    for one, app, objects in _differing(view):
        why = _why(view, one, app) if app.automated else ""
        if why and not _only_to_prune(objects):
            yield Told(one, f"Argo CD syncs it by itself, and it stays OutOfSync{_named(objects)}: {why}", _STATUS)


def _why(view: View, one: Standing, app: Application) -> str:
    """Why Argo CD will not put it right; empty where it still may."""
    if failed := condition(one, "SyncError"):
        return redacted(" ".join(str(failed.get("message")).split())[:200])
    if app.state.get("phase") != "Succeeded" or app.applied != app.compared or not app.compared:
        return ""
    heals = get(app.policy, "automated", "selfHeal") is True
    tries = get(app.state, "operation", "sync", "autoHealAttemptsCount")
    tried = isinstance(tries, int) and tries >= _ATTEMPTS
    if heals and (tried or settled(view, app.state.get("finishedAt"), _LONG)):
        return "its last sync of this very commit succeeded, and left it so"
    return "" if heals else "selfHeal is off, so nothing changes it back before the next commit"


def _only_to_prune(objects: list[Resource]) -> bool:
    return bool(objects) and all(one.prune for one in objects)


def _by_hand(view: View) -> Iterator[Told]:
    for one, app, objects in _differing(view):
        if not app.delivered or (app.automated and not _only_to_prune(objects)):
            continue
        left = (
            "what git does not have any more is left" if _only_to_prune(objects) else "git says otherwise than it runs"
        )
        yield Told(one, f"it is OutOfSync{_named(objects)}: {left}{_commits(app)}", _STATUS)


def _commits(app: Application) -> str:
    old, new = (", ".join(each[:12] for each in said) for said in (app.delivered, app.compared))
    return f" (synced at {old}, compared with {new})" if old != new else f" (at {new}, which was synced)"


def _named(objects: list[Resource]) -> str:
    if not objects:
        return ""
    more = f" and {len(objects) - 3} more" if len(objects) > 3 else ""
    return f" by {', '.join(map(str, objects[:3]))}{more}"


def _healthy(view: View) -> Iterator[Told]:
    services = {(one.namespace, one.name): one for one in view.of("LLMInferenceService")}
    for one in view.of("Application"):
        app = Application(one.data)
        for each in app.resources if app.health == "Healthy" and not app.remote else ():
            found = services.get((each.namespace, each.name)) if each.kind == "LLMInferenceService" else None
            ready = _not_ready(found) if found else {}
            if ready:
                why = ready.get("reason") or ready.get("message") or "no reason is given"
                yield Told(one, f"it reads Healthy, and {found} is not Ready: {why}", ("status", "health"))


def _not_ready(one: Standing) -> Mapping[str, Any]:
    said = condition(one, "Ready")
    parked = annotation(one, _STOP) == "true" or said.get("reason") == "Stopped"
    return said if said.get("status") == "False" and not parked else {}


_CLUSTER = frozenset({Source.cluster})
CHECKS = (
    Check(
        "PM736",
        "drift-stays",
        Level.warning,
        frozenset({"Application"}),
        cause="what Argo CD is to keep as git says runs otherwise: it has given up, or was never told to heal",
        remedy="see the difference: argocd app diff; correct what fails in git, or set selfHeal",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; controller/appcontroller.go, autoSync",
        run=_unhealed,
        sources=_CLUSTER,
    ),
    Check(
        "PM737",
        "sync-owed",
        Level.info,
        frozenset({"Application"}),
        cause="an Application that people sync runs what was synced last; what git says since is not in effect",
        remedy="pointsman sync, when what git says is meant to run; with --prune what git does not have any more goes",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab, status.resources and status.history",
        run=_by_hand,
        sources=_CLUSTER,
    ),
    Check(
        "PM738",
        "healthy-not-ready",
        Level.info,
        frozenset({"Application", "LLMInferenceService"}),
        cause="Argo CD 3.2 has no health rule for an LLMInferenceService: whoever waits for Healthy goes on too early",
        remedy="wait for the object: pointsman wait; or write a health rule for it into argocd-cm",
        sure=Sure.measured,
        fact="Argo CD 3.2.6 in the lab; argo-cd pull request 29620 brings a rule",
        run=_healthy,
        sources=_CLUSTER,
        layers=frozenset({"llm-d"}),
    ),
)
