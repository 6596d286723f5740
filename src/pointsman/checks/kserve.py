"""2xx: InferenceServices of KServe, in Standard mode."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adopt.standing import Standing
from pointsman.checks.applied import applied, nobodys
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.state import asked_for, by_kind
from pointsman.checks.view import View, get

__all__ = ["CHECKS", "CLASS", "KIND", "MODE", "ODD_MODE", "mode_of", "standard"]

KIND = "InferenceService"
CLASS = "serving.kserve.io/autoscalerClass"
COMPONENTS = ("predictor", "transformer", "explainer")
"""Parts of an InferenceService; each has replicas and pods of its own."""
MODE = "serving.kserve.io/deploymentMode"
_SERVERLESS = frozenset({"Serverless", "Knative"})
_MODES = frozenset({"Standard", "RawDeployment", "ModelMesh", *_SERVERLESS})
_CLASSES = frozenset({"hpa", "keda", "external", "none"})


def mode_of(one: Standing) -> str:
    """The deployment mode that its annotation says; empty where the cluster's default decides."""
    return str(get(one.data, "metadata", "annotations", MODE) or "")


def standard(view: View) -> Iterator[Standing]:
    """Those that no Knative serves, as far as they say."""
    return (one for one in view.of(KIND) if _runs_as(one) not in _SERVERLESS)


def _runs_as(one: Standing) -> str:
    """What runs says it itself, also where a cluster's default decided."""
    return str(get(one.data, "status", "deploymentMode") or mode_of(one))


def _clamped(view: View) -> Iterator[Told]:
    for one in standard(view):
        scaler = get(one.data, "metadata", "annotations", CLASS) or "hpa"
        for part in COMPONENTS:
            if get(one.data, "spec", part, "minReplicas") == 0 and scaler == "hpa":
                named = "minReplicas" if part == "predictor" else f"minReplicas of its {part}"
                what = f"{named} is 0, and its HorizontalPodAutoscaler makes that 1: {_kept(one, part)}"
                yield Told(one, what, ("spec", part, "minReplicas"))


def _kept(one: Standing, part: str) -> str:
    """What is never given back."""
    pod = get(one.data, "spec", part)
    asked = asked_for(pod) or by_kind(get(pod, "model", "resources", "limits"))
    return "its GPU is never released" if asked else "one pod always runs"


def _canary(view: View) -> Iterator[Told]:
    for one in standard(view):
        share = get(one.data, "spec", "predictor", "canaryTrafficPercent")
        if share is not None:
            what = (
                f"canaryTrafficPercent {share} is not read in Standard mode: all tenants get the new revision at once"
            )
            yield Told(one, what, ("spec", "predictor", "canaryTrafficPercent"))


def _no_mode(view: View) -> Iterator[Told]:
    """Of what runs, KServe's webhook wrote the default into the annotation."""
    for one in view.of(KIND):
        if not mode_of(one) or nobodys(one, "metadata", "annotations", MODE):
            made = f", and made it {mode_of(one)}" if mode_of(one) else ""
            what = f"no {MODE}: the cluster's default says how it is deployed{made}"
            yield Told(one, what, ("metadata",))


def _old_mode(view: View) -> Iterator[Told]:
    """As it was applied: KServe's webhook writes the new word into what runs."""
    for one in view.of(KIND):
        said = str(get(applied(one), "metadata", "annotations", MODE) or mode_of(one))
        new = {"RawDeployment": "Standard", "Serverless": "Knative"}.get(said)
        if new:
            what = f"deploymentMode {said} is the old word for {new}"
            yield Told(one, what, ("metadata", "annotations", MODE))


def _odd_mode(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        said = mode_of(one)
        if said and said not in _MODES:
            what = f"deploymentMode {said[:40]!r} is none of Standard and Knative: KServe takes it and makes nothing"
            yield Told(one, what, ("metadata", "annotations", MODE))


def _scaler(view: View) -> Iterator[Told]:
    for one in standard(view):
        said = get(one.data, "metadata", "annotations", CLASS)
        if said is not None and str(said) not in _CLASSES:
            what = f"autoscalerClass {str(said)[:40]!r} is none of {', '.join(sorted(_CLASSES))}: KServe refuses it"
            yield Told(one, what, ("metadata", "annotations", CLASS))


def _bounds(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for part in COMPONENTS:
            least, most = (get(one.data, "spec", part, key) for key in ("minReplicas", "maxReplicas"))
            if _count(least) and _count(most) and least > most > 0:
                of = "" if part == "predictor" else f"of its {part} "
                what = f"minReplicas {least} {of}is more than maxReplicas {most}: KServe refuses it"
                yield Told(one, what, ("spec", part, "maxReplicas"))


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


_READS = frozenset({KIND})

CHECKS = (
    Check(
        "PM201",
        "scale-to-zero",
        Level.warning,
        _READS,
        cause="in Standard mode an HPA cannot go to 0, so minReplicas: 0 is taken for 1 without a word",
        remedy="park it with serving.kserve.io/stop, or set autoscalerClass none (then 0 replicas hold) or keda",
        sure=Sure.measured,
        fact="KServe 0.20.0, its controller in the lab",
        run=_clamped,
    ),
    Check(
        "PM202",
        "canary-ignored",
        Level.warning,
        _READS,
        cause="only the Knative path reads canaryTrafficPercent; in Standard mode it is ignored without a word",
        remedy="split at the tenant edge: pointsman move shifts the alias in judged steps",
        sure=Sure.measured,
        fact="KServe v0.19.0 and v0.20.0, pkg/controller/v1beta1/inferenceservice; seen in the lab",
        run=_canary,
    ),
    Check(
        "PM203",
        "mode-by-default",
        Level.info,
        _READS,
        cause="without the annotation a ConfigMap decides: on another cluster it is another kind of workload",
        remedy=f"add the annotation {MODE}: Standard before it is made; later it cannot be changed",
        sure=Sure.source,
        fact="KServe v0.20.0, inferenceservice-config: deploy.defaultDeploymentMode; the webhook refuses a change",
        run=_no_mode,
    ),
    Check(
        "PM204",
        "mode-of-old",
        Level.info,
        _READS,
        cause="RawDeployment and Serverless are Standard and Knative since KServe 0.16; the old words still work",
        remedy="write the new word when the InferenceService is made anew",
        sure=Sure.source,
        fact="KServe v0.20.0, pkg/constants: LegacyRawDeployment, LegacyServerless",
        run=_old_mode,
    ),
    Check(
        "PM205",
        "scaler-unknown",
        Level.error,
        _READS,
        cause="KServe's webhook takes hpa, keda, external and none for autoscalerClass, and refuses any other word",
        remedy="write one of them; none keeps the number of replicas that is written",
        sure=Sure.measured,
        fact="KServe v0.20.0, inference_service_validation.go: validateInferenceServiceAutoscaler; seen in the lab",
        run=_scaler,
    ),
    Check(
        "PM206",
        "replicas-crossed",
        Level.error,
        _READS,
        cause="KServe's webhook refuses more replicas at least than at most",
        remedy="raise maxReplicas, or lower minReplicas",
        sure=Sure.measured,
        fact="KServe v0.20.0, component.go: validateReplicas; seen in the lab",
        run=_bounds,
    ),
)
ODD_MODE = Check(
    "PM220",
    "mode-unknown",
    Level.error,
    _READS,
    cause="no webhook looks at the mode's spelling; the controller knows no such workload, and makes none",
    remedy="write Standard, or Knative",
    sure=Sure.measured,
    fact="KServe 0.20.0, its controller in the lab: unsupported deployment mode for workload",
    run=_odd_mode,
)
