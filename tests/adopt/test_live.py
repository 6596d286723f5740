"""What runs, beside what is written: differences are findings, and what may not be read is not absent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adopt.test_adopt import adopted, texts
from tests.adopt.test_folder import written
from tests.adopt.test_roads import RAW, SERVICE, entry
from tests.cli.cluster import ReadOnlyCluster, serving
from tests.docs.schemas.holding import held

Serve = Callable[[ReadOnlyCluster], Path]
EDGE = entry("http://qwen.serving.svc:8000/v1")


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with ExitStack() as stack:
        yield lambda cluster: stack.enter_context(serving(cluster, tmp_path))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return written(tmp_path / "root", {"raw.yaml": RAW, "service.yaml": SERVICE, "edge.yaml": EDGE})


def config_map(config: str) -> dict[str, Any]:
    metadata = {"name": "litellm-config", "namespace": "edge"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"config.yaml": config}}


def running(raw: str = RAW, config: str = EDGE, *more: dict[str, Any]) -> ReadOnlyCluster:
    return ReadOnlyCluster.of([yaml.safe_load(raw), yaml.safe_load(SERVICE), config_map(config), *more])


def findings(root: Path, config: Path) -> list[tuple[str, str, str]]:
    done = adopted(root, "--kubeconfig", str(config), "--output", "json")
    found = json.loads(done.stdout)
    held("adopt", found)
    return [(one["code"], one["where"], one["what"]) for one in found["findings"]]


def test_what_runs_as_it_is_written_is_no_finding(root: Path, serve: Serve) -> None:
    config = serve(running())
    done = adopted(root, "--kubeconfig", str(config))
    assert (done.returncode, "nothing to correct" in done.stdout) == (0, True)


def test_an_engine_that_runs_otherwise_is_told_promise_by_promise(root: Path, serve: Serve) -> None:
    config = serve(running(RAW.replace("4096", "2048").replace("v0.23.0", "v0.22.0")))
    assert findings(root, config) == [
        (
            "adopt-live",
            "raw.yaml:1",
            "Deployment serving/qwen has the context length 4096 in git, and 2048 in the cluster",
        ),
        (
            "adopt-live",
            "raw.yaml:1",
            "Deployment serving/qwen has the image vllm/vllm-openai:v0.23.0 in git, and vllm/vllm-openai:v0.22.0 "
            "in the cluster",
        ),
    ]


def test_an_alias_that_leads_elsewhere_is_told(root: Path, serve: Serve) -> None:
    config = serve(running(config=entry("http://other.serving.svc/v1")))
    (found,) = findings(root, config)
    assert found[:2] == ("adopt-live", "edge.yaml:2")
    assert "http://other.serving.svc/v1 in the cluster" in found[2]


def test_what_no_manifest_here_knows_is_told(root: Path, serve: Serve) -> None:
    stray = yaml.safe_load(RAW.replace("name: qwen, namespace: serving", "name: stray, namespace: elsewhere"))
    made = yaml.safe_load(RAW.replace("name: qwen, namespace: serving", "name: q-predictor, namespace: serving"))
    made["metadata"]["ownerReferences"] = [{"kind": "InferenceService", "name": "q"}]
    more = EDGE + EDGE.partition("\n")[2].replace("model_name: chat", "model_name: secretly")
    config = serve(running(RAW, more, stray, made))
    assert [(code, where) for code, where, _ in findings(root, config)] == [
        ("adopt-live-only", "Deployment elsewhere/stray"),
        ("adopt-live-only", "ConfigMap edge/litellm-config line 4"),
    ]


def test_forbidden_is_not_absent(root: Path, serve: Serve) -> None:
    class Closed(ReadOnlyCluster):
        def answer(self, target: str) -> dict[str, Any] | None:
            if target.startswith("/apis/apps/v1/deployments") or "configmaps" in target:
                return {"kind": "Status", "code": 403, "metadata": None}
            return super().answer(target)

    cluster = Closed(running(RAW.replace("4096", "2048")).objects)
    before = texts(root)
    done = adopted(root, "--kubeconfig", str(serve(cluster)), "--output", "json")
    found = json.loads(done.stdout)
    told = [one["why"] for one in found["notRead"] if one["where"] == "the cluster"]
    assert told == [
        "you may not list configmaps in serving",
        "you may not list deployments outside of serving",
    ]
    assert ["context length" in one["what"] for one in found["findings"]] == [True]
    assert texts(root) == before


def test_a_cluster_that_does_not_answer_is_an_error(root: Path, tmp_path: Path) -> None:
    config = tmp_path / "kubeconfig"
    config.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: c, user: u}}]\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:9'}}]\nusers: [{name: u, user: {}}]\n"
    )
    done = adopted(root, "--kubeconfig", str(config))
    assert (done.returncode, "cluster-unreachable" in done.stderr) == (2, True)
