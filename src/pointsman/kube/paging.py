"""Reading a long list in pages, so that neither side has to hold a big cluster in one answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from pointsman.errors import ClusterError
from pointsman.kube.resources import Kind

__all__ = ["in_pages"]

PAGE = 500
"""Objects of one answer."""


class Source(Protocol):
    """Whoever lists a collection."""

    async def listed(
        self, kind: Kind, path: str, params: Mapping[str, str]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The objects of a collection, or a part of them, and the list's metadata."""


async def in_pages(
    source: Source, kind: Kind, path: str, params: Mapping[str, str], *, managers: bool = False
) -> AsyncIterator[list[dict[str, Any]]]:
    """All objects, PAGE at a time; without the managers of their fields, a third of the text, unless they are wanted.

    When the server has forgotten where a page ended, all of them come once more, in one answer.
    """
    bounds, more = {"limit": str(PAGE)}, ""
    while True:
        try:
            items, metadata = await source.listed(kind, path, {**params, **bounds})
        except ClusterError as error:
            if not more or error.code != "cluster-expired":
                raise
            bounds, more = {}, ""
            continue
        if not managers:
            _without_managers(items)
        yield items
        more = str(metadata.get("continue") or "")
        if not more:
            return
        bounds = {"limit": str(PAGE), "continue": more}


def _without_managers(items: list[dict[str, Any]]) -> None:
    for one in items:
        if isinstance(own := one.get("metadata"), dict):
            own.pop("managedFields", None)
