"""``cost`` and ``audit``."""

from __future__ import annotations

from pointsman.audit.finding import KINDS
from tests.docs.schemas.words import listed, mapped, maybe, number, obj, one_of, text, whole

__all__ = ["AUDIT", "COST"]

_AMOUNTS = {
    "perHour": maybe(
        text("an amount as text, so that nobody rounds it"),
        "null while a part of it is not known, or something could not be looked at",
    ),
    "perMonth": maybe(text("of 730 hours")),
}
MONEY = obj(
    _AMOUNTS,
    "money; where a part is not known or could not be looked at, the least it is",
    {"atLeast": maybe(obj(_AMOUNTS), "the part that is known; null when none is"), "notKnown": whole("unknown parts")},
)
UNSEEN = listed(
    obj({"what": text("a kind, or another thing"), "why": text()}), "what could not be looked at; sums may be too small"
)
PRICES = maybe(
    obj(
        {
            "source": text(),
            "date": text("the day on which they held"),
            "currency": text(),
            "basis": one_of("how far to trust them", "invoice", "contract", "list", "example"),
            "warnings": listed(text()),
        }
    ),
    "null: none were given, and no money is known",
)
_ROW = {
    "gpus": obj(
        {
            "paid": number("what nodes have"),
            "reserved": number("what pods on nodes request"),
            "used": number("reserved, times the share of looks at which their engine did something"),
            "idle": number("reserved and not used, and what no pod requests"),
            "useNotKnown": number("reserved by pods of whose use nobody can say anything"),
        },
        "whole GPUs; slices are apart",
    ),
    "slices": listed(
        obj(
            {
                "name": text("nvidia.com/mig-1g.10gb"),
                **dict.fromkeys(("paid", "reserved", "used", "idle", "useNotKnown"), number()),
            }
        )
    ),
    "cache": maybe(number(), "mean share of the KV caches in use, 0 to 1; null: no engine says it"),
    "volumes": obj({"count": whole(), "gib": number(), "sizeNotKnown": whole("volumes that do not say their size")}),
    "loadBalancers": whole(),
    "money": obj(dict.fromkeys(("paid", "reserved", "used", "idle", "volumes", "loadBalancers"), MONEY)),
    "notKnown": listed(text(), "why a part of the money is not known"),
    "notSeen": listed(text("a kind"), "what could not be looked at, so that counts and money are the least there is"),
}
_THING = obj(
    {
        "name": text("the object: PersistentVolumeClaim serving/qwen-cache"),
        "model": maybe(text()),
        "layer": maybe(text()),
        "devices": mapped(whole(), "accelerators by the name of their resource"),
        "money": MONEY,
        "why": text("why its money is not known; empty when it is"),
    }
)
_TOKENS = obj(
    {
        "model": text(),
        "layer": text(),
        "engines": whole(),
        "enginesCounted": whole("those that say what they counted, and since when"),
        "promptTokens": whole(),
        "generatedTokens": whole(),
        "since": maybe(text("a time"), "the earliest of these engines; null: none says it"),
        "engineHours": text("hours of all these engines together, as text"),
        "perMillionTokens": maybe(text()),
        "perMillionGenerated": maybe(text()),
        "why": text("why something of it is not known, or left out"),
    }
)
COST = obj(
    {
        "prices": PRICES,
        "used": obj(
            {
                "seconds": number("for how long engines were watched; 0: one look"),
                "meaning": text(),
                "notAsked": whole("engines that nobody asked, since there are so many; --over asks them"),
            }
        ),
        "model": maybe(text(), "the model that was asked for; null: all of them"),
        "by": one_of("what a row is", "model", "layer", "namespace", "node"),
        "rows": listed(
            obj(_ROW, "", {key: maybe(text()) for key in ("model", "layer", "namespace", "node")}),
            "by name; null is what belongs to none",
        ),
        "total": obj(_ROW),
        "parked": listed(_THING, "of layers that no pod runs; a move back needs it"),
        "idleNodes": listed(_THING, "nodes with accelerators that no pod requests"),
        "tokens": listed(_TOKENS),
        "waiting": listed(obj({"pod": text(), "accelerators": whole()}), "pods that no node took: nothing is reserved"),
        "warnings": listed(text()),
        "notes": listed(text()),
        "unseen": UNSEEN,
        "calls": obj({"lists": whole("pages of lists"), "engines": whole(), "edges": whole()}),
    }
)
_FOUND = {
    "kind": one_of("docs/audit.md", *KINDS),
    "name": text("the object"),
    "owner": text("whose it is, as far as it says"),
    "what": text("why it is here"),
    "money": maybe(MONEY, "null: it is no thing that has a price"),
    "moneyNotKnown": maybe(text()),
    "end": text("the one command that ends it"),
    "note": maybe(text("what to know before that")),
}
AUDIT = obj(
    {
        "prices": PRICES,
        "findings": listed(obj(_FOUND)),
        "kept": listed(obj(_FOUND | {"kept": text("who said that it stays")}), "what teardowns were told to keep"),
        "money": MONEY,
        "unseen": UNSEEN,
        "outside": listed(text(), "what cannot be seen from inside the cluster"),
        "models": whole("models that are known or declared"),
        "calls": obj({"lists": whole("pages of lists")}),
    }
)
