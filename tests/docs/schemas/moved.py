"""``plan`` and ``move --dry-run``, ``up``, and ``demo``."""

from __future__ import annotations

from typing import Any

from pointsman.demo.ledger import FAILURES
from pointsman.move.plan.strategy import STRATEGIES
from pointsman.move.waits import Wait
from tests.docs.schemas.checked import FINDING_FIELDS
from tests.docs.schemas.served import ERROR_FIELDS
from tests.docs.schemas.words import flag, listed, mapped, maybe, number, obj, one_of, text, whole

__all__ = ["DEMO", "PLAN", "UP"]

_ROOM = {"needed": whole("what the target asks for"), "free": whole("by the scheduler's count")}
PLAN = obj(
    {
        "model": text(),
        "source": text("the layer that serves now"),
        "target": text("the layer that is to serve"),
        "strategy": one_of("how the target gets its room", *STRATEGIES),
        "why": text("of the strategy"),
        "objects": listed(
            obj(
                {
                    "object": text("InferenceService kserve/qwen"),
                    "action": one_of("", "make", "change", "wake", "drain", "park", "leave"),
                    "changes": listed(
                        obj({"path": text("spec.replicas"), "before": {}, "after": {}}),
                        "field by field, as the API server says in a dry run",
                    ),
                },
                "",
                {"note": text()},
            ),
            "in the order in which they are written",
        ),
        "steps": listed(obj({"id": text(), "act": text(), "check": text(), "undo": text()})),
        "needs": obj(
            {
                "gpus": obj(
                    {
                        **_ROOM,
                        "total": whole("of all nodes"),
                        "pending": whole("asked for by pods that no node took yet; they come first"),
                    },
                    "accelerators",
                ),
                "cpuMillicores": obj(_ROOM, "thousandths of a core"),
                "memoryBytes": obj(_ROOM, "bytes"),
            }
        ),
        "checks": mapped(text(), "what the preflight found, by check"),
        "prediction": obj(
            {
                "seconds": number("of all steps together"),
                "downtimeSeconds": number("without any engine"),
                "downtimeSource": text("where that is known from"),
                "steps": listed(
                    obj({"step": text(), "seconds": number(), "source": text("where the figure is known from")})
                ),
            }
        ),
        "price": obj(
            {
                "startsPerHour": maybe(text("money as text"), "that the target costs; null: no price is declared"),
                "stopsPerHour": maybe(text("money as text"), "that the source costs no more; null: as above"),
                "whileBoth": maybe(text("money as text"), "for standing side by side; null: one of them is not known"),
                "bothSeconds": number("for which both are paid for, as predicted"),
            }
        ),
        "released": whole("accelerators that the source holds, and gives back when it is parked"),
        "shifting": obj(
            {
                "commitsTo": text("the file and branch; empty where the cluster is written to"),
                "reviewed": flag("is each change a pull request that the move waits for"),
                "changes": listed(obj({"step": text(), "subject": text("the commit's")}), "of the alias, in order"),
                "givesUp": text("against the usual steps, as sentences; empty when nothing is"),
            }
        ),
        "findings": listed(obj(FINDING_FIELDS), "what the catalogue of checks says of the target; none is an error"),
        "fingerprint": mapped(text(), "what must not change before the plan is applied: digests by what they are of"),
    },
    "plan, move --dry-run",
)
_WAITS: dict[str, Any] = {
    "type": "object",
    "propertyNames": {"enum": [one.value for one in Wait]},
    "additionalProperties": number("seconds"),
    "description": "seconds spent waiting for others, by kind",
}
UP = obj(
    {
        "model": text(),
        "layer": text(),
        "alias": text("by which tenants call it"),
        "baseUrl": text("where the layer is asked"),
        "objects": listed(text(), "that were applied, in that order"),
        "pods": listed(text(), "engines that were asked for a completion, and gave one"),
        "answered": mapped(whole(), "requests through the alias, by the member of the alias that answered"),
        "waits": _WAITS,
    },
    "up without --layer",
)
_RANKS = obj({}, "of whole right answers; empty when there is none", dict.fromkeys(("p50", "p95", "p99"), number()))
_FELT = {
    "requests": whole("that were sent"),
    "streams": whole("of these"),
    "lost": whole("without a whole right answer"),
    "cut": whole("answers that broke off"),
    "wrong": whole("whole answers that are not the right one"),
    "unfinished": whole("still in flight"),
    "silentSeconds": number("the longest stretch in which nobody was answered"),
    "errors": obj({}, "failures by kind", {kind: whole() for kind in FAILURES}),
    "retriedByEdge": whole("answered at a second try of the edge"),
    "latency": _RANKS | {"description": "seconds to the end of the answer"},
    "ttft": _RANKS | {"description": "seconds to the first token of streams"},
    "answeredBy": mapped(whole(), "by the member of the alias"),
}
_SIGNED = {"type": "number", "description": "seconds from the move's beginning"}
_TENANTS = {
    "requests": whole("of tenants that the move's time touches"),
    "lost": whole(),
    "cut": whole(),
    "wrong": whole(),
    "streamShareInFlight": number("0 to 1"),
    "requestsPerSecond": number(),
    "tenants": obj(dict.fromkeys(("before", "during", "after"), obj(_FELT))),
    "lostRequests": listed(
        obj(
            {
                "kind": one_of("", *FAILURES, "unfinished"),
                "why": text(),
                "count": whole(),
                "sentFrom": _SIGNED,
                "sentTo": _SIGNED,
                "longestWait": number("seconds"),
            }
        ),
        "by reason, the most first; 20 at most",
    ),
}
_COUNT = {
    "anyOf": [
        whole(),
        obj({"atLeast": {"type": "integer"}, "atMost": {"type": ["integer", "string"], "description": "or unknown"}}),
    ],
    "description": "requests; where they are not known to the request, what is",
}
_RECONCILED = obj(
    {
        "agrees": flag("can the receipts and the tenants' ledger both be true"),
        "exact": flag("are they the same to the request"),
        "failed": whole("requests that tenants count as failed"),
        "layers": mapped(
            obj(
                {
                    "ledger": whole("requests whose whole right answer tenants had from the layer"),
                    "receipts": _COUNT,
                    "outside": _COUNT | {"description": "requests answered outside of all receipts' windows"},
                    "failed": whole("failed ones that the layer may have answered all the same"),
                    "agrees": flag(),
                    "exact": flag(),
                    "why": listed(text(), "why a number is a range, or cannot be"),
                }
            )
        ),
    }
)
_MOVE: dict[str, Any] = {
    "allOf": [{"$ref": "receipt.schema.json"}],
    "type": "object",
    "required": list(_TENANTS),
    "properties": _TENANTS,
    "unevaluatedProperties": False,
    "description": "a move's receipt, with what tenants felt of it",
}
_LOAD = {
    **_FELT,
    "latestDeparture": number("seconds after its time at which the latest request left"),
    "rate": number("requests per second"),
}
DEMO = obj(
    {
        "moves": listed(_MOVE, "in order"),
        "load": {"oneOf": [obj({}, "no tenant came"), obj(_LOAD)], "description": "all requests of the tenants"},
        "reconciliation": maybe(_RECONCILED, "null: the engines could not be counted, or a move has no receipt"),
        "seconds": number("of the whole demo"),
        "interrupted": flag(),
    },
    "",
    {"error": ERROR_FIELDS},
)
