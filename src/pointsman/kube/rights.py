"""What the caller may do, asked of the API server: which of some rights are missing.

One SelfSubjectRulesReview a namespace tells most (kubernetes 1.34, authorization.k8s.io/v1). It is incomplete where
an authorizer cannot list its rules (a webhook), and says nothing of the whole cluster; a right that it does not show is
asked for by a SelfSubjectAccessReview of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pointsman.errors import TemporaryError
from pointsman.kube.answers import backoff, retry_delay
from pointsman.kube.resources import Kind

if TYPE_CHECKING:
    from pointsman.kube.http import Caller, Response

__all__ = ["Right", "denial", "missing", "rights"]

_REVIEWS = "/apis/authorization.k8s.io/v1/"
TOLD = 5
"""Rights that are named in a sentence; the rest is counted."""
TRIES = 4
"""A review changes nothing, so it may be asked for again."""


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource."""

    verb: str
    kind: Kind
    namespace: str | None = None
    """None: in the whole cluster."""
    subresource: str = ""
    name: str = ""
    """One object; "" for all of them."""

    @property
    def resource(self) -> str:
        """As a role writes it: ``pods/log``."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural

    def __str__(self) -> str:
        group = f".{self.kind.group}" if self.kind.group else ""
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{group}{' ' if self.name else ''}{self.name}{where}"

    def covered_by(self, rule: Mapping[str, Any]) -> bool:
        """Does this rule of a review give it?"""
        names = rule.get("resourceNames") or []
        resources = {"*", self.resource} | ({f"*/{self.subresource}"} if self.subresource else set())
        return (
            not {"*", self.verb}.isdisjoint(rule.get("verbs") or [])
            and not {"*", self.kind.group}.isdisjoint(rule.get("apiGroups") or [])
            and not resources.isdisjoint(rule.get("resources") or [])
            and (not names or self.name in names)
        )


def rights(
    verbs: Iterable[str], kind: Kind, namespace: str | None = None, *, subresource: str = "", name: str = ""
) -> list[Right]:
    """A right for each verb."""
    return [Right(verb, kind, namespace, subresource, name) for verb in verbs]


def denial(denied: Sequence[Right]) -> str:
    """What the caller may not do, as a sentence."""
    more = f"; and {len(denied) - TOLD} more" if len(denied) > TOLD else ""
    return f"you may not {'; '.join(map(str, denied[:TOLD]))}{more}"


async def missing(cluster: Caller, wanted: Iterable[Right]) -> list[Right] | None:
    """Those of ``wanted`` that the caller does not have, in their order; None when the API server does not say."""
    asked = list(dict.fromkeys(wanted))
    spaces = sorted({one.namespace for one in asked if one.namespace})
    found = await asyncio.gather(*(_rules(cluster, space) for space in spaces))
    rules = dict(zip(spaces, found, strict=True))
    open_ = [one for one in asked if not any(one.covered_by(rule) for rule in rules.get(one.namespace or "", []))]
    answers = await asyncio.gather(*(_allowed(cluster, one) for one in open_))
    denied = [one for one, allowed in zip(open_, answers, strict=True) if allowed is False]
    return None if None in answers and not denied else denied


async def _rules(cluster: Caller, namespace: str) -> Sequence[Mapping[str, Any]]:
    status = await _review(cluster, "SelfSubjectRulesReview", {"namespace": namespace})
    return (status or {}).get("resourceRules") or []


async def _allowed(cluster: Caller, right: Right) -> bool | None:
    asked = {
        "verb": right.verb,
        "group": right.kind.group,
        "resource": right.kind.plural,
        "subresource": right.subresource,
        "namespace": right.namespace or "",
        "name": right.name,
    }
    status = await _review(cluster, "SelfSubjectAccessReview", {"resourceAttributes": asked})
    return None if status is None else bool(status.get("allowed"))


async def _review(cluster: Caller, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The status of a review; None when there is none to be had."""
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    for attempt in range(TRIES):
        delay: float | None
        try:
            answer = await cluster.http("POST", f"{_REVIEWS}{kind.lower()}s", body=body)
        except TemporaryError:
            delay = backoff(attempt)
        else:
            if answer.status in (200, 201):
                return _status(answer)
            # Like a GET it can be said twice.
            delay = retry_delay("GET", answer.status, answer.headers, attempt)
        if delay is None or attempt == TRIES - 1:
            return None
        await asyncio.sleep(delay)
    raise AssertionError("unreachable")


def _status(answer: Response) -> Mapping[str, Any] | None:
    try:
        status = answer.json()["status"]
    except (ValueError, KeyError, TypeError):
        return None
    return status if isinstance(status, Mapping) else None
