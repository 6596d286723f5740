"""The URLs by which a platform's manifests call its repository: one that nobody named yet, and ones that differ.

Where there is no remote yet, ``pointsman init`` writes a URL whose host is below ``.invalid``: no name server ever
answers for it (RFC 2606), so it can be told from every real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from pointsman.catalog.appset import AppSet
from pointsman.catalog.config import Config
from pointsman.catalog.manifests import Written
from pointsman.catalog.telling import Told

__all__ = ["PLACEHOLDER", "elsewhere", "placeholder_in"]

PLACEHOLDER = "https://git.example.invalid/platform.git"
_FIELDS = (("repoURL", "repoURL"), ("repoBranch", "revision"))
"""Fields of a configuration, and those of a generator that say the same."""


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


def elsewhere(config: Config, sets: Iterable[AppSet]) -> Iterator[Told]:
    """Where the configuration names another repository or branch than an ApplicationSet, which alone counts."""
    known = list(sets)
    for field, part in _FIELDS:
        said = config.word((field,))
        gits = [(one, one.written.data["spec"]["generators"][0]["git"]) for one in known]
        other = next(((one, git) for one, git in gits if said and git.get(part, "HEAD") != said), None)
        if other:
            one, git = other
            what = (
                f"{field} is {said}, and ApplicationSet {one.name} reads {git.get(part, 'HEAD')}, which is what counts"
            )
            yield Told("warn-repository", config.source.at((field,)), what, f"make them equal: {one.written.where}")
