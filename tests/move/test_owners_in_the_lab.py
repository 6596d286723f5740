"""Owners and rolls against a real API server: what is refused, and that the command it names lets a plan go on."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import RunningLab
from tests.move.platform import MODEL, layer_of, pointsman_in, served

pytestmark = pytest.mark.lab

OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "applications.argoproj.io"},
    "spec": {
        "group": "argoproj.io",
        "scope": "Namespaced",
        "names": {"kind": "Application", "plural": "applications", "singular": "application"},
        "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}],
    },
}
APPLICATION = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "edge", "namespace": "llm-gateway"},
    "spec": {
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "llm-gateway"},
        "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
    },
}
CONFIG = ("configmap", "litellm-config", "-n", "llm-gateway")
TRACKING = "argocd.argoproj.io/tracking-id"


@pytest.fixture
def argo(lab: RunningLab) -> Iterator[None]:
    """An Application that owns the edge's configuration and heals itself; nobody carries it out."""
    served(lab)
    try:
        lab.kubectl("apply", "--server-side", "-f", "-", given=json.dumps(CRD))
        lab.kubectl("wait", "--for=condition=Established", "crd/applications.argoproj.io", "--timeout=30s")
        lab.kubectl("apply", "--server-side", "-f", "-", given=json.dumps(APPLICATION))
        lab.kubectl("annotate", *CONFIG, f"{TRACKING}=edge:/ConfigMap:llm-gateway/litellm-config")
        yield
    finally:
        lab.kubectl("annotate", *CONFIG, f"{TRACKING}-")
        lab.kubectl("delete", "crd", "applications.argoproj.io", "--ignore-not-found")


def plan(lab: RunningLab) -> subprocess.CompletedProcess[str]:
    other = "kserve" if layer_of(lab) != "kserve" else "raw-vllm"
    return pointsman_in(lab)("plan", MODEL, "--to", other, "--kubeconfig", str(lab.kubeconfig))


def follow(lab: RunningLab, refused: subprocess.CompletedProcess[str]) -> None:
    """Run the first command the refusal names."""
    command = refused.stderr.split("next: kubectl ", 1)[1].split(" (and ", 1)[0].split(", or ", 1)[0]
    lab.kubectl(*shlex.split(command))


def test_an_application_that_heals_itself_is_refused_until_it_leaves_the_text_alone(
    lab: RunningLab, argo: None
) -> None:
    refused = plan(lab)
    assert refused.returncode == 1, refused.stderr
    assert "error [preflight.owners] at ConfigMap llm-gateway/litellm-config" in refused.stderr
    assert "Application llm-gateway/edge (Argo CD) puts it back within seconds" in refused.stderr
    follow(lab, refused)
    done = plan(lab)
    assert done.returncode == 0, done.stderr
    assert "Application llm-gateway/edge (Argo CD) leaves it alone: ignoreDifferences" in done.stdout
    assert "KEDA is not installed" in done.stdout


def test_a_paused_edge_is_refused_until_it_is_resumed(lab: RunningLab) -> None:
    served(lab)
    lab.kubectl("rollout", "pause", "deployment/litellm", "-n", "llm-gateway")
    try:
        refused = plan(lab)
        assert refused.returncode == 1, refused.stderr
        assert "error [preflight.edge-rolls]" in refused.stderr
        follow(lab, refused)
        done = plan(lab)
    finally:
        lab.kubectl("rollout", "resume", "deployment/litellm", "-n", "llm-gateway", check=False)
    assert done.returncode == 0, done.stderr
    assert "one replica: " in done.stdout
