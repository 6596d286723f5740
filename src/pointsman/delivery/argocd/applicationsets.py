"""Which ApplicationSet would make an Application that is not there yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.delivery.argocd.shape import mapping
from pointsman.delivery.boundary import Cluster
from pointsman.errors import ClusterError, NotFoundError, PointsmanError, RefusedError
from pointsman.kube.resources import kind_of

__all__ = ["absent", "missing", "named_by"]

_TEMPLATE = re.compile(r"\{\{.*?\}\}")


def named_by(sets: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """Those whose template's name can become this one: ``group-{{.name}}`` can become ``group-kserve``."""
    return [str(one["metadata"]["name"]) for one in sets if (found := _pattern(one)) and re.fullmatch(found, name)]


def _pattern(found: Mapping[str, Any]) -> str:
    template = mapping(mapping(found.get("spec")).get("template"))
    parts = _TEMPLATE.split(str(mapping(template.get("metadata")).get("name") or ""))
    return ".+".join(map(re.escape, parts)) if any(parts) else ""


def absent() -> NotFoundError:
    """The error for a cluster without Argo CD."""
    return NotFoundError(
        "this cluster serves no applications.argoproj.io",
        next_action="is it the right context (--context), and is Argo CD installed there?",
        code="argo-absent",
    )


async def missing(cluster: Cluster, name: str, namespace: str) -> PointsmanError:
    """The error for an Application that does not exist."""
    try:
        makers = named_by(await cluster.list(kind_of("ApplicationSet"), namespace), name)
    except NotFoundError:
        return absent()
    except ClusterError as error:
        makers, unread = [], f" (ApplicationSets could not be read: {error.what})"
    else:
        unread = ""
    if makers:
        return RefusedError(
            f"it does not exist yet; ApplicationSet {', '.join(makers)} would make it",
            where=f"Application {namespace}/{name}",
            next_action=f"--wait-for-app waits for it; kubectl -n {namespace} describe applicationset {makers[0]} says "
            "what keeps it",
            code="argo-app-awaited",
        )
    return RefusedError(
        f"it does not exist, and no ApplicationSet here would make it{unread}",
        where=f"Application {namespace}/{name}",
        next_action=f"kubectl -n {namespace} get applications lists what there is; --namespace names another place",
        code="argo-app-missing",
    )
