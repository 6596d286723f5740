"""6xx: what tenants would notice between layers of one model beyond what ``adopt`` compares: speed, room and timeouts.

What is left to a default is not compared, unless the default is the same on all versions: it is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from pointsman.adopt.models import Found
from pointsman.adopt.promise import Engine
from pointsman.adopt.roads import Road
from pointsman.adopt.standing import Standing
from pointsman.adopt.words import flag_said, words_of
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.members import writes
from pointsman.checks.view import View, get, listed
from pointsman.spec.arguments import base, values

__all__ = ["CHECKS"]

_MODELS = frozenset({"models"})
_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
_LONG = 120
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?")
_SPEED = (
    "max-num-seqs",
    "max-num-batched-tokens",
    "enforce-eager",
    "enable-prefix-caching",
    "enable-chunked-prefill",
    "speculative-config",
)
_OFF = frozenset({"enforce-eager", "speculative-config"})
"""Flags whose default is to be off, in every version that is spoken here."""
_LORA = frozenset({"lora-modules", "enable-lora"})


def _others(view: View) -> Iterator[tuple[Found, Engine, Engine]]:
    """Each layer that does not serve, beside the engine that does."""
    for model in view.models:
        for layer, engine in model.engines.items():
            if layer != model.chief:
                yield model, model.engine, engine


def _said(model: Found, engine: Engine, what: str, name: str = "") -> Told:
    return Told(engine.standing, what, _place(engine, name), model=model.name)


def _place(engine: Engine, name: str) -> tuple[str | int, ...]:
    """Where a flag stands, else the container."""
    container = get(engine.standing.data, *engine.container)
    preset = engine.layer == "llm-d"
    found = flag_said(words_of(container, preset=preset), name) if isinstance(container, dict) and name else None
    return (*engine.container, *found.place) if found else engine.container


def _given(engine: Engine) -> dict[str, str] | None:
    """Its flags; None where some are hidden, since any may be among them."""
    return None if engine.hidden else values(engine.args)


def _cut(view: View) -> Iterator[Told]:
    known = {one.where: one for one in view.of("HTTPRoute")}
    for model in view.models:
        for road in (one for one in model.roads if writes(one.member)):
            for route in (known[hop.where] for hop in road.hops if hop.where in known):
                yield from _cut_by(model, road, route)


def _cut_by(model: Found, road: Road, route: Standing) -> Iterator[Told]:
    for rule, said in enumerate(listed(route.data, "spec", "rules")):
        for key in ("request", "backendRequest"):
            text = get(said, "timeouts", key)
            seconds = _seconds(text)
            if seconds is not None and 0 < seconds < _LONG:
                what = f"it cuts requests of {road.member.alias} after {text}, answers that are still streamed, too"
                yield Told(route, what, ("spec", "rules", rule, "timeouts", key), model=model.name)


def _seconds(text: object) -> float | None:
    found = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if found is None:
        return None
    hours, minutes, seconds, thousandths = (int(one or 0) for one in found.groups())
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _less(view: View) -> Iterator[Told]:
    for model, ours, its in _others(view):
        scaled = any(_scales(view, one) for one in (ours, its))
        same = ours.accelerator == its.accelerator and ours.gpus and its.gpus and ours.replicas and its.replicas
        if same and not scaled and its.gpus * its.replicas < ours.gpus * ours.replicas:
            what = (
                f"it has {its.replicas} x {its.gpus} {its.accelerator}, and {ours} "
                f"{ours.replicas} x {ours.gpus}: tenants would wait longer"
            )
            yield _said(model, its, what)


def _scales(view: View, engine: Engine) -> bool:
    """Does something else decide about its replicas?"""
    if get(engine.standing.data, "spec", "predictor", "maxReplicas") not in (None, engine.replicas):
        return True
    if get(engine.standing.data, "spec", "scaling") is not None:
        return True
    return (engine.namespace, engine.name) in _scaled(view)


def _scaled(view: View) -> Collection[tuple[str, Any]]:
    """What autoscalers name."""
    scalers = view.of(*_SCALERS)
    found: Collection[tuple[str, Any]] | None = view.kept.get("scaled")
    if found is None:
        found = [(one.namespace, get(one.data, "spec", "scaleTargetRef", "name")) for one in scalers]
        view.kept["scaled"] = found
    return found


def _version(view: View) -> Iterator[Told]:
    for model, ours, its in _others(view):
        (mine, my_tag), (other, its_tag) = _image(ours.image), _image(its.image)
        if mine and mine == other and my_tag and its_tag and my_tag != its_tag:
            what = f"its engine is {its_tag}, and that of {ours} {my_tag} ({mine})"
            yield Told(its.standing, what, (*its.container, "image"), model=model.name)


def _image(text: str) -> tuple[str, str]:
    """Repository and tag; no tag where a digest, or nothing, stands in its place."""
    if "@" in text or "$" in text or "{" in text:
        return "", ""
    head, slash, last = text.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}{slash}{name}", tag


def _precision(view: View) -> Iterator[Told]:
    for model, ours, its in _others(view):
        mine, other = _given(ours), _given(its)
        if mine is None or other is None:
            continue
        said, has = mine.get("dtype", "auto"), other.get("dtype", "auto")
        if said != has and "auto" not in (said, has):
            yield _said(model, its, f"--dtype {has}, and {ours} has {said}", "dtype")


def _cache(view: View) -> Iterator[Told]:
    for model, ours, its in _others(view):
        mine, other = _given(ours), _given(its)
        if mine is None or other is None:
            continue
        said, has = mine.get("kv-cache-dtype", "auto"), other.get("kv-cache-dtype", "auto")
        if said != has:
            what = f"--kv-cache-dtype is {has}, and {ours} has {said}"
            yield _said(model, its, what, "kv-cache-dtype")


def _speed(view: View) -> Iterator[Told]:
    for model, ours, its in _others(view):
        mine, other = _given(ours), _given(its)
        if mine is None or other is None:
            continue
        for name in _SPEED:
            default = "off" if name in _OFF else None
            said, has = mine.get(name, default), other.get(name, default)
            if said is not None and has is not None and said != has:
                yield _said(model, its, f"--{name} is {has}, and {ours} has {said}", name)


def _adapters(view: View) -> Iterator[Told]:
    told = [one.where for one in view.disagreements("adopt-argument") if any(f"--{name}" in one.what for name in _LORA)]
    for model, ours, its in _others(view):
        missing = sorted(set(ours.adapters) - set(its.adapters))
        hidden = {base(name) for name in ours.hidden | its.hidden} & _LORA
        if missing and not hidden and not any(where.startswith(_file(its)) for where in told):
            what = (
                f"it does not serve the adapter{'s' if len(missing) > 1 else ''} {', '.join(missing)}, as {ours} does"
            )
            yield _said(model, its, what)


def _file(engine: Engine) -> str:
    return engine.standing.where.rpartition(":")[0] or str(engine)


CHECKS = (
    Check(
        "PM614",
        "route-timeout",
        Level.warning,
        _MODELS | {"HTTPRoute"},
        cause="a route's timeout counts to the end of the answer: long streams are cut, and tenants see half of them",
        remedy="set timeouts: {request: 600s}, or 0s for none",
        sure=Sure.source,
        fact="Gateway API v1, HTTPRouteTimeouts; KServe 0.20.0 writes 60 s where predictor.timeout is not set",
        run=_cut,
    ),
    Check(
        "PM615",
        "less-capacity",
        Level.warning,
        _MODELS | {*_SCALERS},
        cause="fewer GPUs take fewer requests at once: after a move tenants wait, or are refused",
        remedy="give the layer as many GPUs before a move, or move while the load is low",
        sure=Sure.rule,
        fact="capacity of one model grows with its GPUs",
        run=_less,
    ),
    Check(
        "PM616",
        "engine-version",
        Level.warning,
        _MODELS,
        cause="another version of the engine has other defaults, parsers and chat templates",
        remedy="run the same image on every layer, and update all of them together",
        sure=Sure.rule,
        fact="vLLM's release notes change defaults at most minor versions",
        run=_version,
    ),
    Check(
        "PM617",
        "precision",
        Level.warning,
        _MODELS,
        cause="weights computed in another precision give other words at temperature 0",
        remedy="write the same --dtype on every layer",
        sure=Sure.source,
        fact="vLLM docs, usage/reproducibility",
        run=_precision,
    ),
    Check(
        "PM618",
        "cache-precision",
        Level.warning,
        _MODELS,
        cause="a KV cache of less precision holds more and answers otherwise",
        remedy="write the same --kv-cache-dtype on every layer",
        sure=Sure.source,
        fact="vLLM docs, features/quantization/quantized_kvcache",
        run=_cache,
    ),
    Check(
        "PM619",
        "engine-speed",
        Level.info,
        _MODELS,
        cause="settings of the engine decide how many requests run at once, and how fast the first word comes",
        remedy="write the same on every layer, or measure both before a move",
        sure=Sure.source,
        fact="vLLM docs, configuration/optimization",
        run=_speed,
    ),
    Check(
        "PM620",
        "adapters-missing",
        Level.error,
        _MODELS | {"engines", "edges"},
        cause="an engine answers 404 to an adapter that it does not have",
        remedy="serve the same adapters on every layer",
        sure=Sure.source,
        fact="vLLM docs, features/lora",
        run=_adapters,
    ),
)
