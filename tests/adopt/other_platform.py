"""A platform repository of another shape than ours, as somebody else would have written it.

A shared Gateway in front of raw vLLM, which tells models by a header; Kustomize overlays; served names that differ
between layers; LiteLLM from a chart with two files of values, cloud members beside ours, and a database. What does not
agree on it: the served name, the context, the key, and of one member the model, the address and the price.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

__all__ = ["ALIAS", "NAME", "files", "line_of", "write_other_platform"]

CHART = Path(__file__).parents[2] / "examples" / "platform" / "charts" / "litellm"
URL = "https://git.example.invalid/other.git"
ALIAS = "chat-large"
NAME = "qwen2.5-0.5b-instruct"


def _application(name: str, path: str, namespace: str, more: str = "") -> str:
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: {name}
  namespace: argocd
spec:
  project: default
  source: {{repoURL: @URL@, targetRevision: main, path: {path}}}
  destination: {{server: https://kubernetes.default.svc, namespace: {namespace}}}
  syncPolicy:
    syncOptions: [CreateNamespace=true, RespectIgnoreDifferences=true]
{more}"""


RAW = """\
# The chat model. Its weights are cached on a claim.
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: chat-cache}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 20Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: chat-engine
  labels: {app: chat-engine}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector:
    matchLabels: {app: chat-engine}
  template:
    metadata:
      labels: {app: chat-engine}
    spec:
      enableServiceLinks: false
      terminationGracePeriodSeconds: 90
      containers:
        - name: vllm
          image: vllm/vllm-openai:v0.23.0
          command: [vllm, serve]
          args:
            - Qwen/Qwen2.5-0.5B-Instruct
            - --served-model-name=qwen2.5-0.5b-instruct # what tenants' requests carry
            - --max-model-len
            - "4096"
            - --port=8000
            - --shutdown-timeout=40
          env:
            - name: HF_HOME
              value: /cache
            - name: VLLM_API_KEY
              valueFrom: {secretKeyRef: {name: chat-key, key: token}}
          ports: [{name: openai, containerPort: 8000}]
          readinessProbe: {httpGet: {path: /health, port: openai}, periodSeconds: 2}
          lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
          resources:
            requests: {cpu: "1", memory: 4Gi, nvidia.com/gpu: "1"}
            limits: {cpu: "4", memory: 12Gi, nvidia.com/gpu: "1"}
          volumeMounts: [{name: cache, mountPath: /cache}]
      volumes:
        - name: cache
          persistentVolumeClaim: {claimName: chat-cache}
"""

RAW_SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: chat-engine}
spec:
  selector: {app: chat-engine}
  ports: [{name: http, port: 80, targetPort: openai}]
"""

RAW_ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: chat}
spec:
  parentRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: shared-gateway, namespace: networking}]
  rules:
    - matches:
        - headers: [{name: X-Gateway-Base-Model-Name, value: qwen2.5-0.5b-instruct}]
      timeouts: {request: 300s}
      backendRefs: [BACKEND]
"""

POOL = """\
apiVersion: inference.networking.k8s.io/v1
kind: InferencePool
metadata: {name: chat-pool}
spec:
  selector: {matchLabels: {app: chat-engine}}
  targetPorts: [{number: 8000}]
  endpointPickerRef: {name: chat-epp, port: {number: 9002}, failureMode: FailOpen}
"""
_TO_SERVICE = '{group: "", kind: Service, name: chat-engine, port: 80, weight: 1}'
_TO_POOL = "{group: inference.networking.k8s.io, kind: InferencePool, name: chat-pool, weight: 1}"

KSERVE = """\
# The same weights under KServe, for the days when the load comes in waves.
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: chat
  annotations: {serving.kserve.io/deploymentMode: Standard, serving.kserve.io/autoscalerClass: none}
spec:
  predictor:
    minReplicas: 1
    deploymentStrategy: {type: Recreate}
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.23.0
        command: [vllm, serve]
        args:
          - Qwen/Qwen2.5-0.5B-Instruct
          - --served-model-name=qwen-chat
          - --max-model-len=2048
          - --port=8080
          - --shutdown-timeout=40
        ports: [{containerPort: 8080, protocol: TCP}]
        readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 2}
        lifecycle: {preStop: {exec: {command: [sleep, "5"]}}}
        resources:
          requests: {cpu: "1", memory: 4Gi, nvidia.com/gpu: "1"}
          limits: {cpu: "4", memory: 12Gi, nvidia.com/gpu: "1"}
"""

MODELS = """\
# Written by the models team.
proxy_config:
  model_list:
    - model_name: chat-large   # ours, on the cluster
      litellm_params:
        model: openai/qwen2.5-0.5b-instruct
        api_base: http://shared-gateway.networking.svc.cluster.local/v1
        api_key: os.environ/CHAT_KEY
        extra_headers: {X-Gateway-Base-Model-Name: qwen2.5-0.5b-instruct}
        weight: 100
        input_cost_per_token: 0.0000004
        output_cost_per_token: 0.0000012
    - model_name: chat-large   # when we are full
      litellm_params:
        model: bedrock/anthropic.claude-x
        aws_region_name: eu-central-1
        weight: 0
    - model_name: chat-large   # when they are, too
      litellm_params:
        model: azure/gpt-x
        api_base: https://example.openai.azure.com/
        api_key: os.environ/AZURE_KEY
        weight: 0
    - model_name: chat-large   # the one on KServe
      litellm_params: {model: openai/qwen-chat, api_base: "http://chat-predictor.chat-kserve.svc.cluster.local", KEY}
    - model_name: claude
      litellm_params: {model: bedrock/anthropic.claude-x, aws_region_name: eu-central-1}
  router_settings:
    model_group_alias: {chat: chat-large}
    allowed_fails: 0
    cooldown_time: 30
  litellm_settings: {request_timeout: 600, telemetry: false}
  general_settings:
    master_key: os.environ/LITELLM_MASTER_KEY
    store_model_in_db: true
"""

VALUES = """\
deployment: llm-proxy
service: llm-proxy
port: 4000
configMap: {name: llm-proxy-config, key: config.yaml}
masterKey: {secret: llm-proxy, key: master}
secretEnv:
  - {name: CHAT_KEY, secret: chat-key, key: token}
proxy_config:
  model_list: []
"""

PROXY = """\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: llm-proxy, namespace: argocd}
spec:
  project: default
  sources:
    - repoURL: '@URL@'
      targetRevision: main
      path: proxy/chart
      helm:
        releaseName: llm-proxy
        valueFiles: [$config/proxy/values/base.yaml, $config/proxy/values/models.yaml]
    - {repoURL: '@URL@', targetRevision: main, ref: config}
  destination: {server: https://kubernetes.default.svc, namespace: llm-proxy}
  syncPolicy:
    automated: {prune: true, selfHeal: true}
    syncOptions: [CreateNamespace=true]
"""

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: shared-gateway, namespace: networking}
spec:
  gatewayClassName: CLASS
  listeners:
    - {name: http, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: All}}}
"""


def files(url: str = URL, gateway_class: str = "envoy", *, pool: bool = True, database: bool = True) -> dict[str, str]:
    """Every file but the chart's, by path."""
    route = RAW_ROUTE.replace("BACKEND", _TO_POOL if pool else _TO_SERVICE)
    models = MODELS if database else MODELS.replace("    store_model_in_db: true\n", "")
    models = models.replace("KEY}", "api_key: os.environ/CHAT_KEY, weight: 0}")
    made = {
        "README.md": "# The platform of another team\n",
        "argocd/apps/chat-engine.yaml": _application("chat-engine", "workloads/chat/overlays/production", "chat"),
        "argocd/apps/chat-kserve.yaml": _application(
            "chat-kserve", "workloads/chat-kserve/overlays/production", "chat-kserve"
        ),
        "argocd/apps/networking.yaml": _application("networking", "networking", "networking"),
        "argocd/apps/llm-proxy.yaml": PROXY,
        "networking/gateway.yaml": GATEWAY.replace("CLASS", gateway_class),
        "workloads/chat/base/kustomization.yaml": "resources: [engine.yaml, service.yaml]\n",
        "workloads/chat/base/engine.yaml": RAW,
        "workloads/chat/base/service.yaml": RAW_SERVICE,
        "workloads/chat/overlays/production/kustomization.yaml": f"""\
namespace: chat
resources:
  - ../../base
  - route.yaml
{"  - pool.yaml" if pool else "  # no pool"}
patches:
  - path: longer.yaml
    target: {{kind: Deployment, name: chat-engine}}
""",
        "workloads/chat/overlays/production/longer.yaml": """\
- op: replace
  path: /spec/template/spec/containers/0/args/3
  value: "8192"
""",
        "workloads/chat/overlays/production/route.yaml": route,
        "workloads/chat/overlays/staging/kustomization.yaml": "namespace: chat-staging\nresources: [../../base]\n",
        "workloads/chat-kserve/base/kustomization.yaml": "resources: [isvc.yaml]\n",
        "workloads/chat-kserve/base/isvc.yaml": KSERVE,
        "workloads/chat-kserve/overlays/production/kustomization.yaml": """\
namespace: chat-kserve
resources:
  - ../../base
labels:
  - pairs: {team: models}
patches:
  - target: {kind: InferenceService, name: chat}
    patch: |-
      # It has half the memory.
      - op: replace
        path: /spec/predictor/containers/0/args/2
        value: --max-model-len=4096
""",
        "proxy/values/base.yaml": VALUES,
        "proxy/values/models.yaml": models,
    }
    if pool:
        made["workloads/chat/overlays/production/pool.yaml"] = POOL
    return {path: text.replace("@URL@", url) for path, text in made.items()}


def write_other_platform(
    root: Path, url: str = URL, gateway_class: str = "envoy", *, pool: bool = True, database: bool = True
) -> Mapping[str, str]:
    """Write it to a folder; every file's text by path."""
    made = files(url, gateway_class, pool=pool, database=database)
    for name, text in made.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    shutil.copytree(CHART, root / "proxy" / "chart")
    return made


def line_of(root: Path, path: str, text: str, above: int = 0) -> str:
    """``PATH:LINE`` of the only line of a file that holds a text; so many lines above it."""
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    (found,) = (number for number, line in enumerate(lines, 1) if text in line)
    return f"{path}:{found - above}"
