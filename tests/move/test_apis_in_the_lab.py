"""Models that tenants do not chat with, through the real LiteLLM and the real controllers, there and back."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.demo.door import Door, door
from pointsman.kube.client import Client
from pointsman.spec.apis import APIS, Api
from pointsman.spec.loading import load_model
from tests.conftest import RunningLab
from tests.move.platform import NAMESPACES, SURE, platform, pointsman_in, spec_with

pytestmark = pytest.mark.lab

CONFIG = ("configmap", "litellm-config", "-n", "llm-gateway")
EDGE = ("deployment/litellm", "-n", "llm-gateway")


@pytest.fixture(params=["completions", "embeddings"])
def spec(request: pytest.FixtureRequest, lab: RunningLab, tmp_path: Path) -> Iterator[Path]:
    """A model of its own that is up, and gone afterwards; the edge is what it was."""
    platform(lab)
    api, name = request.param, f"other-{request.param}"
    before = lab.kubectl("get", *CONFIG, "-o", "jsonpath={.data.config\\.yaml}").stdout
    found = spec_with(
        tmp_path,
        ("  name: qwen\n", f"  name: {name}\n"),
        (
            "    - --gpu-memory-utilization=0.6\n",
            "    - --runner=pooling\n" if api == "embeddings" else "    - --seed=1\n",
        ),
        ("gpusPerReplica: 1", "gpusPerReplica: 0"),
        ("    streaming: true\n", f"    api: {api}\n    streaming: true\n"),
        ("alias: qwen-local", f"alias: {name}"),
        ("      name: raw-vllm\n", f"      name: {name}\n"),
        ("      name: qwen-llmd\n", f"      name: {name}-d\n"),
        ("  replicas: 1\n", f"  replicas: 1\n  {SURE}\n"),
    )
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "lab-engine"},
        "data": {name: json.dumps({"base": True})},
    }
    for namespace in NAMESPACES.values():
        lab.kubectl("apply", "--server-side", "-n", namespace, "-f", "-", given=json.dumps(manifest))
    try:
        done = pointsman_in(lab)("up", str(found), "--kubeconfig", str(lab.kubeconfig), timeout=300)
        assert done.returncode == 0, done.stderr
        yield found
    finally:
        for namespace in NAMESPACES.values():
            kinds = "deployments,services,persistentvolumeclaims,inferenceservices"
            lab.kubectl("delete", "configmap", "lab-engine", "-n", namespace, "--ignore-not-found")
            lab.kubectl("delete", kinds, "-n", namespace, "-l", f"pointsman.dev/model={name}", "--wait=false")
        patch = json.dumps({"data": {"config.yaml": before}})
        lab.kubectl("patch", *CONFIG, "--type=merge", "-p", patch)
        lab.kubectl("rollout", "restart", *EDGE)
        lab.kubectl("rollout", "status", *EDGE, "--timeout=150s", timeout=180)


async def asking(way: Door, api: Api, alias: str, seen: Counter[str], stop: asyncio.Event) -> None:
    """A tenant who asks four times a second; what came, by layer or by failure."""
    while not stop.is_set():
        body = api.body(alias, "The night train", 8)
        async with way.session.post(f"{way.base}{api.path}", json=body, headers=way.headers, proxy=way.proxy) as answer:
            said: Any = await answer.json(content_type=None)
            member = answer.headers.get("x-litellm-model-id", "")
        try:
            seen[member if api.said(said) else "nothing was said"] += 1
        except (KeyError, IndexError, TypeError):
            seen[f"{answer.status}: {str(said)[:200]}"] += 1
        await asyncio.sleep(0.25)


async def test_it_is_moved_under_load_and_its_receipt_is_what_tenants_had(lab: RunningLab, spec: Path) -> None:
    model = load_model(spec)
    api, name = APIS[model.spec.contract.api], model.name
    seen, stop = Counter[str](), asyncio.Event()
    async with Client.from_kubeconfig(lab.kubeconfig) as client:
        secret = json.loads(lab.kubectl("get", "secret", "litellm", "-n", "llm-gateway", "-o", "json").stdout)
        key = base64.b64decode(secret["data"]["master-key"]).decode()
        async with door(client, model.spec.tenant.edge, key, lab.config.proxy_url) as way:
            tenant = asyncio.create_task(asking(way, api, model.spec.tenant.alias, seen, stop))
            words = ("move", str(spec), "--to", "kserve", "--yes", "--kubeconfig", str(lab.kubeconfig))
            moved = await asyncio.to_thread(pointsman_in(lab), *words, timeout=400)
            stop.set()
            await tenant
    assert moved.returncode == 0, moved.stderr
    assert set(seen) == {f"{name}-raw-vllm", f"{name}-kserve"}, seen
    told = lab.kubectl("get", *CONFIG, "-o", "jsonpath={.data.config\\.yaml}").stdout
    assert ("mode: embedding" in told) == (api.id == "embeddings")
    receipt = pointsman_in(lab)("receipt", name, "--kubeconfig", str(lab.kubeconfig), "--output", "json")
    counted = json.loads(receipt.stdout)["traffic"]
    assert counted["cut"] == 0
    assert 0 < counted["tenants"] <= sum(seen.values())
