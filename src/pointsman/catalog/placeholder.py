"""A repository URL that stands for one nobody knew: ``pointsman init`` writes it where there is no remote yet.

The host is below ``.invalid``, which no name server ever answers for (RFC 2606), so it can be told from every real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pointsman.catalog.manifests import Written

__all__ = ["PLACEHOLDER", "placeholder_in"]

PLACEHOLDER = "https://git.example.invalid/platform.git"


def placeholder_in(manifests: Iterable[Written]) -> tuple[str, str]:
    """Where the first one stands, and the URL; both empty when all are real."""
    found = ((one.at(*place), url) for one in manifests for place, url in _urls(one.data, ()) if _stands_for_one(url))
    return next(found, ("", ""))


def _urls(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    parts = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        if key == "repoURL" and isinstance(part, str):
            yield (*place, key), part
        else:
            yield from _urls(part, (*place, key))


def _stands_for_one(url: str) -> bool:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return host == "invalid" or host.endswith(".invalid")
