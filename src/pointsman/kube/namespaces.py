"""Namespaces that somebody names: of one that is not there nothing is found, which says nothing about anything.

Forbidden is not absent: one that may not be looked up is told as that.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from pointsman.errors import NotFoundError, PermanentError, UsageError
from pointsman.kube.resources import Ref, kind_of

__all__ = ["Reader", "absent", "unknown_among"]


class Reader(Protocol):
    """What of the client is used here."""

    async def get(self, ref: Ref) -> dict[str, Any]:
        """The object, or NotFoundError."""


async def unknown_among(cluster: Reader, names: Iterable[str]) -> dict[str, str]:
    """Of these namespaces those that may not be looked up, and why; raises UsageError for one that is not there."""
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        try:
            await cluster.get(_named(name))
        except NotFoundError:
            raise absent(name) from None
        except PermanentError as error:
            if error.code != "cluster-forbidden":
                raise
            found[name] = f"whether it is there is not known: {error.what}"
    return found


def _named(name: str) -> Ref:
    if not name:
        raise absent(name)
    return Ref(kind_of("Namespace"), name)


def absent(name: str) -> UsageError:
    """The error for one that is not there."""
    return UsageError(
        f"the cluster has no namespace {name[:80]!r}",
        next_action="name one that is there (kubectl get namespaces), or leave --namespace out for all of them",
        code="namespace-unknown",
    )
