"""2xx: the predictor of an InferenceService, as KServe's webhooks and controller take it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.findings import SetKey
from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place
from pointsman.checks import kserve_canary
from pointsman.checks.applied import applied
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.engine_pod import own_pods
from pointsman.checks.kserve import KIND, mode_of
from pointsman.checks.view import View, entries, get, listed, mapped

__all__ = ["CHECKS"]

_NAME = "kserve-container"
_AT = ("spec", "predictor")
_PARTS: tuple[Place, ...] = (_AT, (*_AT, "workerSpec"), ("spec", "transformer"), ("spec", "explainer"))
"""Where KServe looks for variables that it refuses; in ``spec.canary`` it does not."""
_LONG = 600
"""Seconds: LiteLLM's own default for one request."""
_INTERNAL = "networking.kserve.io/visibility"


def _containers(one: Standing) -> list[Any]:
    return entries(one.data, *_AT, "containers")


def _name(container: Any) -> str:
    return str(container.get("name") or "") if isinstance(container, Mapping) else ""


def _not_first(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        names = [_name(each) for each in _containers(one)]
        if len(names) < 2 or names[0] == _NAME or mapped(one.data, *_AT, "model"):
            continue
        where = f"is number {names.index(_NAME) + 1}" if _NAME in names else "is not there"
        first = names[0] or "which has no name"
        what = f"{_NAME} {where} of its containers: KServe takes the first, {first}, for the engine"
        yield Told(one, what, (*_AT, "containers", 0))


def _both(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        names = [_name(each) for each in _containers(one)]
        if mapped(one.data, *_AT, "model") and _NAME in names:
            what = f"it has a model and a container called {_NAME}: KServe takes one of them, and refuses both"
            yield Told(one, what, (*_AT, "containers", names.index(_NAME)))


def _injected(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        first = next(iter(_containers(one)), None)
        if not isinstance(first, Mapping) or mapped(one.data, *_AT, "model"):
            continue
        said = first if view.source is Source.files else _as_applied(one, first)
        limits = mapped(said, "resources", "limits")
        missing = [f"{key} {usual}" for key, usual in _USUAL.items() if limits.get(key) is None]
        if missing:
            part = "resources" if mapped(first, "resources") else "name"
            what = f"its first container does not limit all it has to: it gets {' and '.join(missing)}"
            yield Told(one, what, (*_AT, "containers", 0, part))


_USUAL = {"cpu": "1", "memory": "2Gi"}


def _as_applied(one: Standing, first: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first container as people wrote it; where that is not known, what is exactly the default is nobody's."""
    written = get(applied(one), *_AT, "containers", 0)
    if isinstance(written, Mapping):
        return written
    limits = mapped(first, "resources", "limits")
    return {} if all(limits.get(key) == usual for key, usual in _USUAL.items()) else first


def _cut_off(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        if mode_of(one) not in ("Standard", "RawDeployment"):
            continue
        inside = get(one.data, "metadata", "labels", _INTERNAL) == "cluster-local"
        if get(one.data, *_AT, "timeout") is None and mapped(one.data, *_AT) and not inside:
            what = "predictor.timeout is not set: its HTTPRoute cuts every answer after 60 s"
            yield Told(one, what, _AT, "", (SetKey(one, _AT, "timeout", _LONG),))


def _pythonpath(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for part in _PARTS:
            for key in ("containers", "initContainers"):
                for at, container in enumerate(entries(one.data, *part, key)):
                    yield from _refused(one, container, (*part, key, at))
        yield from _refused(one, get(one.data, *_AT, "model"), (*_AT, "model"))


def _refused(one: Standing, container: Any, place: Place) -> Iterator[Told]:
    for number, each in enumerate(entries(container, "env")):
        if _name(each) == "PYTHONPATH":
            yield Told(one, "it sets PYTHONPATH, which KServe refuses", (*place, "env", number))


def _other_port(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        if one.engine.layer != "kserve" or one.engine.several:
            continue
        said = one.flag("port")
        listens = (
            int(said.value) if said and said.known and said.value.isdigit() else 8000 if not said and one.whole else 0
        )
        ports = listed(one.container, "ports")
        sent = ports[0].get("containerPort") if ports else 8080
        if listens and isinstance(sent, int) and sent != listens:
            why = f"its first containerPort is {sent}" if ports else "it declares no port, so KServe takes 8080"
            place = (*one.place, "ports", 0, "containerPort") if ports else one.at(said)
            yield one.told(f"{why}, and vLLM listens on {listens}: its Service leads nowhere", place)


_READS = frozenset({KIND})

CHECKS = (
    Check(
        "PM207",
        "container-not-first",
        Level.error,
        _READS,
        cause="the first container gets the engine's limits and name: the name comes twice, or the controller panics",
        remedy="call the engine kserve-container, and write it first",
        sure=Sure.measured,
        fact="KServe v0.20.0, predictor_custom.go: Default, GetContainer; seen in the lab",
        run=_not_first,
    ),
    Check(
        "PM208",
        "model-and-container",
        Level.error,
        _READS,
        cause="a predictor has one implementation: a model for a runtime, or a container called kserve-container",
        remedy="take one of them out",
        sure=Sure.measured,
        fact="KServe v0.20.0, component.go: validateExactlyOneImplementation; seen in the lab",
        run=_both,
    ),
    Check(
        "PM209",
        "limits-injected",
        Level.warning,
        _READS,
        cause="KServe's webhook writes 1 cpu and 2Gi for what the first container leaves out: too little for an engine",
        remedy="write requests and limits of cpu and memory",
        sure=Sure.measured,
        fact="KServe 0.20.0, its webhook in the lab; another default may stand in inferenceservice-config",
        run=_injected,
    ),
    Check(
        "PM210",
        "answers-cut-off",
        Level.info,
        _READS,
        cause="KServe gives its HTTPRoutes a timeout of 60 s; a long stream through the gateway ends in its middle",
        remedy="set predictor.timeout, unless tenants come by the Service X-predictor",
        sure=Sure.measured,
        fact="KServe v0.20.0, its reconciler of HTTPRoutes; seen in the lab",
        run=_cut_off,
        fixable=True,
    ),
    Check(
        "PM211",
        "pythonpath-refused",
        Level.error,
        _READS,
        cause="KServe's webhook refuses variables by which other code could be loaded",
        remedy="put the code into the image, or into a path that Python knows",
        sure=Sure.measured,
        fact="KServe v0.20.0, inference_service_validation.go: validateBlockedEnvVars",
        run=_pythonpath,
    ),
    kserve_canary.REFUSED,
    Check(
        "PM213",
        "service-to-other-port",
        Level.error,
        frozenset({"engines"}),
        cause="port 80 of the Service X-predictor leads to the first containerPort, or to 8080 where none is declared",
        remedy="declare the port that vLLM listens on, first of all",
        sure=Sure.measured,
        fact="KServe v0.20.0, service_reconciler.go; vLLM listens on 8000 where --port is not given; seen in the lab",
        run=_other_port,
    ),
)
