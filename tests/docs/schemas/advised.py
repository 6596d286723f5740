"""``pick`` and ``compare``."""

from __future__ import annotations

from tests.docs.schemas.words import flag, listed, mapped, maybe, number, obj, one_of, text, whole

__all__ = ["COMPARE", "PICK"]

_FACT = obj({"what": text(), "value": text(), "from": text("where that is said")})
_COST = obj(
    {
        "gpus": whole(),
        "prefillGpus": whole(),
        "perHour": maybe(text("money as text"), "null: no price is known"),
        "prefillPerHour": maybe(text()),
        "priceFrom": maybe(text()),
        "parkedSavesPerDay": maybe(text(), "what parking it in the idle hours saves"),
        "parts": listed(
            obj(
                {
                    "what": text("what runs beside the engine"),
                    "cpu": maybe(text()),
                    "memory": maybe(text()),
                    "for": one_of("", "all models", "each model"),
                    "from": text(),
                }
            )
        ),
    }
)
_LAYER = obj(
    {
        "layer": text(),
        "title": text(),
        "verdict": text("can it, and how"),
        "score": {"type": "integer", "description": "the sum of its reasons' weights"},
        "reasons": listed(obj({"weight": {"type": "integer"}, "what": text(), "from": text()})),
        "obstacles": listed(obj({"what": text(), "from": text(), "way": maybe(text("the way round"))})),
        "first": listed(obj({"what": text("what has to be there before"), "from": text()})),
        "cost": _COST,
    }
)
_BYTES = obj(
    {
        **dict.fromkeys(("total", "usable", "weights", "setAside", "cache"), number()),
        "oneRequest": maybe(
            number(), "what a request of the whole context takes; null: the model's shape is not known"
        ),
    }
)
_FIT = obj(
    {
        "layer": text(),
        "fits": text("does it fit its GPUs"),
        "why": maybe(text()),
        "estimate": flag("is the model's size guessed from its name"),
        "gpu": maybe(text()),
        "gpus": whole("of a replica"),
        "parameters": maybe(number()),
        "activeParameters": maybe(number(), "of a mixture of experts"),
        "weightsBytes": maybe(number()),
        "cachePerTokenBytes": maybe(number()),
        "perGpuBytes": maybe(_BYTES),
        "fullRequests": maybe(number(), "requests of the whole context at a time"),
        "fewestGpus": maybe(whole()),
        "longestContext": maybe(whole()),
        "fewestByGpu": maybe(mapped(whole())),
        "otherLayers": mapped(text(), "layers that it fits otherwise"),
        "assumptions": listed(_FACT),
    }
)
PICK = obj(
    {
        "model": text(),
        "declared": text("the layer in its spec"),
        "pick": maybe(text(), "the layer that suits it; null: none does"),
        "byHand": flag("does the best one ask for work by hand"),
        "facts": listed(_FACT),
        "needs": mapped(True, "what was said on the command line"),
        "layers": listed(_LAYER, "the best first"),
        "fit": _FIT,
        "unknown": listed(text(), "what the answer does not rest on"),
        "changes": listed(text(), "what would change the answer"),
    }
)
COMPARE = obj(
    {
        "model": text(),
        "from": text("the layer that others are compared with"),
        "layers": listed(text()),
        "rows": listed(
            obj(
                {
                    "name": text(),
                    "differs": flag(),
                    "tenants": flag("would tenants notice"),
                    "values": mapped(text(), "by layer"),
                }
            )
        ),
        "notices": mapped(
            listed(obj({"what": text(), "next": maybe(text()), "check": maybe(text("the id of a check"))})),
            "what tenants would notice first, by layer",
        ),
        "unknown": listed(text()),
    }
)
