"""2xx: InferenceServices of KServe, in Standard mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.view import View, get

__all__ = ["CHECKS"]

_KIND = "InferenceService"
_CLASS = "serving.kserve.io/autoscalerClass"
_MODE = "serving.kserve.io/deploymentMode"
_SERVERLESS = frozenset({"Serverless", "Knative"})


def _standard(view: View) -> Iterator[Standing]:
    """Those that no Knative serves, as far as they say."""
    return (one for one in view.of(_KIND) if _mode(one) not in _SERVERLESS)


def _mode(one: Standing) -> Any:
    """What runs says it itself, also where a cluster's default decided."""
    return get(one.data, "status", "deploymentMode") or get(one.data, "metadata", "annotations", _MODE)


def _clamped(view: View) -> Iterator[Told]:
    for one in _standard(view):
        scaler = get(one.data, "metadata", "annotations", _CLASS) or "hpa"
        if get(one.data, "spec", "predictor", "minReplicas") == 0 and scaler == "hpa":
            what = "minReplicas is 0, and its HorizontalPodAutoscaler makes that 1: the GPU is never released"
            yield Told(one, what, ("spec", "predictor", "minReplicas"))


def _canary(view: View) -> Iterator[Told]:
    for one in _standard(view):
        share = get(one.data, "spec", "predictor", "canaryTrafficPercent")
        if share is not None:
            what = (
                f"canaryTrafficPercent {share} is not read in Standard mode: all tenants get the new revision at once"
            )
            yield Told(one, what, ("spec", "predictor", "canaryTrafficPercent"))


CHECKS = (
    Check(
        "PM201",
        "scale-to-zero",
        Level.warning,
        frozenset({_KIND}),
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
        frozenset({_KIND}),
        cause="only the Knative path reads canaryTrafficPercent; in Standard mode it is ignored without a word",
        remedy="split at the tenant edge: pointsman move shifts the alias in judged steps",
        sure=Sure.source,
        fact="KServe v0.19.0 and v0.20.0, pkg/controller/v1beta1/inferenceservice",
        run=_canary,
    ),
)
