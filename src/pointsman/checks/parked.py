"""725: an engine that was turned off while tenants are still sent to it."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adopt.promise import Engine
from pointsman.adopt.words import Place
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.state import annotation
from pointsman.checks.view import View, get

__all__ = ["CHECKS"]

_STOP = "serving.kserve.io/stop"


def _off(engine: Engine) -> tuple[str, Place] | None:
    """How it is turned off, and where that stands."""
    one = engine.standing
    if annotation(one, _STOP).lower() == "true" and engine.layer != "raw-vllm":
        return f"it is stopped ({_STOP})", ("metadata", "annotations", _STOP)
    if get(one.data, "spec", "replicas") == 0 and engine.layer != "kserve":
        return "it has 0 replicas", ("spec", "replicas")
    return None


def _parked(view: View) -> Iterator[Told]:
    for model in view.models:
        for road in model.roads:
            share = model.share_of(road)
            off = [(engine, found) for engine in road.engines if (found := _off(engine))]
            if share and off and len(off) == len(road.engines):
                engine, (how, place) = off[0]
                what = f"{how}, and {road.where} sends it {share:.0%} of what {road.member.alias} is asked"
                yield Told(engine.standing, what, place, model=model.name)


CHECKS = (
    Check(
        "PM725",
        "parked-with-alias",
        Level.error,
        frozenset({"models"}),
        cause="an alias that points at an engine without pods answers with errors, or waits for its time-outs",
        remedy="wake the engine (pointsman up), or point the alias elsewhere first (pointsman move)",
        sure=Sure.measured,
        fact="KServe 0.20.0 and LiteLLM 1.106.2 in the lab: a stopped layer's Service is gone, each request is lost",
        run=_parked,
        sources=frozenset({Source.cluster}),
    ),
)
