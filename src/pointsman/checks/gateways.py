"""70x and 71x: KServe's configuration, its presets, and the Gateways that tenants come through."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.installed import LAYERS
from pointsman.checks.kserve import MODE, mode_of
from pointsman.checks.state import condition, settled, since, uses
from pointsman.checks.view import View, get, listed

__all__ = ["CHECKS"]

_CONFIG = "inferenceservice-config"
_KNATIVE = "services.serving.knative.dev"
_PRESETS = ("config-llm-template", "config-llm-router-route", "config-llm-scheduler")
"""What every LLMInferenceService with a router is laid over."""
_MINUTES = 5.0
_CLUSTER_ONLY = frozenset({Source.cluster})


def _configs(view: View, key: str) -> Iterator[tuple[Standing, Mapping[str, Any]]]:
    """KServe's configuration, a part of it; what is no JSON KServe itself refuses."""
    for one in view.of("ConfigMap"):
        text = get(one.data, "data", key) if one.name == _CONFIG else None
        try:
            said = json.loads(text) if isinstance(text, str) else None
        except ValueError:
            said = None
        if isinstance(said, Mapping):
            yield one, said


def _mode(view: View) -> Iterator[Told]:
    known = {one.name for one in view.of("CustomResourceDefinition")}
    for one, said in _configs(view, "deploy"):
        mode = said.get("defaultDeploymentMode")
        if mode in ("Knative", "Serverless") and known and _KNATIVE not in known:
            what = f"defaultDeploymentMode is {mode}, and the cluster has no Knative Serving ({_KNATIVE})"
            yield Told(one, what, ("data", "deploy"))
    for one in view.of("InferenceService"):
        if mode_of(one) in ("Knative", "Serverless") and known and _KNATIVE not in known:
            what = f"it says {mode_of(one)}, and the cluster has no Knative Serving ({_KNATIVE})"
            yield Told(one, what, ("metadata", "annotations", MODE))


def _gateway(view: View) -> Iterator[Told]:
    for one, said in _configs(view, "ingress"):
        namespace, _, name = str(said.get("kserveIngressGateway") or "").partition("/")
        used = said.get("enableGatewayApi") is True or uses(view, "llm-d")
        if used and name and view.find("Gateway", namespace, name) is None:
            yield Told(one, f"kserveIngressGateway names {namespace}/{name}, and no such Gateway is there", _INGRESS)


_INGRESS = ("data", "ingress")


def _domain(view: View) -> Iterator[Told]:
    for one, said in _configs(view, "ingress"):
        domain = said.get("ingressDomain") or "example.com"
        if domain == "example.com" and uses(view, "kserve") and not said.get("disableIngressCreation"):
            told = "is not set, so it is" if not said.get("ingressDomain") else "is"
            yield Told(one, f"ingressDomain {told} example.com, which is nobody's to use", _INGRESS)


def _presets(view: View) -> Iterator[Told]:
    if not uses(view, "llm-d"):
        return
    names = {one.name for one in view.of("LLMInferenceServiceConfig")}
    missing = [one for one in _PRESETS if not any(name.endswith(one) for name in names)]
    if missing:
        told = ", ".join(f"kserve-{one}" for one in missing)
        yield Told(None, f"there is no LLMInferenceServiceConfig {told}", where="the cluster")


def _programmed(view: View) -> Iterator[Told]:
    for one in view.of("Gateway"):
        said = condition(one, "Programmed")
        if said.get("status") != "True" and settled(view, since(one, said), _MINUTES):
            waits = said.get("reason") in (None, "Pending")
            why = "no controller has taken it up" if waits else f"{said.get('reason')}: {said.get('message') or ''}"
            yield Told(one, f"it is not programmed ({why.strip(': ')})", ("status", "conditions"))


def _class(view: View) -> Iterator[Told]:
    for one in view.of("Gateway"):
        name = str(get(one.data, "spec", "gatewayClassName") or "")
        found = view.find("GatewayClass", "", name)
        if found is None:
            told = ", ".join(sorted(each.name for each in view.of("GatewayClass"))) or "none"
            yield Told(one, f"gatewayClassName is {name}, and the classes there are: {told}", _CLASS)
        elif condition(found, "Accepted").get("status") == "False":
            why = condition(found, "Accepted").get("message") or condition(found, "Accepted").get("reason")
            yield Told(one, f"its GatewayClass {name} is not accepted ({why})", _CLASS)


_CLASS = ("spec", "gatewayClassName")


def _refused(view: View) -> Iterator[Told]:
    """Routes of models that no Gateway takes; a parent that said nothing yet is no finding."""
    for one in [*view.of("HTTPRoute"), *view.made("HTTPRoute")]:
        for parent in listed(one.data, "status", "parents"):
            for said in listed(parent, "conditions"):
                if said.get("status") == "False" and said.get("type") in ("Accepted", "ResolvedRefs"):
                    name = get(parent, "parentRef", "name")
                    what = f"Gateway {name} says {said['type']} False: {said.get('message') or said.get('reason')}"
                    yield Told(one, what, ("status", "parents"))


CHECKS = (
    Check(
        "PM706",
        "mode-without-knative",
        Level.error,
        frozenset({"ConfigMap", "CustomResourceDefinition", "InferenceService"}),
        cause="in the mode Knative KServe makes Knative Services; where Knative is missing nothing comes of it",
        remedy="write Standard into the annotation (it cannot be changed later), or deploy.defaultDeploymentMode",
        sure=Sure.measured,
        fact="KServe 0.20.0, its controller in the lab: Ready stays Unknown, and its log alone says why",
        run=_mode,
        sources=_CLUSTER_ONLY,
        whole=True,
        layers=frozenset({"kserve"}),
    ),
    Check(
        "PM707",
        "ingress-gateway-missing",
        Level.error,
        frozenset({"ConfigMap", "Gateway", "LLMInferenceService"}),
        cause="KServe hangs its routes on this Gateway and does not say that it is missing: Ready never comes",
        remedy="create the Gateway, or name one that is there in ingress.kserveIngressGateway",
        sure=Sure.measured,
        fact="KServe 0.20.0 in the lab: IngressReady stays at ParentStatusNotAvailable",
        run=_gateway,
        sources=_CLUSTER_ONLY,
        whole=True,
        layers=LAYERS,
    ),
    Check(
        "PM708",
        "ingress-domain",
        Level.info,
        frozenset({"ConfigMap", "InferenceService"}),
        cause="an InferenceService is told an address below this domain, which leads out of the platform",
        remedy="set ingress.ingressDomain to a domain of yours; inside the cluster use the predictor's Service",
        sure=Sure.source,
        fact="KServe v0.20.0, pkg/apis/serving/v1beta1/configmap.go, DefaultIngressDomain",
        run=_domain,
        sources=_CLUSTER_ONLY,
        layers=frozenset({"kserve"}),
    ),
    Check(
        "PM709",
        "presets-missing",
        Level.error,
        frozenset({"LLMInferenceService", "LLMInferenceServiceConfig"}),
        cause="each LLMInferenceService is laid over these presets; without them it stays at PresetsCombined False",
        remedy="install the chart kserve-runtime-configs with kserve.llmisvcConfigs.enabled=true",
        sure=Sure.measured,
        fact="KServe v0.20.0, pkg/controller/v1alpha2/llmisvc/config_merge.go, WellKnownDefaultConfigs",
        run=_presets,
        sources=_CLUSTER_ONLY,
        whole=True,
        layers=frozenset({"llm-d"}),
    ),
    Check(
        "PM710",
        "gateway-not-programmed",
        Level.error,
        frozenset({"Gateway"}),
        cause="a Gateway that nobody has programmed takes no traffic, and routes that hang on it are never ready",
        remedy="see its conditions and its controller's log; kubectl describe gateway",
        sure=Sure.source,
        fact="Gateway API v1, Gateway condition Programmed",
        run=_programmed,
        sources=_CLUSTER_ONLY,
    ),
    Check(
        "PM711",
        "gateway-class",
        Level.error,
        frozenset({"Gateway", "GatewayClass"}),
        cause="no controller takes up a Gateway whose class is not there, or is not accepted",
        remedy="install the gateway controller that brings the class, or name a class that is there",
        sure=Sure.source,
        fact="Gateway API v1, spec.gatewayClassName",
        run=_class,
        sources=_CLUSTER_ONLY,
        whole=True,
    ),
    Check(
        "PM712",
        "route-refused",
        Level.error,
        frozenset({"HTTPRoute"}),
        cause="a route that its Gateway does not accept, or whose back end it cannot resolve, answers 404 or 500",
        remedy="correct what the Gateway names: listener, allowed namespaces, back end, ReferenceGrant",
        sure=Sure.source,
        fact="Gateway API v1, status.parents of an HTTPRoute",
        run=_refused,
        sources=_CLUSTER_ONLY,
    ),
)
