"""ApplicationSets over a groups file, as a platform has them."""

from __future__ import annotations

from typing import Any

from tests.gitops.ground import ARGO, HERE, Ground, Object

__all__ = ["FINALIZER", "appset", "groups"]

FINALIZER = "resources-finalizer.argocd.argoproj.io"


def groups(ground: Ground, *names: str) -> dict[str, str]:
    """The groups file with these groups switched on."""
    lines = (f'- {{ name: {name}, enabled: "true", catalogPath: {ground.name}/{name} }}\n' for name in names)
    return {"groups.yaml": "".join(lines) or "[]\n"}


def appset(ground: Ground, **more: Any) -> Object:
    """One that makes an automated Application of each group, with the finalizer."""
    source = {"repoURL": ground.remote, "targetRevision": ground.here.branch, "path": "{{.catalogPath}}"}
    automated = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["CreateNamespace=true"]}
    spec = {
        "project": "default",
        "source": source,
        "destination": {"server": HERE, "namespace": ground.name},
        "syncPolicy": automated,
    }
    metadata = {"name": f"{ground.name}-{{{{.name}}}}", "labels": {"of": ground.name}, "finalizers": [FINALIZER]}
    files = {
        "repoURL": ground.remote,
        "revision": ground.here.branch,
        "files": [{"path": f"{ground.name}/groups.yaml"}],
    }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": ground.name, "namespace": ARGO, "labels": {"of": ground.name}},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"git": files, "selector": {"matchLabels": {"enabled": "true"}}}],
            "template": {"metadata": metadata, "spec": spec},
            **more,
        },
    }
