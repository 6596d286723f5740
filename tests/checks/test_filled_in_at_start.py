"""A variable in an engine's command line hides what it may change, and nothing else of that engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import run

FLAGS = ["--tensor-parallel-size=8", "--enable-auto-tool-choice"]
SEEN = {"PM104", "PM109", "PM111"}


def told(folder: Path, **container: Any) -> set[str]:
    """Ids of what lint finds of an engine with one accelerator."""
    resources = {"limits": {"nvidia.com/gpu": "1"}}
    engine = {"name": "vllm", "image": "vllm/vllm-openai:v0.23.0", "resources": resources, **container}
    labels = {"app": "m"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [engine]}}
    body = {"selector": {"matchLabels": labels}, "template": template}
    made = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "m", "namespace": "s"}, "spec": body}
    (folder / "m.yaml").write_text(json.dumps(made), "utf-8")
    found = json.loads(run("lint", str(folder), "-o", "json").stdout)
    return {one["id"] for one in found["findings"]}


@pytest.mark.parametrize(
    "words",
    [
        ["--api-key=$(K)"],
        ["--api-key", "$(K)"],
        ["--port=$(PORT)"],
        ["--root-path=/$(POD)"],
        ["--otlp-traces-endpoint=http://$(NODE_IP):4317"],
        ["--lora-modules", "a=$(A)", "b=$(B)"],
    ],
)
def test_within_a_flag_it_hides_that_flags_value_alone(words: list[str], tmp_path: Path) -> None:
    assert told(tmp_path, args=["Qwen/Qwen2.5-7B-Instruct", *FLAGS, *words]) >= SEEN


@pytest.mark.parametrize("word", ["--api-key $K", '--api-key "$K"', "--api-key=${K}", '--root-path="/$POD"'])
def test_in_a_script_too(word: str, tmp_path: Path) -> None:
    script = f"vllm serve Qwen/Qwen2.5-7B-Instruct {' '.join(FLAGS)} {word}"
    assert told(tmp_path, command=["sh", "-c", script]) >= SEEN


@pytest.mark.parametrize("weights", ["$(MODEL)", "/models/$(NAME)", "$(HF_MODEL_ID)"])
def test_in_the_place_of_the_weights_it_hides_the_weights_alone(weights: str, tmp_path: Path) -> None:
    assert told(tmp_path, args=[weights, *FLAGS]) >= SEEN - {"PM104"}


@pytest.mark.parametrize(
    "words",
    [
        ["$(ARGS)"],
        ["--enable-prefix-caching", "$(MORE)"],
        ["--$(FLAG)=1"],
        ["--config=$(FILE)"],
        ["--config=/etc/vllm.yaml"],
    ],
)
def test_where_it_may_be_any_flag_nothing_is_said_to_be_missing(words: list[str], tmp_path: Path) -> None:
    assert not SEEN & told(tmp_path, args=["Qwen/Qwen2.5-7B-Instruct", *FLAGS, *words])


@pytest.mark.parametrize("word", ["$ARGS", "${EXTRA:-}", "${K:+--api-key $K}"])
def test_in_a_script_neither(word: str, tmp_path: Path) -> None:
    script = f"vllm serve Qwen/Qwen2.5-7B-Instruct {' '.join(FLAGS)} {word}"
    assert not SEEN & told(tmp_path, command=["sh", "-c", script], envFrom=[{"secretRef": {"name": "more"}}])


def test_a_size_that_is_filled_in_is_no_size(tmp_path: Path) -> None:
    args = ["Qwen/Qwen2.5-7B-Instruct", "--tensor-parallel-size=$(TP)", "--enable-auto-tool-choice"]
    assert told(tmp_path, args=args) & SEEN == {"PM104", "PM109"}
