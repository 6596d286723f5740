"""1xx: how Kubernetes asks an engine how it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.findings import Fix, ReplaceText, SetKey
from pointsman.adopt.promise import Auth
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.engine_pod import EnginePod, engine_pods, own_pods
from pointsman.checks.view import View, get, listed, mapped

__all__ = ["CHECKS"]

_LOADS = 120
"""Seconds that loading takes easily: weights, compiling, and graphs."""
_PATIENT = {"periodSeconds": 10, "failureThreshold": 120}
_KINDS = ("startupProbe", "readinessProbe", "livenessProbe")


def _impatient(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        key = next((key for key in ("startupProbe", "livenessProbe") if mapped(one.container, key)), "")
        if not key:
            continue
        probe = mapped(one.container, key)
        seconds = _number(probe, "initialDelaySeconds", 0)
        seconds += _number(probe, "periodSeconds", 10) * _number(probe, "failureThreshold", 3)
        if seconds >= _LOADS:
            continue
        alone = "" if key == "startupProbe" else ", and there is no startupProbe"
        what = f"its {key} gives up after {seconds} s{alone}: an engine that still loads is killed, again and again"
        yield one.told(what, (*one.place, key), "", _startup(one, probe) if alone else ())


def _startup(one: EnginePod, liveness: Mapping[str, Any]) -> tuple[Fix, ...]:
    asked = {key: liveness[key] for key in ("httpGet", "tcpSocket") if key in liveness}
    if not asked or "startupProbe" in one.container:
        return ()
    return (SetKey(one.engine.standing, one.place, "startupProbe", {**asked, **_PATIENT}),)


def _unready(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        if one.engine.layer != "raw-vllm" or one.container.get("readinessProbe"):
            continue
        probe = {"httpGet": {"path": "/health", "port": _listens(one)}, "periodSeconds": 5}
        fix = SetKey(one.engine.standing, one.place, "readinessProbe", probe)
        known = one.whole and _listens(one) is not None and "readinessProbe" not in one.container
        what = "no readinessProbe: a Service that leads to it sends requests while it still loads"
        yield one.told(what, one.place, "", (fix,) if known else ())


def _locked_out(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        if one.engine.auth.value == Auth():
            continue
        for key in _KINDS:
            path = get(one.container, key, "httpGet", "path")
            headers = listed(one.container, key, "httpGet", "httpHeaders")
            shown = any(str(each.get("name")).lower() == "authorization" for each in headers)
            if isinstance(path, str) and path.startswith("/v1") and not shown:
                place = (*one.place, key, "httpGet", "path")
                what = f"its {key} asks {path} without the key that the engine wants: 401, so it never succeeds"
                yield one.told(what, place, "", (ReplaceText(one.engine.standing, place, path, "/health"),))


def _elsewhere(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        listens = _listens(one)
        if listens is None or one.engine.several:
            continue
        for key in _KINDS:
            said = get(one.container, key, "httpGet", "port")
            asked = _port(one, said)
            if asked is not None and asked != listens:
                named = "" if said == asked or str(said) == str(asked) else f" ({said})"
                what = f"its {key} asks port {asked}{named}, and vLLM listens on {listens}"
                yield one.told(what, (*one.place, key, "httpGet", "port"))


def _listens(one: EnginePod) -> int | None:
    said = one.flag("port")
    if said is None:
        return 8000 if one.whole else None
    return int(said.value) if said.known and said.value.isdigit() else None


def _port(one: EnginePod, said: Any) -> int | None:
    if isinstance(said, bool) or said is None:
        return None
    if isinstance(said, int) or str(said).isdigit():
        return int(said)
    named = next((each for each in listed(one.container, "ports") if each.get("name") == said), {})
    found = named.get("containerPort")
    return found if isinstance(found, int) else None


def _number(probe: Mapping[str, Any], key: str, usual: int) -> int:
    found = probe.get(key, usual)
    return found if isinstance(found, int) else usual


CHECKS = (
    Check(
        "PM118",
        "startup-too-short",
        Level.warning,
        frozenset({"engines"}),
        cause="a probe that gives up while weights load restarts the engine, which then loads them again, without end",
        remedy="add a startupProbe that waits as long as the slowest start: periodSeconds 10, failureThreshold 120",
        sure=Sure.rule,
        fact="starts of 2 minutes are common, of 30 are reported (kubeai issue 172, aibrix issue 772)",
        run=_impatient,
        fixable=True,
    ),
    Check(
        "PM119",
        "no-readiness-probe",
        Level.warning,
        frozenset({"engines"}),
        cause="a pod without a readinessProbe is ready from its first second: requests fail until it has loaded",
        remedy="add a readinessProbe on /health",
        sure=Sure.source,
        fact="Kubernetes, Pod Lifecycle: the default state of readiness is Success",
        run=_unready,
        fixable=True,
    ),
    Check(
        "PM120",
        "probe-without-key",
        Level.error,
        frozenset({"engines"}),
        cause="with a key, vLLM answers 401 to everything below /v1; /health stays open",
        remedy="ask /health",
        sure=Sure.measured,
        fact="vLLM 0.32, with VLLM_API_KEY",
        run=_locked_out,
        fixable=True,
    ),
    Check(
        "PM121",
        "probe-on-other-port",
        Level.error,
        frozenset({"engines"}),
        cause="a probe of a port that nothing listens on fails for ever",
        remedy="write the port of --port (8000 where it is not given)",
        sure=Sure.source,
        fact="vLLM: --port is 8000 where it is not given",
        run=_elsewhere,
    ),
)
