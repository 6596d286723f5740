"""Applications whose end would leave a model's objects running."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.audit.finding import Finding, Ground, kubectl, place_of
from pointsman.report.counting import count_of
from pointsman.root.applications import deletes, here, tracked_by

__all__ = ["without_finalizer"]

_ADD = """--type merge -p '{"metadata":{"finalizers":["resources-finalizer.argocd.argoproj.io"]}}'"""


def without_finalizer(ground: Ground) -> Iterator[Finding]:
    """Those that keep objects of models; that others' have none is their own affair."""
    if not ground.needs("Applications", ("Application", "Model")):
        return
    known = {(ref.kind.group, ref.kind.name, ref.namespace or "", ref.name) for ref in ground.owners.refs}
    for one in ground.sight.of("Application"):
        if deletes(one) or not here(one) or "deletionTimestamp" in one["metadata"]:
            continue
        ours = [each for each in tracked_by(one) or [] if (each.group, each.kind, each.namespace, each.name) in known]
        if not ours:
            continue
        run = f"{count_of(len(ours), 'object')} of models {'runs' if len(ours) == 1 else 'run'} on"
        maker = next((each.get("name") for each in one["metadata"].get("ownerReferences") or []), "")
        yield Finding(
            "application",
            f"Application {'/'.join(place_of(one))}",
            f"ApplicationSet {maker}" if maker else "whoever wrote it",
            f"it has no finalizer: when it goes, {run} ({ours[0]})",
            kubectl("patch", one, _ADD),
            "write it into its manifest in git too",
        )
