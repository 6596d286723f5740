"""A pod with an engine's image in which something else runs is no engine, and nothing is asked of it as one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import run


def told(folder: Path, **container: Any) -> set[str]:
    """Ids of what lint finds of a Deployment with vLLM's image."""
    engine = {"name": "sh", "image": "vllm/vllm-openai:v0.23.0", **container}
    template = {"metadata": {"labels": {"app": "t"}}, "spec": {"containers": [engine]}}
    body = {"selector": {"matchLabels": {"app": "t"}}, "template": template}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "t", "namespace": "s"}, "spec": body}
    (folder / "d.yaml").write_text(json.dumps(made), "utf-8")
    found = json.loads(run("lint", str(folder), "-o", "json").stdout)
    return {one["id"] for one in found["findings"]} | {one["why"] for one in found["notRead"]}


@pytest.mark.parametrize(
    "words",
    [
        ["sleep", "infinity"],
        ["/bin/sleep", "3600"],
        ["tail", "-f", "/dev/null"],
        ["bash"],
        ["bash", "-c", "sleep infinity"],
        ["/bin/bash", "-lc", "trap : TERM INT; sleep infinity & wait"],
        ["sh", "-c", "while true; do sleep 30; done"],
        ["sh", "-c", "set -e\necho ready\nexec sleep infinity\n"],
        ["tini", "--", "sleep", "infinity"],
        ["vllm", "bench", "serve", "--model=a/b"],
    ],
)
def test_of_a_pod_to_debug_in_nothing_is_said(words: list[str], tmp_path: Path) -> None:
    assert told(tmp_path, command=words[:1], args=words[1:]) == set()
    assert told(tmp_path, command=words) == set()


@pytest.mark.parametrize(
    "container",
    [
        {"command": ["/start.sh"]},
        {"command": ["bash", "-c", "/opt/start.sh"]},
        {"command": ["bash", "-c", "sleep 5; /opt/start.sh"]},
        {"command": ["bash", "-c", "sleep 5 && vllm serve a/b"]},
        {"command": ["vllm", "serve", "a/b"]},
        {"args": ["a/b"]},
        {},
    ],
)
def test_what_may_start_an_engine_is_taken_for_one(container: dict[str, Any], tmp_path: Path) -> None:
    assert {"PM102", "PM114", "PM119"} <= told(tmp_path, **container)
