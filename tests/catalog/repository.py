"""A platform repository on disk, of the runbook's shape, and the program run on it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.forked import run_forked

__all__ = ["APPSET", "CONFIG", "LAYERS", "application", "made", "pointsman"]

LAYERS = ("platform", "serving", "routing", "llm-gateway", "experience", "demos")
CONFIG = """\
# People edit this.
repoURL: https://git.example.com/platform.git
repoBranch: main
domain: llm.example.com
profile: lab
features:
  kserve: true      # the CRDs
  embeddings: false
"""
APPSET = """\
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: {layer}
  namespace: argocd
spec:
  goTemplate: true
  goTemplateOptions: [missingkey=error]
  generators:
    - git:
        repoURL: https://git.example.com/platform.git
        revision: main
        files:
          - path: clusters/ai-dev/groups.generated.yaml
      selector:
        matchLabels:
          enabled: "true"
          layer: {layer}
  template:
    metadata:
      name: "group-{{{{.name}}}}"
      finalizers: [resources-finalizer.argocd.argoproj.io]
    spec:
      project: platform
      source:
        repoURL: https://git.example.com/platform.git
        targetRevision: main
        path: "{{{{.catalogPath}}}}"
        directory: {{recurse: true}}
      destination: {{server: https://kubernetes.default.svc, namespace: argocd}}
      syncPolicy:
        automated: {{prune: true, selfHeal: true}}
        syncOptions: [ServerSideApply=true]
"""
PROJECT = """\
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: platform, namespace: argocd}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "*", namespace: "*"}]
"""
CHILDREN = {"kserve": ("kserve",), "serving-core": ("raw-vllm",), "llm-d": ("llm-d",), "demos": ("kserve-demo",)}


def application(name: str) -> str:
    """A child in the catalog."""
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {{name: {name}, namespace: argocd}}
spec:
  project: platform
  source: {{repoURL: https://git.example.com/platform.git, path: serving/{name}}}
  destination: {{server: https://kubernetes.default.svc, namespace: serving}}
"""


def made(root: Path, config: str | bytes = CONFIG, env: str = "ai-dev") -> Path:
    """The repository; gives the configuration's path."""
    path = root / "environments" / env / "config.yaml"
    clusters = root / "clusters" / env
    for folder in (path.parent, clusters / "projects", clusters / "appsets"):
        folder.mkdir(parents=True)
    path.write_bytes(config.encode() if isinstance(config, str) else config)
    (clusters / "projects" / "platform.yaml").write_text(PROJECT)
    for layer in LAYERS:
        (clusters / "appsets" / f"{layer}.yaml").write_text(APPSET.format(layer=layer))
    for group in groups():
        folder = clusters / "catalog" / group
        folder.mkdir(parents=True)
        for name in CHILDREN.get(group, (f"{group}-app",)):
            (folder / f"{name}.yaml").write_text(application(name))
    return path


def groups() -> tuple[str, ...]:
    """Every group's name, in the groups file's order."""
    return (
        *("platform-core", "autoscaling", "identity", "dns", "security", "opencost", "gpu-operator", "serving-core"),
        *("kserve", "embeddings", "coding-assistant", "llm-d", "routing-core", "public-edge", "mcp-gateway", "egress"),
        *("llm-gateway-core", "guardrails", "experience", "n8n", "demos"),
    )


def pointsman(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command line in the repository."""
    return run_forked(words, dict(os.environ), root, 60)
