"""8xx: what a namespace admits: Pod Security, quotas and limits, against what its engines ask for.

Pods that are refused at admission do not appear at all: a Deployment reads 0 of 1, and its events say why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from pointsman.adopt.promise import Engine
from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.pod_standards import baseline, restricted, unsaid
from pointsman.checks.view import Pod, View, get, listed, mapped
from pointsman.kube.quantity import quantity

__all__ = ["CHECKS"]

_ENFORCE = "pod-security.kubernetes.io/enforce"
_KINDS = ("Deployment", "StatefulSet", "InferenceService", "LLMInferenceService")
_INITIALIZER = "storage-initializer"


def _refused(view: View) -> Iterator[Told]:
    for pod in view.pods(*_KINDS):
        level = _level(view, pod.standing)
        found = next(_wrong(pod, level), None) if level else None
        if found:
            yield _told(pod.standing, found, level)
    for one in view.of("LLMInferenceService"):
        found = next(_initialized(one), None) if _level(view, one) == "restricted" else None
        if found:
            yield _told(one, found, "restricted")


def _told(one: Standing, found: tuple[Place, str], level: str) -> Told:
    place, why = found
    what = f"{why}, and namespace {one.namespace} enforces Pod Security {level}: its pods are refused"
    return Told(one, what, place)


def _level(view: View, one: Standing) -> str:
    """What its namespace enforces; empty where it is nothing."""
    space = view.find("Namespace", "", one.namespace)
    level = get(space.data, "metadata", "labels", _ENFORCE) if space else None
    return str(level) if level in ("baseline", "restricted") else ""


def _initialized(one: Standing) -> Iterator[tuple[Place, str]]:
    """What KServe's own init container, which downloads the weights, does not say and nobody says for it."""
    uri = str(get(one.data, "spec", "model", "uri") or "pvc://")
    if uri.startswith(("pvc://", "oci://")) or get(one.data, "spec", "storageInitializer", "enabled") is False:
        return
    if get(one.data, "spec", "baseRefs"):
        return
    for part in (("spec",), ("spec", "prefill")):
        if get(one.data, *part) is None:
            continue
        place: Place = (*part, "template")
        pod = Pod(one, place, mapped(one.data, *place))
        own = next((each for _, each in pod.containers("initContainers") if each.get("name") == _INITIALIZER), {})
        for _, why in unsaid(pod, {**own, "name": _INITIALIZER}, place):
            yield (place if pod.spec else part), f"{why} (KServe adds it for {uri.partition(':')[0]}://)"


def _wrong(pod: Pod, level: str) -> Iterator[tuple[Place, str]]:
    """What the level does not admit; what KServe's presets may add is not missed."""
    yield from baseline(pod)
    kind = pod.standing.kind
    written = bool(listed(pod.spec, "containers")) and "model" not in pod.spec
    if level == "restricted":
        yield from restricted(
            pod, whole=kind in ("Deployment", "StatefulSet") or (kind == "InferenceService" and written)
        )


def _quota(view: View) -> Iterator[Told]:
    engines = list(view.engines)
    for one in view.of("ResourceQuota"):
        hard = get(one.data, "spec", "hard")
        own = [each for each in engines if each.namespace == one.namespace and each.replicas and not _parked(each)]
        if get(one.data, "spec", "scopes") or get(one.data, "spec", "scopeSelector"):
            continue
        for key, said in hard.items() if isinstance(hard, Mapping) else ():
            asked = sum((_asked(each, str(key)) * each.replicas for each in own), Decimal(0))
            limit = _amount(said)
            if limit is not None and asked > limit:
                names = ", ".join(each.name for each in own)
                what = f"{key} is {said}, and {names} ask for {_plain(asked)}: the last pods are refused"
                yield Told(one, what, ("spec", "hard", str(key)))


def _parked(engine: Engine) -> bool:
    said = get(engine.standing.data, "metadata", "annotations", "serving.kserve.io/stop")
    return str(said).lower() == "true"


def _asked(engine: Engine, key: str) -> Decimal:
    """What one of its pods takes of a quota's key; a limit counts as the request where none is written."""
    part, _, name = key.partition(".")
    name = name if part in ("requests", "limits") else key
    if part == "limits":
        found = engine.limits.get(name)
    elif part == "requests" or key in ("cpu", "memory"):
        found = engine.requests.get(name, engine.limits.get(name))
    else:
        return Decimal(0)
    return _amount(found) or Decimal(0)


def _amount(said: object) -> Decimal | None:
    try:
        return quantity(str(said)) if isinstance(said, str | int | float) and not isinstance(said, bool) else None
    except ValueError:
        return None


def _plain(amount: Decimal) -> str:
    if amount >= 1 << 30:
        return f"{(amount / (1 << 30)).normalize():f}Gi"
    return f"{amount.normalize():f}"


def _limited(view: View) -> Iterator[Told]:
    ranges = view.of("LimitRange")
    for engine in view.engines:
        for one in ranges:
            if one.namespace == engine.namespace:
                yield from _above(engine, one)


def _above(engine: Engine, one: Standing) -> Iterator[Told]:
    for limits in listed(one.data, "spec", "limits"):
        if limits.get("type") != "Container":
            continue
        most = limits.get("max")
        for key, said in most.items() if isinstance(most, Mapping) else ():
            asked, limit = _amount(engine.limits.get(str(key)) or engine.requests.get(str(key))), _amount(said)
            if asked is not None and limit is not None and asked > limit:
                what = f"it asks for {key} {_plain(asked)}, and LimitRange {one.name} admits {said} a container"
                yield Told(engine.standing, what, (*engine.container, "resources"))


CHECKS = (
    Check(
        "PM809",
        "pod-security",
        Level.error,
        frozenset({*_KINDS, "Namespace"}),
        cause="a namespace that enforces Pod Security refuses the pod at admission, and its Deployment reads 0 of 1",
        remedy="write what the level asks for, or move it to a namespace that admits it",
        sure=Sure.measured,
        fact="Kubernetes 1.34, its API server, asked for 30 kinds of pods at both levels",
        run=_refused,
    ),
    Check(
        "PM810",
        "quota",
        Level.error,
        frozenset({"ResourceQuota", "engines"}),
        cause="pods beyond a quota are refused at admission: no event on the pod tells, since there is none",
        remedy="raise the quota, or run fewer replicas",
        sure=Sure.measured,
        fact="Kubernetes 1.34, its API server: exceeded quota",
        run=_quota,
    ),
    Check(
        "PM811",
        "limit-range",
        Level.error,
        frozenset({"LimitRange", "engines"}),
        cause="a container above the most of a LimitRange is refused at admission",
        remedy="raise the LimitRange, or ask for less",
        sure=Sure.measured,
        fact="Kubernetes 1.34, its API server: maximum memory usage per Container",
        run=_limited,
    ),
)
