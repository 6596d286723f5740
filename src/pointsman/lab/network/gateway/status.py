"""What the controller says about each object: pure functions from objects to status bodies.

A condition keeps its transition time while its status stays the same, so that writing the same verdict again is
no change. Parents written by other controllers are kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from pointsman.lab.network.gateway.attachment import CONTROLLER, GROUP, Attachment, is_served
from pointsman.lab.network.store import Key, Object

__all__ = ["Verdict", "class_status", "gateway_status", "pool_status", "route_status"]

Status = dict[str, Any]
Verdict = tuple[str, str, str, str]
"""Condition type, status, reason, message."""

_ROUTE_KIND = {"group": GROUP, "kind": "HTTPRoute"}


def class_status(item: Object) -> Status:
    """Status of a GatewayClass of ours."""
    verdict = ("Accepted", "True", "Accepted", "served by the lab's network")
    return {"conditions": _conditions(item, (item.get("status") or {}).get("conditions"), [verdict])}


def gateway_status(gateway: Object, address: str, attached: Mapping[str, int]) -> Status:
    """Status of a Gateway that is served at ``address``; ``attached`` counts routes by listener."""
    before = gateway.get("status") or {}
    listeners = gateway["spec"]["listeners"]
    served = [item for item in listeners if is_served(item)]
    accepted = "Accepted" if len(served) == len(listeners) else "ListenersNotValid"
    verdicts: list[Verdict] = [
        (
            "Accepted",
            "True" if served else "False",
            accepted,
            f"{len(served)} of {len(listeners)} listeners are served",
        ),
        ("Programmed", "True", "Programmed", f"served at {address}")
        if served
        else ("Programmed", "False", "Invalid", "no listener can be served"),
    ]
    known = {item["name"]: item for item in before.get("listeners") or ()}
    return {
        "addresses": [{"type": "IPAddress", "value": address}],
        "conditions": _conditions(gateway, before.get("conditions"), verdicts),
        "listeners": [
            _listener_status(gateway, item, known.get(item["name"], {}), attached.get(item["name"], 0))
            for item in listeners
        ],
    }


def route_status(route: Object, judged: Iterable[Attachment], refs: Verdict, unsupported: str) -> Status:
    """Status of an HTTPRoute: one parent per reference to a Gateway of ours."""
    before = (route.get("status") or {}).get("parents") or []
    others = [item for item in before if item["controllerName"] != CONTROLLER]
    mine = [item for item in before if item["controllerName"] == CONTROLLER]
    parents = []
    for attachment in judged:
        verdict = ("Accepted", "True" if attachment.accepted else "False", attachment.reason, attachment.message)
        if attachment.accepted and unsupported:
            verdict = ("Accepted", "False", "UnsupportedValue", unsupported)
        ref = dict(attachment.ref)
        known = next((item["conditions"] for item in mine if item["parentRef"] == ref), None)
        conditions = _conditions(route, known, [verdict, refs])
        parents.append({"parentRef": ref, "controllerName": CONTROLLER, "conditions": conditions})
    return {"parents": [*others, *parents]}


def pool_status(pool: Object, gateways: Iterable[Key], picker_exists: bool) -> Status:
    """Status of an InferencePool: one parent per Gateway of ours whose routes use it."""
    before = (pool.get("status") or {}).get("parents") or []
    others = [item for item in before if item.get("controllerName") != CONTROLLER]
    mine = [item for item in before if item.get("controllerName") == CONTROLLER]
    resolved: Verdict = (
        ("ResolvedRefs", "True", "ResolvedRefs", "the endpoint picker's Service exists")
        if picker_exists
        else ("ResolvedRefs", "False", "InvalidExtensionRef", "the endpoint picker's Service does not exist")
    )
    accepted: Verdict = ("Accepted", "True", "Accepted", "the lab's gateway routes to this pool")
    parents = []
    for namespace, name in gateways:
        ref = {"group": GROUP, "kind": "Gateway", "name": name, "namespace": namespace}
        known = next((item.get("conditions") for item in mine if item["parentRef"] == ref), None)
        conditions = _conditions(pool, known, [accepted, resolved])
        parents.append({"parentRef": ref, "controllerName": CONTROLLER, "conditions": conditions})
    return {"parents": [*others, *parents]}


def _listener_status(gateway: Object, listener: Object, before: Object, attached: int) -> Status:
    served = is_served(listener)
    verdicts: list[Verdict] = (
        [
            ("Accepted", "True", "Accepted", "the listener is valid"),
            ("Programmed", "True", "Programmed", "the listener is served"),
            ("ResolvedRefs", "True", "ResolvedRefs", "there is nothing to resolve"),
        ]
        if served
        else [
            ("Accepted", "False", "UnsupportedProtocol", "the lab serves HTTP listeners only"),
            ("Programmed", "False", "Invalid", "the listener is not served"),
            ("ResolvedRefs", "True", "ResolvedRefs", "there is nothing to resolve"),
        ]
    )
    return {
        "name": listener["name"],
        "supportedKinds": [_ROUTE_KIND] if served else [],
        "attachedRoutes": attached,
        "conditions": _conditions(gateway, before.get("conditions"), verdicts),
    }


def _conditions(item: Object, before: Iterable[Object] | None, verdicts: Iterable[Verdict]) -> list[Status]:
    known = {condition["type"]: condition for condition in before or ()}
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = []
    for name, status, reason, message in verdicts:
        old = known.get(name)
        since = old["lastTransitionTime"] if old and old["status"] == status else now
        made.append(
            {
                "type": name,
                "status": status,
                "reason": reason,
                "message": message,
                "observedGeneration": item["metadata"].get("generation", 0),
                "lastTransitionTime": since,
            }
        )
    return made
