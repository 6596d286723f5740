"""The AppProject of an Application, read for its sync windows."""

from __future__ import annotations

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.finding import Note
from pointsman.delivery.argocd.windows import Window, windows_of
from pointsman.delivery.boundary import Means
from pointsman.errors import ClusterError
from pointsman.kube.resources import Ref, kind_of

__all__ = ["windows"]


async def windows(means: Means, app: Application) -> tuple[list[Window], list[Note]]:
    """Sync windows that concern it. Its project is where Argo CD is, wherever the Application is."""
    home = str(app.status.get("controllerNamespace") or app.metadata.get("namespace"))
    ref = Ref(kind_of("AppProject"), str(app.spec.get("project") or "default"), home)
    try:
        project = await means.cluster.find(ref)
    except ClusterError as error:
        unread = Note(
            code="argo-project-unread",
            what=f"{ref} cannot be read, so its sync windows are not known: {error.what}",
            next_action="ask for get on appprojects.argoproj.io",
        )
        return [], [unread]
    return (windows_of(project, app, means.clock.now()) if project else []), []
