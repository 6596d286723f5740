"""Two layers that are to be one model, behind the real LiteLLM: what tenants notice when they do not agree."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.demo.platform import plain_manifests
from tests.conftest import RunningLab
from tests.gitops.ground import until
from tests.traps.serving import STOP, Object, Reply, Space, engine, inference_service, made, raw_vllm, replaced, space
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab

KEY, MASTER = "key-of-the-engines", "sk-of-a-tenant-1234567890"
ASKS = [{"name": "VLLM_API_KEY", "valueFrom": {"secretKeyRef": {"name": "vllm-api-key", "key": "api-key"}}}]
LENGTH = "--max-model-len=8192"


@dataclass(frozen=True)
class Edge:
    """The space of one test, with a LiteLLM whose file can be written anew."""

    here: Space

    def config(self, *members: Object) -> Object:
        """LiteLLM's file, as a ConfigMap."""
        settings = {"num_retries": 0, "cooldown_time": 5}
        text = {"model_list": list(members), "router_settings": settings, "litellm_settings": {"telemetry": False}}
        text |= {"general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}
        data = {"config.yaml": yaml.safe_dump(text, sort_keys=False)}
        return made("v1", "ConfigMap", "litellm-config", self.here.name, data=data)

    def serve(self, *members: Object) -> None:
        """LiteLLM with these members; waits until it serves."""
        name = self.here.name
        self.here.apply(self.config(*members))
        shown = list(yaml.safe_load_all((plain_manifests() / "litellm/litellm.yaml").read_text("utf-8")))
        service, deployment = (replaced(one, "metadata", "namespace", value=name) for one in shown)
        pod = ("spec", "template", "spec", "containers", 0)
        deployment = replaced(deployment, *pod, "lifecycle", value=None)
        marked = {"tried": secrets.token_hex(4)}
        self.here.apply(service, replaced(deployment, "spec", "template", "metadata", "annotations", value=marked))
        words = ("rollout", "status", "deployment/litellm", f"--namespace={name}", "--timeout=120s")
        self.here.lab.kubectl(*words, timeout=150)
        until(lambda: self.here.call("litellm:4000", "/health/readiness").status == 200)

    def ask(self, alias: str = "chat", prompt: str = "Tell me.") -> Reply:
        """As a tenant does."""
        body = {"model": alias, "messages": [{"role": "user", "content": prompt}], "max_tokens": 1}
        return self.here.call("litellm:4000", "/v1/chat/completions", body, MASTER)


def member(here: Space, service: str, alias: str = "chat", **more: Any) -> Object:
    """An entry of LiteLLM's that leads to a Service of the space."""
    params = {"model": "openai/qwen", "api_base": f"http://{service}.{here.name}.svc.cluster.local/v1", "weight": 1}
    params |= {"api_key": "os.environ/UPSTREAM_API_KEY"}
    return {
        "model_name": alias,
        "litellm_params": params | more,
        "model_info": {"id": f"{alias}-{service.partition(':')[0]}"},
    }


@pytest.fixture
def edge(lab: RunningLab) -> Iterator[Edge]:
    with space(lab) as here:
        here.apply(
            made("v1", "Secret", "vllm-api-key", here.name, stringData={"api-key": KEY}),
            made("v1", "Secret", "litellm", here.name, stringData={"master-key": MASTER}),
        )
        yield Edge(here)


def engines(here: Space, *differs: str, **more: Any) -> tuple[Object, Object, Object]:
    """Raw vLLM with its Service, and an InferenceService whose engine differs in this."""
    raw = raw_vllm("raw", here.name, engine("vllm", LENGTH, env=ASKS))
    ports = {"selector": {"app": "raw"}, "ports": [{"port": 8000, "targetPort": 8000}]}
    service = made("v1", "Service", "raw", here.name, spec=ports)
    words = list(differs) or [LENGTH]
    return (
        raw,
        service,
        inference_service("qwen", here.name, engine("kserve-container", *words, **{"env": ASKS, **more})),
    )


def members(here: Space) -> list[Object]:
    """The alias as a runbook has it: one layer behind it, the other for trying."""
    return [member(here, "raw:8000"), member(here, "qwen-predictor", "chat-next")]


@pytest.mark.bites("served names differ between layers: 404, then 429 for the whole alias", "PM601", "PM606")
def test_another_served_name(lab: RunningLab, trap: Trap, tmp_path: Path, edge: Edge) -> None:
    here = edge.here
    bad, good = engines(here, LENGTH, "--served-model-name=qwen2.5"), engines(here)
    listed = [member(here, "raw:8000", weight=0), member(here, "qwen-predictor")]
    trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", *bad, edge.config(*listed)))
    here.apply(bad[2])
    here.answers("qwen-predictor")
    edge.serve(listed[1])
    assert trap.doctor("-n", here.name)
    seen = [edge.ask().status for _ in range(4)]
    assert seen[0] == 404
    assert set(seen[1:]) <= {404, 429}
    assert 429 in seen
    trap.bit(f"only api_base was changed: tenants were told {', '.join(map(str, seen))}")
    here.apply(good[2])
    until(lambda: edge.ask().status == 200)
    trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", *good, edge.config(*listed)))


@pytest.mark.bites("an api_base without /v1", "PM510")
def test_an_address_without_v1(lab: RunningLab, trap: Trap, tmp_path: Path, edge: Edge) -> None:
    here = edge.here
    service = engines(here)[2]
    right = member(here, "qwen-predictor")
    bare = replaced(right, "litellm_params", "api_base", value=f"http://qwen-predictor.{here.name}.svc.cluster.local")
    trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", service, edge.config(bare)))
    here.apply(service)
    here.answers("qwen-predictor")
    edge.serve(bare)
    seen = [edge.ask().status for _ in range(3)]
    assert seen[0] == 404
    assert 200 not in seen
    trap.bit(f"tenants were told {', '.join(map(str, seen))}")
    edge.serve(right)
    until(lambda: edge.ask().status == 200)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", service, edge.config(right)))


@pytest.mark.bites("the context shrinks from one layer to the other", "PM602")
def test_a_shorter_context(lab: RunningLab, trap: Trap, tmp_path: Path, edge: Edge) -> None:
    here = edge.here
    bad, good = engines(here, "--max-model-len=4096"), engines(here)
    trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", *bad, edge.config(*members(here))))
    here.apply(*bad)
    prompt = {"model": "qwen", "prompt": "one two " * 2500, "max_tokens": 1}

    def asked() -> dict[str, int]:
        return {one: here.call(one, "/v1/completions", prompt, KEY).status for one in ("raw:8000", "qwen-predictor")}

    for one in ("raw:8000", "qwen-predictor"):
        here.answers(one)
    seen = asked()
    assert seen == {"raw:8000": 200, "qwen-predictor": 400}
    trap.bit("a prompt of 5,000 words: 200 from raw vLLM (8192), 400 from KServe (4096)")
    here.apply(good[2])
    until(lambda: asked() == {"raw:8000": 200, "qwen-predictor": 200})
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", *good, edge.config(*members(here))))


@pytest.mark.bites("one layer asks for a key and the other lets everybody in", "PM603")
def test_a_key_that_is_lost(lab: RunningLab, trap: Trap, tmp_path: Path, edge: Edge) -> None:
    here = edge.here
    bad, good = engines(here, env=[]), engines(here)
    trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", *bad, edge.config(*members(here))))
    here.apply(*bad)
    for one in ("raw:8000", "qwen-predictor"):
        here.answers(one)

    def asked() -> dict[str, int]:
        return {one: here.call(one, "/v1/models").status for one in ("raw:8000", "qwen-predictor")}

    seen = asked()
    assert seen == {"raw:8000": 401, "qwen-predictor": 200}
    trap.bit("without a key: 401 from raw vLLM, 200 from KServe")
    here.apply(good[2])
    until(lambda: asked() == {"raw:8000": 401, "qwen-predictor": 401})
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", *good, edge.config(*members(here))))


@pytest.mark.bites("a layer is stopped while the alias still leads there", "PM219", "PM725")
def test_stopped_with_the_alias_on_it(lab: RunningLab, trap: Trap, tmp_path: Path, edge: Edge) -> None:
    here = edge.here
    service = engines(here)[2]
    only = member(here, "qwen-predictor")
    stopped = replaced(service, "metadata", "annotations", STOP, value="true")
    trap.lint(trap.written(tmp_path / "bad", "manifest.yaml", stopped, edge.config(only)))
    here.apply(service)
    here.answers("qwen-predictor")
    edge.serve(only)
    until(lambda: edge.ask().status == 200)
    trap.healthy("-n", here.name)
    here.apply(stopped)
    until(lambda: not here.read("service", "qwen-predictor"))
    seen = [edge.ask().status for _ in range(4)]
    assert 200 not in seen
    trap.doctor("-n", here.name)
    trap.bit(f"its Service is gone, and tenants were told {', '.join(map(str, seen))}")
    here.apply(service)
    until(lambda: edge.ask().status == 200)
    trap.healthy("-n", here.name)
    trap.sound(trap.written(tmp_path / "good", "manifest.yaml", service, edge.config(only)))
