"""How changes of the alias reach the edge: in the cluster, or by commits that an Application brings there."""

from __future__ import annotations

from pointsman.delivery.argocd.application import Application, application_ref
from pointsman.delivery.argocd.hold import lifting
from pointsman.errors import RefusedError
from pointsman.move.context import Context

__all__ = ["delivery"]

_CODE = "preflight.delivery"


async def delivery(context: Context) -> str:
    """Who brings them, nothing where the cluster is written to; raises RefusedError where the Application that is named
    does not deploy the edge that the model names."""
    place = context.options.in_git
    if place is None:
        return ""
    ref = application_ref(place.application, place.namespace)
    found = await context.cluster.find(ref)
    if found is None:
        raise RefusedError(
            "there is no such Application, and the alias is changed through git",
            where=str(ref),
            next_action="name it in spec.edge.application of platform.yaml, or bring it up: pointsman root",
            code=_CODE,
        )
    app, edge = Application(found), context.model.spec.tenant.edge
    if app.skipped:
        raise RefusedError(
            "Argo CD is told to leave it alone (annotation skip-reconcile), so no commit would reach the edge",
            where=str(ref),
            next_action=f"end the move that holds it (pointsman status), or: {lifting(app)}",
            code=_CODE,
        )
    tracked = {(one.kind, one.namespace, one.name) for one in app.resources}
    wanted = [("ConfigMap", edge.config_map), ("Deployment", edge.deployment)]
    missing = [
        f"{kind} {edge.namespace}/{name}" for kind, name in wanted if (kind, edge.namespace, name) not in tracked
    ]
    if missing:
        raise RefusedError(
            f"it does not deploy {' nor '.join(missing)}, where the model's alias is",
            where=str(ref),
            next_action="name the Application that does in spec.edge of platform.yaml, or correct spec.tenant.edge",
            code=_CODE,
        )
    how = "by itself" if app.automated else "when the move asks it to"
    if place.pull_requests:
        return (
            f"each change of the alias is a pull request to {place.where}, waited for up to {place.merge_timeout:g} s; "
            f"{app.name} syncs it {how}"
        )
    return f"each change of the alias is a commit to {place.where}, which {app.name} syncs {how}"
