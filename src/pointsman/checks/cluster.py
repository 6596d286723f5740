"""Checks on what runs: every kind that they read is listed once, in pages, and nothing is asked twice.

Of definitions of kinds only the names are read, since a cluster's schemas weigh megabytes. The API server's own version
stands among the objects as ``APIServer``. What may not be listed makes checks that read it "not checked".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from pointsman.adopt.adopted import Adopted
from pointsman.adopt.living import KINDS as PARTS
from pointsman.adopt.living import read_world, seen
from pointsman.adopt.objects import Deployed
from pointsman.adopt.standing import Origin, Standing
from pointsman.checks.check import Check, Source
from pointsman.checks.finding import Outcome
from pointsman.checks.running import kinds_read, run
from pointsman.checks.view import View
from pointsman.errors import PermanentError, UsageError
from pointsman.kube.http import Response
from pointsman.kube.resources import Kind, kind_of

__all__ = ["SERVER", "Cluster", "Examined", "examine", "kinds_listed", "standing_of"]

DEFINITIONS, SERVER = "CustomResourceDefinition", "APIServer"


class Cluster(Protocol):
    """What of the Kubernetes client is used here."""

    def pages(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        """All objects of a kind, some hundreds at a time."""

    async def names(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[str]:
        """Only the names of a kind's objects."""

    async def http(self, method: str, path: str) -> Response:
        """One raw call, whatever its status."""


@dataclass(frozen=True, slots=True, repr=False)
class Examined:
    """What runs, and what checks say of it.

    It has no text of its own: ``asyncio.run`` makes one of what a task gives back, twice (Python 3.11, through
    ``signal.getsignal``), and that of thousands of objects takes seconds.
    """

    adopted: Adopted
    outcome: Outcome
    calls: int
    """Lists that were asked for, each page of one for itself."""


async def examine(
    cluster: Cluster,
    checks: Sequence[Check],
    namespaces: Iterable[str] = (),
    asked: frozenset[str] = frozenset(),
    patience: float | None = None,
    planned: Sequence[Mapping[str, Any]] = (),
) -> Examined:
    """Read what these checks read, and run them.

    Args:
        cluster: who is asked.
        checks: those that are wanted; those for files alone do not run.
        namespaces: where to list what may not be listed everywhere.
        asked: layers that somebody means to use; what they need is looked at although nothing uses it yet.
        patience: seconds after which what has just begun is told; None: each check knows how long it may take.
        planned: manifests that somebody means to apply; what they name is looked for although they are not there yet.

    Raises ClusterError when the API server does not answer.
    """
    wanted = [one for one in checks if Source.cluster in one.sources]
    names = kinds_listed(wanted)
    kinds, strange = _known(names - {DEFINITIONS, SERVER})
    (world, calls), *extra = await asyncio.gather(
        read_world(cluster, kinds, namespaces),
        *(_READERS[name](cluster) for name in _READERS if name in names),
    )
    for name in strange:
        world.unknown[f"{name.lower()}s"] = f"{name} is not read from clusters"
    for objects, why in extra:
        world.objects += [standing_of(one) for one in objects]
        world.unknown |= why
    found = seen(world)
    meant = [standing_of(one) for one in planned]
    view = View(found, Source.cluster, asked=asked, planned=meant, patience=patience)
    return Examined(found, run(view, wanted), calls + len(extra))


def kinds_listed(checks: Iterable[Check]) -> set[str]:
    """The kinds that are listed for these checks; ``APIServer`` is no kind of Kubernetes."""
    reads = {one for check in checks for one in check.reads}
    return kinds_read(reads) | (set(PARTS) if reads & View.PARTS else set())


def _known(names: Iterable[str]) -> tuple[list[Kind], list[str]]:
    """Kinds that can be listed, and names of those that cannot."""
    kinds, strange = [], []
    for name in sorted(names):
        try:
            kinds.append(kind_of(name))
        except UsageError:
            strange.append(name)
    return kinds, strange


def standing_of(data: Mapping[str, Any]) -> Standing:
    """An object as it is in a cluster, or as it would be."""
    return Standing(Deployed(data), str(data["metadata"].get("namespace") or ""), Origin(""))


async def _definitions(cluster: Cluster) -> tuple[list[dict[str, Any]], dict[str, str]]:
    kind = kind_of(DEFINITIONS)
    try:
        names = await cluster.names(kind)
    except PermanentError as error:
        if error.code != "cluster-forbidden":
            raise
        return [], {kind.plural: f"you may not list {kind.plural}"}
    return [{"kind": DEFINITIONS, "metadata": {"name": name}} for name in names], {}


async def _server(cluster: Cluster) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """``/version`` answers with no object of Kubernetes, and to everybody, unless somebody took that right away."""
    answer = await cluster.http("GET", "/version")
    said = None
    with suppress(ValueError):
        said = answer.json() if answer.status == 200 else None
    if not isinstance(said, dict):
        return [], {f"{SERVER.lower()}s": "the API server does not tell its version"}
    return [{**said, "kind": SERVER, "metadata": {"name": "kubernetes"}}], {}


_READERS = {DEFINITIONS: _definitions, SERVER: _server}
