"""Applying a profile: the AppProjects, then the ApplicationSets in its order.

All of it is tried first, as the API server itself tries it, so that one it does not take leaves none of the others
applied.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pointsman.catalog.profile import Profile
from pointsman.errors import NotFoundError, PermanentError, RefusedError
from pointsman.root.survey import Cluster

__all__ = ["ANEW", "apply", "manifests_of"]

ANEW = "argocd.argoproj.io/application-set-refresh"
"""Argo CD takes it away again once it has read git."""

WRITTEN_EMPTY = ".directory.jsonnet"
"""What Argo CD's controller writes as ``{}`` wherever it writes an ApplicationSet back (seen on argo-cd 3.2.6)."""


def manifests_of(profile: Profile) -> list[tuple[str, dict[str, Any]]]:
    """What is applied, in order: a name for people, and the manifest."""
    written = [*profile.projects, *(one.written for one in profile.sets)]
    return [(f"{one.kind} {one.namespace}/{one.name}", dict(one.data)) for one in written]


async def apply(profile: Profile, cluster: Cluster, tell: Callable[[str], None]) -> list[str]:
    """Apply it by server-side apply, each told once it is done; what was applied."""
    wanted = manifests_of(profile)
    for name, manifest in wanted:
        await _tried(name, manifest, cluster)
    done = []
    for name, manifest in wanted:
        await cluster.apply(_asking(manifest))
        done.append(name)
        tell(f"applied {name}")
    return done


def _asking(manifest: dict[str, Any]) -> dict[str, Any]:
    """An ApplicationSet is asked to read git anew: it remembers a branch's commit for three minutes (argo-cd 3.2), and
    would act on the groups file from before the last push."""
    if manifest["kind"] != "ApplicationSet":
        return manifest
    metadata = manifest["metadata"]
    return manifest | {"metadata": metadata | {"annotations": {**(metadata.get("annotations") or {}), ANEW: "true"}}}


async def _tried(name: str, manifest: dict[str, Any], cluster: Cluster) -> None:
    try:
        after = await cluster.apply(manifest, dry_run=True)
    except NotFoundError as error:
        raise PermanentError(
            "the cluster has no such kind or namespace: Argo CD is not installed there",
            where=name,
            next_action="install Argo CD, or check the kubeconfig's context",
            code="argo-missing",
        ) from error
    other = _other(manifest["spec"], after.get("spec"), "spec") if manifest["kind"] == "ApplicationSet" else ""
    if other:
        raise RefusedError(
            f"{other} would not be as in the file: server-side apply leaves what others set there",
            where=name,
            next_action=f"take it out of the live object, or write it into the file: kubectl edit {_words(name)}",
            code="root-leftovers",
        )


def _other(wanted: Any, found: Any, place: str) -> str:
    """The first field that is not as it is meant; empty when all are. Its lists are atomic, so they compare whole."""
    if place.endswith(WRITTEN_EMPTY) and not wanted and not found:
        return ""
    if not isinstance(wanted, dict) or not isinstance(found, dict):
        return "" if wanted == found else place
    for key in [*wanted, *(key for key in found if key not in wanted)]:
        if said := _other(wanted.get(key), found.get(key), f"{place}.{key}"):
            return said
    return ""


def _words(name: str) -> str:
    kind, _, place = name.partition(" ")
    namespace, _, bare = place.partition("/")
    return f"{kind.lower()} -n {namespace} {bare}"
