"""From an alias to an engine, through whatever stands between; and where the road ends otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.adopt.adopted import adopt
from pointsman.adopt.roads import Road
from tests.adopt.test_folder import written

RAW = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: qwen, namespace: serving}
spec:
  selector: {matchLabels: {app: qwen}}
  template:
    metadata: {labels: {app: qwen}}
    spec:
      containers:
        - name: engine
          image: vllm/vllm-openai:v0.23.0
          args: [--model=Qwen/Qwen2.5-0.5B-Instruct, --served-model-name=qwen, --max-model-len=4096]
          ports: [{name: http, containerPort: 8000}]
"""
SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: qwen, namespace: serving}
spec: {selector: {app: qwen}, ports: [{port: 8000, targetPort: http}]}
"""
KSERVE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: q, namespace: ks}
spec:
  predictor:
    containers:
      - {name: kserve-container, image: "vllm/vllm-openai:v0.23.0", args: [--model=a/b, --served-model-name=other]}
"""
LLMD = """\
apiVersion: serving.kserve.io/v1alpha1
kind: LLMInferenceService
metadata: {name: l, namespace: ld}
spec: {model: {uri: "hf://c/d", name: third}, router: {gateway: {refs: [{name: gw, namespace: ld}]}, route: {}}}
"""
GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shared, namespace: net}
spec: {gatewayClassName: istio, listeners: [{name: http, port: 80, protocol: HTTP}]}
"""
ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: route, namespace: serving}
spec:
  hostnames: HOSTS
  parentRefs: [{name: shared, namespace: net}]
  rules: RULES
"""
TO_QWEN = "backendRefs: [{name: qwen, port: 8000}]"


def routed(rules: str, hosts: str = "[]") -> str:
    return ROUTE.replace("HOSTS", hosts).replace("RULES", rules)


def entry(base: str, model: str = "openai/qwen", more: str = "") -> str:
    return f"model_list:\n  - model_name: chat\n    litellm_params: {{model: {model}, api_base: '{base}'{more}}}\n"


def road(root: Path, config: str, **files: str) -> Road:
    texts = {"raw.yaml": RAW, "service.yaml": SERVICE, "kserve.yaml": KSERVE, "llmd.yaml": LLMD, "edge.yaml": config}
    written(root, texts | {f"{name}.yaml": text for name, text in files.items()})
    (found,) = adopt(root).roads
    return found


QWEN = ["Deployment serving/qwen"]
ENGINES: dict[str, tuple[str, dict[str, str], list[str]]] = {
    "service": (entry("http://qwen.serving.svc.cluster.local:8000/v1"), {}, QWEN),
    "short host": (entry("http://qwen.serving:8000/v1"), {}, QWEN),
    "dot at the end": (entry("http://qwen.serving.svc.cluster.local.:8000/v1"), {}, QWEN),
    "external name": (
        entry("http://alias.edge.svc/v1"),
        {
            "name": "apiVersion: v1\nkind: Service\nmetadata: {name: alias, namespace: edge}\n"
            "spec: {type: ExternalName, externalName: q-predictor.ks.svc.cluster.local}\n"
        },
        ["InferenceService ks/q"],
    ),
    "kserve": (entry("http://q-predictor.ks.svc.cluster.local/v1"), {}, ["InferenceService ks/q"]),
    "kserve by host": (entry("http://q-ks.example.com/v1"), {}, ["InferenceService ks/q"]),
    "llm-d": (entry("http://l-kserve-workload-svc.ld.svc:8000/v1"), {}, ["LLMInferenceService ld/l"]),
    "llm-d by its gateway": (entry("http://gw.ld.svc/ld/l/v1"), {}, ["LLMInferenceService ld/l"]),
    "gateway by name": (
        entry("http://shared.net.svc/v1"),
        {"gw": GATEWAY, "route": routed(f"[{{{TO_QWEN}}}]")},
        QWEN,
    ),
    "gateway by name and class": (
        entry("http://shared-istio.net.svc/v1"),
        {"gw": GATEWAY, "route": routed(f"[{{{TO_QWEN}}}]")},
        QWEN,
    ),
    "gateway that is not written here": (entry("http://shared.net.svc/v1"), {"r": routed(f"[{{{TO_QWEN}}}]")}, QWEN),
    "gateway by a labelled Service": (
        entry("http://front.net.svc/v1"),
        {
            "gw": GATEWAY,
            "route": routed(f"[{{{TO_QWEN}}}]"),
            "front": "apiVersion: v1\nkind: Service\nmetadata: {name: front, namespace: net}\nspec: {selector: "
            "{gateway.networking.k8s.io/gateway-name: shared}, ports: [{port: 80}]}\n",
        },
        QWEN,
    ),
    "route by host": (
        entry("https://llm.example.com/v1"),
        {"gw": GATEWAY, "r": routed(f"[{{{TO_QWEN}}}]", "[llm.example.com]")},
        QWEN,
    ),
    "route by path": (
        entry("http://shared.net.svc/qwen/v1"),
        {
            "gw": GATEWAY,
            "r": routed(
                "[{matches: [{path: {type: PathPrefix, value: /other}}], backendRefs: [{name: gone, port: 1}]}, "
                f"{{matches: [{{path: {{type: PathPrefix, value: /qwen}}}}], {TO_QWEN}}}]"
            ),
        },
        QWEN,
    ),
    "route by the model, before one for all": (
        entry("http://shared.net.svc/v1"),
        {
            "gw": GATEWAY,
            "r": routed(
                "[{backendRefs: [{name: gone, port: 1}]}, {matches: [{headers: [{name: x-gateway-base-model-name, "
                f"value: qwen}}]}}], {TO_QWEN}}}]"
            ),
        },
        QWEN,
    ),
    "route by a header that the alias sends": (
        entry("http://shared.net.svc/v1", more=", extra_headers: {X-Team: a}"),
        {"gw": GATEWAY, "r": routed(f"[{{matches: [{{headers: [{{name: x-team, value: a}}]}}], {TO_QWEN}}}]")},
        QWEN,
    ),
    "pool": (
        entry("http://shared.net.svc/v1"),
        {
            "gw": GATEWAY,
            "r": routed("[{backendRefs: [{group: inference.networking.k8s.io, kind: InferencePool, name: pool}]}]"),
            "pool": "apiVersion: inference.networking.x-k8s.io/v1alpha2\nkind: InferencePool\n"
            "metadata: {name: pool, namespace: serving}\nspec: {selector: {app: qwen}, targetPortNumber: 8000}\n",
        },
        QWEN,
    ),
    "credential": (
        "credential_list:\n  - credential_name: c\n    credential_values: {api_base: 'http://qwen.serving:8000/v1'}\n"
        "model_list:\n  - {model_name: chat, litellm_params: {model: openai/qwen, litellm_credential_name: c}}\n",
        {},
        QWEN,
    ),
}


@pytest.mark.parametrize("name", ENGINES)
def test_a_road_ends_at_an_engine(name: str, tmp_path: Path) -> None:
    config, files, engines = ENGINES[name]
    found = road(tmp_path, config, **files)
    assert ([str(one) for one in found.engines], found.end) == (engines, "engine"), found.why


TEI = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: tei, namespace: serving}
spec:
  template: {metadata: {labels: {app: tei}}, spec: {containers: [{name: a, image: "text-embeddings-inference:1"}]}}
---
apiVersion: v1
kind: Service
metadata: {name: tei, namespace: serving}
spec: {selector: {app: tei}, ports: [{port: 80}]}
"""
CHART = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: stack, namespace: argocd}
spec:
  source: {repoURL: https://example.com/charts, chart: vllm-stack, targetRevision: 1.0.0}
  destination: {namespace: stack}
"""
ELSEWHERE: dict[str, tuple[str, dict[str, str], str, str]] = {
    "no such service": (entry("http://gone.serving.svc:8000/v1"), {}, "lost", "no Service serving/gone"),
    "another port": (entry("http://qwen.serving.svc:9000/v1"), {}, "lost", "asks port 9000"),
    "kserve's other port": (entry("http://q-predictor.ks.svc:8080/v1"), {}, "lost", "KServe makes has 80"),
    "nobody takes the model": (
        entry("http://shared.net.svc/v1", model="openai/wrong"),
        {
            "gw": GATEWAY,
            "r": routed(f"[{{matches: [{{headers: [{{name: X-Gateway-Model-Name, value: qwen}}]}}], {TO_QWEN}}}]"),
        },
        "lost",
        "takes the model 'wrong'",
    ),
    "a gateway without routes": (entry("http://shared.net.svc/v1"), {"gw": GATEWAY}, "lost", "no HTTPRoute"),
    "a variable": (entry("os.environ/BASE"), {}, "unknown", "the variable BASE"),
    "a cloud": (entry("https://api.example.com/v1"), {}, "cloud", "outside of the cluster"),
    "another engine": (entry("http://tei.serving.svc/v1"), {"tei": TEI}, "cloud", "is no vLLM"),
    "what a chart makes": (entry("http://x.stack.svc/v1"), {"chart": CHART}, "unknown", "chart of Application stack"),
    "its own pod": (entry("http://localhost:8000/v1"), {}, "unknown", "own pod"),
    "no address": (entry("http://[::1/v1"), {}, "lost", "no address"),
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_road_that_ends_elsewhere_says_why(name: str, tmp_path: Path) -> None:
    config, files, end, why = ELSEWHERE[name]
    found = road(tmp_path, config, **files)
    assert (found.end, why in found.why) == (end, True), found.why


def test_what_is_lost_is_a_finding_and_what_is_unknown_is_listed(tmp_path: Path) -> None:
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": entry("http://gone.serving.svc/v1")})
    (lost,) = adopt(tmp_path).findings
    assert (lost.code, lost.where) == ("adopt-road", "edge.yaml:2")
    (tmp_path / "edge.yaml").write_text(entry("os.environ/BASE"))
    found = adopt(tmp_path)
    assert not found.findings
    assert any("the variable BASE" in one.why and one.where == "edge.yaml:2" for one in found.left_out)


FIELD = Path(__file__).parents[1] / "field"
ALIASES: dict[str, list[str]] = {
    "20-litellm-proxy-server-config": ["chat"],
    "23-bedrock-beside-vllm": ["chat"],
    "24-env-api-base": [],
    "28-duplicate-key": ["chat"],
    "30-block-scalar-last": ["chat"],
    "31-no-params": ["chat"],
    "32-crlf": ["chat"],
    "33-two-self-hosted-replicas": ["chat"],
    "34-empty-list": [],
    "35-null-list": [],
    "36-json-config": ["chat"],
    "38-credentials-team-tags": ["chat"],
    "40-yaml11-words": ["chat"],
    "41-float-weight": ["chat"],
    "42-embedding-mode": ["emb"],
    "44-fallbacks-least-busy": ["chat"],
    "45-two-aliases-of-one-model": ["chat", "gpt-4o-mini", "qwen-*"],
    "47-vllm-provider-prefixes": ["chat"],
    "49-yaml11-numbers": ["chat"],
    "50-flow-list-over-lines": ["chat"],
    "51-blocked-no": ["chat"],
    "52-tag-filtering": ["chat"],
    "55-null-list-alone": [],
    "56-helm-toyaml-order": ["chat"],
}


@pytest.mark.parametrize("name", ALIASES)
def test_configurations_from_the_field(name: str, tmp_path: Path) -> None:
    text = (FIELD / f"{name}.yaml").read_bytes()
    written(tmp_path, {"raw.yaml": RAW, "service.yaml": SERVICE})
    (tmp_path / "config.yaml").write_bytes(text)
    found: Any = adopt(tmp_path)
    assert found.models[0].aliases == ALIASES[name]
    assert (tmp_path / "config.yaml").read_bytes() == text


KINDS = {
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Rollout": "argoproj.io/v1alpha1",
    "LeaderWorkerSet": "leaderworkerset.x-k8s.io/v1",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_member_that_leads_to_what_is_on_none_of_the_layers_is_not_lost(kind: str, tmp_path: Path) -> None:
    template = (
        "template: {metadata: {labels: {app: other}}, spec: {containers: [{name: a, image: 'vllm/vllm-openai:v1'}]}}"
    )
    if kind == "LeaderWorkerSet":
        template = f"leaderWorkerTemplate: {{{template.replace('template:', 'leaderTemplate:')}}}"
    head = f"apiVersion: {KINDS[kind]}\nkind: {kind}\nmetadata: {{name: other, namespace: serving}}\n"
    other = f"{head}spec: {{{template}}}\n"
    service = SERVICE.replace("qwen", "other").replace("http", "8000")
    found = road(tmp_path, entry("http://other.serving:8000/v1"), other=other, others=service)
    assert (found.end, found.why) == ("cloud", f"{kind} serving/other is on none of the layers")
    assert [one.code for one in adopt(tmp_path).findings] == []


GRAPHS = {
    "Dynamo": ("nvidia.com/v1alpha1", "DynamoGraphDeployment"),
    "KubeAI": ("kubeai.org/v1", "Model"),
    "Seldon": ("machinelearning.seldon.io/v1", "SeldonDeployment"),
    "KubeRay": ("ray.io/v1", "RayService"),
    "Knative": ("serving.knative.dev/v1", "Service"),
    "KServe's graphs": ("serving.kserve.io/v1alpha1", "InferenceGraph"),
    "Helm by Flux": ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
    "a company's own": ("serving.corp.example/v1", "ChatModel"),
}
SELECTING = SERVICE.replace("{name: qwen,", "{name: made,").replace("{app: qwen}", "{made-by: another}")


@pytest.mark.parametrize("maker", GRAPHS)
@pytest.mark.parametrize("service", ["", SELECTING], ids=["its Service", "its pods"])
def test_what_a_kind_that_is_not_known_may_make_is_not_lost(maker: str, service: str, tmp_path: Path) -> None:
    version, kind = GRAPHS[maker]
    other = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: m, namespace: serving}}\nspec: {{}}\n"
    files = {"maker": other, **({"made": service} if service else {})}
    found = road(tmp_path, entry("http://made.serving.svc:8000/v1"), **files)
    assert found.end == "unknown"
    assert found.why.endswith(f"; what {kind} serving/m makes is not known here")
    assert [one.code for one in adopt(tmp_path).findings] == []


HARMLESS = {
    "of another namespace": ("ray.io/v1", "RayService", "elsewhere"),
    "a certificate": ("cert-manager.io/v1", "Certificate", "serving"),
    "a monitor": ("monitoring.coreos.com/v1", "PodMonitor", "serving"),
    "settings of GPUs": ("nvidia.com/v1", "ClusterPolicy", ""),
    "a model of ours": ("pointsman.dev/v1alpha1", "Unknown", "serving"),
}


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("service", ["", SELECTING], ids=["no Service", "no pods"])
def test_beside_what_makes_neither_pods_nor_services_it_is_lost(name: str, service: str, tmp_path: Path) -> None:
    version, kind, namespace = HARMLESS[name]
    space = f", namespace: {namespace}" if namespace else ""
    other = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: m{space}}}\nspec: {{}}\n"
    files = {"maker": other, **({"made": service} if service else {})}
    assert road(tmp_path, entry("http://made.serving.svc:8000/v1"), **files).end == "lost"


ALONE = {
    "Pod": "metadata: {name: p, namespace: serving, labels: {made-by: another}}\nspec: {containers: [{name: a}]}",
    "Job": "metadata: {name: p, namespace: serving}\n"
    "spec: {template: {metadata: {labels: {made-by: another}}, spec: {containers: [{name: a}]}}}",
}


@pytest.mark.parametrize("kind", ALONE)
def test_pods_that_no_layer_has_are_found_behind_a_service(kind: str, tmp_path: Path) -> None:
    version = {"Job": "batch/v1"}.get(kind, "v1")
    files = {"pods": f"apiVersion: {version}\nkind: {kind}\n{ALONE[kind]}\n", "made": SELECTING}
    found = road(tmp_path, entry("http://made.serving.svc:8000/v1"), **files)
    assert (found.end, found.why) == ("cloud", f"{kind} serving/p is on none of the layers")


def test_routes_that_a_gateway_of_models_makes_are_not_lost(tmp_path: Path) -> None:
    made = "apiVersion: aigateway.envoyproxy.io/v1alpha1\nkind: AIGatewayRoute\nmetadata: {name: r, namespace: net}\n"
    found = road(tmp_path, entry("http://shared.net.svc/v1"), gw=GATEWAY, made=made)
    assert (found.end, "where AIGatewayRoute net/r leads is not known" in found.why) == ("unknown", True)
