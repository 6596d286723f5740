"""Manifests of one model on three layers, as people write them: with fields that no Model has a name for."""

from __future__ import annotations

from pathlib import Path

__all__ = ["FOLDERS", "KSERVE", "LLM_D", "MODEL", "RAW", "platform"]

RAW = """\
# staged by an init container; parked in git, woken by hand
apiVersion: apps/v1
kind: Deployment
metadata:
  name: raw-vllm
  namespace: serving
  labels: {app: raw-vllm, team: ml-platform}
  annotations: {owner: "ml-platform@example.com"}
spec:
  replicas: 0
  strategy: {type: Recreate}
  selector: {matchLabels: {app: raw-vllm}}
  template:
    metadata:
      labels: {app: raw-vllm, team: ml-platform}
      annotations: {prometheus.io/scrape: "true"}
    spec:
      securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
      terminationGracePeriodSeconds: 90
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway,
           labelSelector: {matchLabels: {app: raw-vllm}}}
      containers:
        - name: metrics
          image: busybox:1.36
          args: [sleep, infinity]
          resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {cpu: 50m, memory: 32Mi}}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        - name: server
          image: vllm/vllm-openai:v0.23.0
          command: ["/bin/bash", "-c"]
          args:
            - |
              set -e
              exec vllm serve $(MODEL_ID) --served-model-name qwen2.5-0.5b-instruct \\
                --max-model-len 8K --port 8000 --gpu-memory-utilization 0.85 --dtype=auto
          env:
            - {name: MODEL_ID, value: Qwen/Qwen2.5-0.5B-Instruct}
            - {name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: vllm-api-key, key: api-key}}}
            - {name: HOME, value: /tmp}
          ports: [{name: http, containerPort: 8000}]
          readinessProbe: {httpGet: {path: /health, port: http}, periodSeconds: 2}
          lifecycle: {preStop: {exec: {command: [sleep, "3"]}}}
          resources:
            requests: {cpu: "1", memory: 2Gi, nvidia.com/gpu: 1}
            limits: {cpu: "2", memory: 4Gi, nvidia.com/gpu: 1}
          securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
          volumeMounts: [{name: shm, mountPath: /dev/shm}, {name: cache, mountPath: /tmp}]
      volumes:
        - {name: shm, emptyDir: {medium: Memory, sizeLimit: 2Gi}}
        - {name: cache, emptyDir: {}}
---
apiVersion: v1
kind: Service
metadata: {name: raw-vllm, namespace: serving}
spec:
  selector: {app: raw-vllm}
  ports: [{name: http, port: 80, targetPort: http}]
"""

KSERVE = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: qwen
  namespace: kserve
  annotations:
    serving.kserve.io/deploymentMode: Standard
    serving.kserve.io/autoscalerClass: none
    team: ml-platform
spec:
  predictor:
    minReplicas: 1
    deploymentStrategy: {type: Recreate}
    terminationGracePeriodSeconds: 80
    securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
    containers:
      - name: kserve-container
        image: vllm/vllm-openai:v0.23.0
        command: [python3, -m, vllm.entrypoints.openai.api_server]
        args: [--model=Qwen/Qwen2.5-0.5B-Instruct, --served-model-name, qwen2.5-0.5b-instruct, --max-model-len=8192,
               --port, "8080", --enforce-eager]
        env:
          - {name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: vllm-api-key, key: api-key}}}
        ports: [{containerPort: 8080, protocol: TCP}]
        readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 2}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        resources:
          requests: {cpu: "1", memory: 2Gi, nvidia.com/gpu: "1"}
          limits: {cpu: "2", memory: 4Gi, nvidia.com/gpu: "1"}
"""

LLM_D = """\
apiVersion: serving.kserve.io/v1alpha1
kind: LLMInferenceService
metadata: {name: qwen-llmd, namespace: llm-d}
spec:
  model: {uri: "hf://Qwen/Qwen2.5-0.5B-Instruct", name: qwen2.5-0.5b-instruct}
  replicas: 1
  template:
    securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
    initContainers:
      - name: storage-initializer
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
    containers:
      - name: main
        image: vllm/vllm-openai:v0.23.0
        args: ["--max-model-len=8192"]
        env:
          - {name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: vllm-api-key, key: api-key}}}
        resources:
          requests: {cpu: "1", memory: 2Gi, nvidia.com/gpu: "1"}
          limits: {cpu: "2", memory: 4Gi, nvidia.com/gpu: "1"}
  router:
    gateway: {refs: [{name: llm-d-gateway, namespace: llm-d}]}
    route: {}
    scheduler:
      template:
        securityContext: {runAsNonRoot: true, runAsUser: 65532, seccompProfile: {type: RuntimeDefault}}
        initContainers:
          - name: storage-initializer
            securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        containers: [{name: main}]
"""

MODEL = """\
apiVersion: pointsman.dev/v1alpha1
kind: Model
metadata: {name: qwen}
spec:
  layer: raw-vllm
  servedModelName: qwen2.5-0.5b-instruct
  weights: {huggingFace: {repo: Qwen/Qwen2.5-0.5B-Instruct}}
  engine: {image: "vllm/vllm-openai:v0.23.0"}
  accelerator: {gpusPerReplica: 1, pricePerHour: 0.5}
  resources: {requests: {cpu: "1", memory: 2Gi}, limits: {cpu: "2", memory: 4Gi}}
  contract: {maxModelLen: 8192}
  tenant: {alias: qwen-local}
  layers:
    raw-vllm: {from: {path: serving/raw-vllm}}
    kserve: {from: {path: serving/kserve}}
    llm-d: {from: {path: serving/llm-d}}
"""


FOLDERS = {"serving/raw-vllm/app.yaml": RAW, "serving/kserve/isvc.yaml": KSERVE, "serving/llm-d/llm.yaml": LLM_D}
"""The manifests, by where they lie."""


def platform(root: Path, **changed: str) -> Path:
    """The three folders below ``root``, and the model's file, which is returned; ``changed`` names other texts."""
    texts = {"raw": RAW, "kserve": KSERVE, "llm_d": LLM_D, "model": MODEL, **changed}
    places = {
        "raw": "serving/raw-vllm/app.yaml",
        "kserve": "serving/kserve/isvc.yaml",
        "llm_d": "serving/llm-d/llm.yaml",
        "model": "models/qwen.yaml",
    }
    (root / ".git").mkdir(exist_ok=True)
    for name, place in places.items():
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[name], encoding="utf-8")
    return root / places["model"]
