"""A variable in an engine's command line hides what it may change, and nothing else of that engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.checks.repository import lint
from tests.checks.grid import Example, examples
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


@pytest.mark.parametrize("words", [["--model=$(X)"], ["--model", "$(X)"]])
def test_as_the_value_of_model_it_hides_the_weights_alone(words: list[str], tmp_path: Path) -> None:
    assert told(tmp_path, args=[*words, *FLAGS]) >= SEEN


@pytest.mark.parametrize(
    "printed", ["$(nvidia-smi -L | wc -l)", "`nvidia-smi -L | wc -l`", '"$(nvidia-smi -L | wc -l)"', "$((GPUS / 2))"]
)
def test_what_a_command_prints_is_one_value_and_what_follows_is_read(printed: str, tmp_path: Path) -> None:
    script = f"vllm serve Qwen/Qwen2.5-7B-Instruct --tensor-parallel-size {printed} --enable-auto-tool-choice"
    assert told(tmp_path, command=["sh", "-c", script]) & SEEN == {"PM104", "PM109"}
    more = f"{script} --tool-call-parser hermes --max-model-len=4096 2>&1 | tee /log"
    assert not told(tmp_path, command=["sh", "-c", more]) & SEEN


def test_a_word_that_may_hold_any_flag_is_told_before_one_that_holds_a_value(tmp_path: Path) -> None:
    told(tmp_path, args=["Qwen/Qwen2.5-7B-Instruct", "--api-key=$(K)", "$(ARGS)"])
    said = [one["why"] for one in json.loads(run("lint", str(tmp_path), "-o", "json").stdout)["notRead"]]
    assert any("$(ARGS) is filled in when it starts, and may hold any flag" in one for one in said)


ENGINES = [one for one in examples() if one.id.startswith("PM1")]


@pytest.mark.parametrize("example", ENGINES, ids=lambda one: one.path.name)
def test_a_flag_that_no_check_asks_for_changes_no_finding_by_its_variable(example: Example, tmp_path: Path) -> None:
    found = [
        _found(example, tmp_path / str(number), more) for number, more in enumerate(("http://otel", "http://$(IP)"))
    ]
    assert found[0] == found[1]


def _found(example: Example, folder: Path, value: str) -> list[tuple[str, str]]:
    folder.mkdir()
    for number, file in enumerate(example.files()):
        made = list(yaml.safe_load_all(file.read_text("utf-8")))
        for container in _containers(made):
            container["args"] = [*container["args"], f"--otlp-traces-endpoint={value}"]
        (folder / f"{number}.yaml").write_text(yaml.safe_dump_all(made), "utf-8")
    return sorted((one.check.id, one.what) for one in lint(folder)[1].counted)


def _containers(data: Any) -> Iterator[dict[str, Any]]:
    """Those that have arguments which no shell reads."""
    if isinstance(data, dict) and isinstance(data.get("args"), list) and "command" not in data:
        yield data
    for one in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
        yield from _containers(one)
