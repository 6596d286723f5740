"""What speaks against a sync, and what a person should know before one: refusals and notes, from what was read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.finding import Note
from pointsman.delivery.argocd.freezing import frozen
from pointsman.delivery.argocd.windows import Window, lets_through
from pointsman.errors import RefusedError

__all__ = ["leftovers", "notes", "refuse_uncompared", "refuse_unreachable", "refuse_window", "window_notes"]


def refuse_unreachable(app: Application) -> None:
    """Raise RefusedError for an Application that Argo CD does nothing about."""
    if app.deleting:
        raise RefusedError(
            "it is being deleted",
            where=str(app.ref),
            next_action="wait until it is gone; a finalizer may hang where its path in git is gone",
            code="argo-app-deleting",
        )
    if app.skipped:
        raise RefusedError(
            "Argo CD leaves it alone (annotation argocd.argoproj.io/skip-reconcile), so a sync would wait for ever",
            where=str(app.ref),
            next_action=f"kubectl -n {app.metadata.get('namespace')} annotate application {app.metadata.get('name')} "
            "argocd.argoproj.io/skip-reconcile-",
            code="argo-skip-reconcile",
        )


def refuse_uncompared(app: Application) -> None:
    """Raise RefusedError when Argo CD could not compare it with git, so that nobody knows what a sync would do."""
    if app.unable or not app.compared:
        raise RefusedError(
            f"Argo CD cannot compare it with git: {'; '.join(app.unable) or 'it names no revision'}",
            where=str(app.ref),
            next_action="mend what Argo CD names: the repository, its credentials, the path or the manifests",
            code="argo-comparison",
        )


def refuse_window(app: Application, windows: Sequence[Window]) -> None:
    """Raise RefusedError when a sync window would hold the sync back."""
    if lets_through(windows) is False:
        raise RefusedError(
            f"a sync window of its project forbids it: {'; '.join(one.sentence for one in windows)}",
            where=str(app.ref),
            next_action="wait for the window, or give it manualSync: true in the AppProject",
            code="argo-window",
        )


def window_notes(windows: Sequence[Window]) -> Iterator[Note]:
    """Windows that are there, though they do not forbid it."""
    if windows:
        known = lets_through(windows)
        told = "; ".join(one.sentence for one in windows)
        ends = "they let this sync through" if known else "whether they let it through, Argo CD decides"
        yield Note(
            code="argo-window-there",
            what=f"sync windows: {told}; {ends}",
            next_action="nothing, unless Argo CD holds the sync back",
        )


def notes(app: Application) -> list[Note]:
    """What a person should know of its spec."""
    return [*_hydrator(app), *frozen(app)]


def leftovers(app: Application) -> Iterator[Note]:
    """What is still not as git says although the sync succeeded."""
    if app.sync == "OutOfSync" and app.out_of_sync:
        yield Note(
            code="argo-still-out-of-sync",
            what=f"after the sync still out of sync: {', '.join(map(str, app.out_of_sync))}",
            next_action="--prune deletes what is not in git; else a commit came meanwhile, or somebody fills in fields "
            "that git leaves out (Gateway API defaults: write group and kind of backendRefs out)",
        )


def _hydrator(app: Application) -> Iterator[Note]:
    if app.hydrated:
        yield Note(
            code="argo-hydrator",
            what="a hydrator writes what is synced (spec.sourceHydrator), so the commit that is synced is never "
            "the one that was pushed",
            next_action="let --commit name the dry commit, which was pushed; see status.sourceHydrator for the rest",
        )
