"""2xx and 731: ``spec.canary`` of an InferenceService, which KServe has since 0.20."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.words import Place
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.kserve import KIND
from pointsman.checks.view import View, listed, mapped

__all__ = ["LIVE", "OF_FILES", "REFUSED"]

_FIXED = ("maxReplicas", "scaleTarget", "scaleMetric", "autoScaling", "workerSpec")
"""What KServe refuses in a canary: its replicas are fixed, and in one pod."""
_AT = ("spec", "canary")


def _refused(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        stable, canaries = mapped(one.data, "spec", "predictor"), listed(one.data, *_AT)
        if canaries and _unknown_weights(stable):
            what = "beside spec.canary its own predictor says neither model nor STORAGE_URI: KServe refuses it"
            yield Told(one, what, ("spec", "predictor"))
        names = Counter([_name(stable), *(_name(mapped(each, "predictor")) for each in canaries)])
        for at, each in enumerate(canaries):
            for place, why in _wrong(mapped(each, "predictor"), stable, names):
                yield Told(one, f"{why}: KServe refuses it", (*_AT, at, *place))
        total = sum(share for each in canaries if isinstance(share := each.get("trafficPercent"), int))
        if total > 100:
            yield Told(one, f"its canaries ask for {total} % together: KServe refuses it", _AT)


def _wrong(
    canary: Mapping[str, Any], stable: Mapping[str, Any], names: Mapping[str, int]
) -> Iterator[tuple[Place, str]]:
    name = _name(canary)
    if not name:
        yield ("predictor",), "a canary without predictor.name"
    elif names[name] > 1:
        yield ("predictor", "name"), f"a second predictor called {name}"
    for key in _FIXED:
        if canary.get(key):
            yield ("predictor", key), f"a canary with {key}"
    wanted, most = canary.get("minReplicas"), stable.get("minReplicas", 1)
    if isinstance(wanted, int) and isinstance(most, int) and wanted > most:
        yield ("predictor", "minReplicas"), f"a canary of {wanted} replicas beside {most}"


def _name(predictor: Mapping[str, Any]) -> str:
    return str(predictor.get("name") or "")


def _unknown_weights(predictor: Mapping[str, Any]) -> bool:
    """Has it a container of its own that does not say in KServe's words what it loads?"""
    containers = listed(predictor, "containers")
    if not containers or mapped(predictor, "model"):
        return False
    return not any(each.get("name") == "STORAGE_URI" for each in listed(containers[0], "env"))


def _unserved(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for at, each in enumerate(listed(one.data, *_AT)):
            share = each.get("trafficPercent")
            if share:
                what = f"a canary that asks for {share} %: KServe 0.20.0 starts it and sends it no request"
                yield Told(one, what, (*_AT, at))


def _not_routed(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for at, each in enumerate(listed(one.data, *_AT)):
            name = f"{one.name}-{_name(mapped(each, 'predictor'))}-predictor"
            led = _led_to(view, one.namespace, one.name)
            if each.get("trafficPercent") and led and name not in led:
                told = ", ".join(sorted(led))
                what = f"asked for {each['trafficPercent']} %, {name} gets nothing: its HTTPRoute leads to {told} alone"
                yield Told(one, what, (*_AT, at))


def _led_to(view: View, namespace: str, name: str) -> set[str]:
    """Services that the HTTPRoute of tenants leads to; none where there is no such route."""
    return {
        str(back.get("name"))
        for one in [*view.of("HTTPRoute"), *view.made("HTTPRoute")]
        if (one.namespace, one.name) == (namespace, name)
        for rule in listed(one.data, "spec", "rules")
        for back in listed(rule, "backendRefs")
    }


_REMEDY = "split at the tenant edge: pointsman move shifts the alias in judged steps"
REFUSED = Check(
    "PM212",
    "canary-refused",
    Level.error,
    frozenset({KIND}),
    cause="spec.canary of KServe 0.20 wants known weights, a name of its own, and replicas that nothing scales",
    remedy=_REMEDY,
    sure=Sure.measured,
    fact="KServe 0.20.0, its webhook in the lab; inference_service_validation.go: validateCanarySpecs",
    run=_refused,
)
OF_FILES = Check(
    "PM221",
    "canary-unserved",
    Level.warning,
    frozenset({KIND}),
    cause="KServe 0.20.0 makes and pays for the pods of spec.canary, and its HTTPRoute leads past them",
    remedy=_REMEDY,
    sure=Sure.measured,
    fact="KServe 0.20.0, its controller in the lab: the HTTPRoute has the stable Service alone",
    run=_unserved,
    sources=frozenset({Source.files}),
)
LIVE = Check(
    "PM731",
    "canary-not-routed",
    Level.error,
    frozenset({KIND, "HTTPRoute"}),
    cause="KServe 0.20.0 makes the pods of spec.canary, and an HTTPRoute that leads past them: nobody tries them",
    remedy=f"upgrade KServe, or {_REMEDY}",
    sure=Sure.measured,
    fact="KServe 0.20.0, its controller in the lab; told by the HTTPRoute that is there, whatever the version",
    run=_not_routed,
    sources=frozenset({Source.cluster}),
    layers=frozenset({"kserve"}),
)
