"""2xx: what lies around an InferenceService: its name, objects that look like its own, scalers, its namespace."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pointsman.adopt.findings import DropKey
from pointsman.adopt.standing import Standing
from pointsman.checks import kserve_canary
from pointsman.checks.applied import managed
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.kserve import CLASS, KIND, ODD_MODE, standard
from pointsman.checks.view import View, entries, get, listed, mapped
from pointsman.spec.model import LAYER_IDS

__all__ = ["CHECKS"]

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_LONGEST, _LABEL = 48, 63
_OWN = "serving.kserve.io/inferenceservice"
_STOP = "serving.kserve.io/stop"
_LIKE_ITS_OWN = ("Deployment", "Service", "HorizontalPodAutoscaler")


def _bad_name(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        host = f"{one.name}-predictor-{one.namespace}" if one.namespace else ""
        if not _NAME.fullmatch(one.name):
            what = "its name is refused by KServe: a letter first, then small letters, digits and '-'"
        elif len(one.name) > _LONGEST:
            what = f"its name has {len(one.name)} characters, and {_LONGEST} is what leaves room for what KServe adds"
        elif len(host) > _LABEL:
            what = f"{host} has {len(host)} characters, and a label of a host name takes {_LABEL}"
        else:
            continue
        yield Told(one, what, ("metadata", "name"))


def _borrowed(view: View) -> Iterator[Told]:
    for one in view.of("Deployment", "Service"):
        owner = get(one.data, "metadata", "labels", _OWN)
        own = re.fullmatch(rf"{re.escape(str(owner))}-(predictor|transformer|explainer)(-.*)?", one.name)
        if owner is None or own or entries(one.data, "metadata", "ownerReferences"):
            continue
        what = f"it carries KServe's own label {_OWN}={owner} and is none of its objects: KServe 0.20 deletes it"
        yield Told(one, what, ("metadata", "labels", _OWN), "", (DropKey(one, ("metadata", "labels"), _OWN),))


def _taken_over(view: View) -> Iterator[Told]:
    for one in standard(view):
        for kind in _LIKE_ITS_OWN:
            found = view.find(kind, one.namespace, f"{one.name}-predictor")
            if found is not None and not entries(found.data, "metadata", "ownerReferences"):
                what = f"it has the name that {one} gives its own {kind}: KServe takes it over without a word"
                yield Told(found, what, ("metadata", "name"))
    for one in view.made(*_LIKE_ITS_OWN):
        maker = _another(one)
        if maker and get(one.data, "metadata", "labels", _OWN) and one.name.endswith("-predictor"):
            what = f"{maker} has written it, too, and KServe has taken it over: who writes last decides what it is"
            yield Told(one, what, ("metadata", "name"))


def _another(one: Standing) -> str:
    """Who wrote what only a maker writes, where that is not who owns it now."""
    owners = {name for name, _, fields in managed(one) if get(fields, "f:metadata", "f:ownerReferences") is not None}
    for name, _, fields in managed(one):
        if owners and name not in owners and mapped(fields, "f:spec").keys() & _OF_MAKERS:
            return name
    return ""


_OF_MAKERS = frozenset({"f:type", "f:ports", "f:selector", "f:scaleTargetRef"})


def _two_scalers(view: View) -> Iterator[Told]:
    services = {(one.namespace, f"{one.name}-predictor"): one for one in standard(view)}
    for one in view.of("HorizontalPodAutoscaler", "ScaledObject"):
        target = mapped(one.data, "spec", "scaleTargetRef")
        served = services.get((one.namespace, str(target.get("name"))))
        if served is None or target.get("kind", "Deployment") != "Deployment" or one.name == f"{served.name}-predictor":
            continue
        scaler = _class(served)
        if scaler in _MAKING:
            what = f"it scales {target['name']}, and so does what KServe makes of {served} (autoscalerClass {scaler})"
            yield Told(one, what, ("spec", "scaleTargetRef"))

    for kind, classes in _SCALERS.items():
        for one in view.made(kind):
            served = services.get((one.namespace, one.name))
            scaler = _class(served) if served else ""
            if served and scaler not in classes:
                what = f"autoscalerClass is {scaler}, and KServe's own {kind} of before is still there, and scales"
                yield Told(served, what, ("metadata", "annotations", CLASS), f"delete {kind} {one.name}")
    yield from _of_one(view, {key for key, served in services.items() if _class(served) in _MAKING})


def _class(served: Standing) -> str:
    return str(get(served.data, "metadata", "annotations", CLASS) or "hpa")


def _of_one(view: View, told: set[tuple[str, str]]) -> Iterator[Told]:
    """Two that people wrote for one workload; ``told``: Deployments of which that is told already."""
    first: dict[tuple[str, str, str], Standing] = {}
    for one in view.of("HorizontalPodAutoscaler", "ScaledObject"):
        target = mapped(one.data, "spec", "scaleTargetRef")
        kind, name = str(target.get("kind") or "Deployment"), str(target.get("name") or "")
        if not name or _is_kedas(one) or (kind == "Deployment" and (one.namespace, name) in told):
            continue
        other = first.setdefault((one.namespace, kind, name), one)
        if other is not one and other.name + other.kind != one.name + one.kind and not _takes_over(one, other):
            what = f"it scales {kind} {name}, and so does {other.kind} {other.name}"
            yield Told(one, what, ("spec", "scaleTargetRef"), "take one of the two out")


def _is_kedas(one: Standing) -> bool:
    """Is it what KEDA makes of a ScaledObject?"""
    owners = listed(one.data, "metadata", "ownerReferences")
    return one.kind == "HorizontalPodAutoscaler" and any(each.get("kind") == "ScaledObject" for each in owners)


def _takes_over(one: Standing, other: Standing) -> bool:
    """Does KEDA make the one its own, as an annotation asks?"""
    by_kind = {each.kind: each for each in (one, other)}
    scaled, hpa = by_kind.get("ScaledObject"), by_kind.get("HorizontalPodAutoscaler")
    if scaled is None or hpa is None or str(get(scaled.data, "metadata", "annotations", _TRANSFER)) != "true":
        return False
    named = get(scaled.data, "spec", "advanced", "horizontalPodAutoscalerConfig", "name")
    return hpa.name == (named or f"keda-hpa-{scaled.name}")


_TRANSFER = "scaledobject.keda.sh/transfer-hpa-ownership"
_MAKING = frozenset({"hpa", "keda"})
"""Classes of which KServe makes a scaler."""
_SCALERS: Mapping[str, tuple[str, ...]] = {"HorizontalPodAutoscaler": ("hpa",), "ScaledObject": ("keda",)}
"""What KServe makes, and for which classes."""


def _skipped(view: View) -> Iterator[Told]:
    skipped = {one.name for one in view.of("Namespace") if "control-plane" in mapped(one.data, "metadata", "labels")}
    for one in view.of(KIND):
        for place, uri in _uris(one):
            if uri.startswith("oci://") and one.namespace in skipped:
                model = uri.partition("@")[0]
                what = f"{model} is not mounted: {one.namespace} is labelled control-plane, and KServe skips that"
                yield Told(one, what, place)


def _uris(one: Standing) -> Iterator[tuple[tuple[str | int, ...], str]]:
    at = ("spec", "predictor")
    uri = get(one.data, *at, "model", "storageUri")
    if isinstance(uri, str):
        yield (*at, "model", "storageUri"), uri
    for number, container in enumerate(listed(one.data, *at, "containers")):
        for variable, each in enumerate(listed(container, "env")):
            if each.get("name") == "STORAGE_URI" and isinstance(each.get("value"), str):
                yield (*at, "containers", number, "env", variable, "value"), str(each["value"])


def _called(view: View) -> Iterator[Told]:
    for model in view.models:
        for layer in LAYER_IDS:
            engine = model.engines.get(layer)
            if engine is None or str(get(engine.standing.data, "metadata", "annotations", _STOP)) != "true":
                continue
            for road in model.roads:
                if engine in road.engines and model.share_of(road) > 0:
                    what = (
                        f"it is stopped, and {road.member.alias} sends it requests ({road.where}): its Service is gone"
                    )
                    yield Told(engine.standing, what, ("metadata", "annotations", _STOP), model=model.name)
                    break


CHECKS = (
    Check(
        "PM214",
        "name-refused",
        Level.error,
        frozenset({KIND}),
        cause="KServe makes names and host names of it; what is too long, or no DNS label, is never served",
        remedy="choose a shorter name of small letters, digits and '-'",
        sure=Sure.measured,
        fact="KServe 0.20.0 in the lab: invalid domain name, must be no more than 63 characters",
        run=_bad_name,
    ),
    Check(
        "PM215",
        "label-of-kserve",
        Level.error,
        frozenset({"Deployment", "Service"}),
        cause="KServe deletes Deployments and Services with its label whose names are not those it would give them",
        remedy="take the label off, and select by one of your own",
        sure=Sure.measured,
        fact="KServe 0.20.0, its controller in the lab",
        run=_borrowed,
        fixable=True,
    ),
    Check(
        "PM216",
        "object-taken-over",
        Level.error,
        frozenset({KIND, *_LIKE_ITS_OWN}),
        cause="an object of the name X-predictor that nobody owns is updated by KServe as if it were its own",
        remedy="rename one of the two",
        sure=Sure.measured,
        fact="KServe 0.20.0, its controller in the lab: a Service's selector is written over",
        run=_taken_over,
    ),
    Check(
        "PM217",
        "two-scalers",
        Level.warning,
        frozenset({KIND, "HorizontalPodAutoscaler", "ScaledObject"}),
        cause="two scalers of one Deployment change its number of replicas against each other, without end",
        remedy="set autoscalerClass external, so that KServe makes none, or take the other one out",
        sure=Sure.measured,
        fact="Kubernetes 1.34 and KServe 0.20.0 in the lab: replicas go up and down; hpa to keda leaves the old one",
        run=_two_scalers,
        layers=frozenset(LAYER_IDS),
    ),
    Check(
        "PM218",
        "modelcar-skipped",
        Level.error,
        frozenset({KIND, "Namespace"}),
        cause="KServe's pod webhook leaves out namespaces labelled control-plane: oci:// is never mounted there",
        remedy="serve it in a namespace without the label control-plane",
        sure=Sure.measured,
        fact="KServe 0.20.0, its webhook in the lab: namespaceSelector, control-plane DoesNotExist",
        run=_skipped,
    ),
    Check(
        "PM219",
        "stopped-and-called",
        Level.error,
        frozenset({"models"}),
        cause="serving.kserve.io/stop deletes the Service; an alias that still leads there fails, and closes for 5 s",
        remedy="start it (take the annotation off), or move the alias away first: pointsman move",
        sure=Sure.measured,
        fact="KServe 0.20.0 and LiteLLM 1.106.2 in the lab",
        run=_called,
    ),
    ODD_MODE,
    kserve_canary.OF_FILES,
)
