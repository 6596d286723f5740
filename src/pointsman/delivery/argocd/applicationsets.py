"""Which ApplicationSet would make an Application that is not there yet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.delivery.argocd.shape import mapping
from pointsman.delivery.boundary import Cluster
from pointsman.errors import ClusterError, NotFoundError, PointsmanError, RefusedError
from pointsman.kube.resources import kind_of

__all__ = ["absent", "any_name", "missing", "named_by"]

_TEMPLATE = re.compile(r"\{\{.*?\}\}")


def named_by(sets: Iterable[Mapping[str, Any]], name: str) -> list[str]:
    """Those whose template's name can become this one: ``group-{{.name}}`` can become ``group-kserve``."""
    return [str(one["metadata"]["name"]) for one in sets if (found := _pattern(one)) and re.fullmatch(found, name)]


def any_name(sets: Iterable[Mapping[str, Any]]) -> list[str]:
    """Those whose template's name, ``{{.name}}``, can become any."""
    return [str(one["metadata"]["name"]) for one in sets if len(found := _parts(one)) > 1 and not any(found)]


def _pattern(found: Mapping[str, Any]) -> str:
    parts = _parts(found)
    return ".+".join(map(re.escape, parts)) if any(parts) else ""


def _parts(found: Mapping[str, Any]) -> list[str]:
    template = mapping(mapping(found.get("spec")).get("template"))
    return _TEMPLATE.split(str(mapping(template.get("metadata")).get("name") or ""))


def absent() -> NotFoundError:
    """The error for a cluster without Argo CD."""
    return NotFoundError(
        "this cluster serves no applications.argoproj.io",
        next_action="is it the right context (--context), and is Argo CD installed there?",
        code="argo-absent",
    )


async def missing(cluster: Cluster, name: str, namespace: str) -> PointsmanError:
    """The error for an Application that does not exist."""
    unread = ""
    try:
        sets = await cluster.list(kind_of("ApplicationSet"), namespace)
    except NotFoundError:
        return absent()
    except ClusterError as error:
        sets, unread = [], f" (ApplicationSets could not be read: {error.what})"
    makers, perhaps = named_by(sets, name), any_name(sets)
    if makers:
        return RefusedError(
            f"it does not exist yet; ApplicationSet {', '.join(makers)} would make it",
            where=f"Application {namespace}/{name}",
            next_action=f"--wait-for-app waits for it; kubectl -n {namespace} describe applicationset {makers[0]} says "
            "what keeps it",
            code="argo-app-awaited",
        )
    would = (
        f"only ApplicationSet {' or '.join(perhaps)}, which makes any name," if perhaps else "no ApplicationSet here"
    )
    return RefusedError(
        f"it does not exist, and {would} would make it{unread}",
        where=f"Application {namespace}/{name}",
        next_action=f"kubectl -n {namespace} get applications lists what there is; --namespace names another place"
        + ("; --wait-for-app waits for one that is still to be made" if perhaps else ""),
        code="argo-app-missing",
    )
