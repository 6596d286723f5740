"""``pointsman compare``: rows say what the manifests say, and what tenants would notice comes worst first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.adopt.by_hand import KSERVE, LLM_D, RAW, platform
from tests.advice.asked import run_in
from tests.cli.program import SPEC
from tests.cli.terminal import in_terminal

RUNBOOK = (
    KSERVE.replace("qwen2.5-0.5b-instruct", "qwen2.5-0.5b")
    .replace("--max-model-len=8192", "--max-model-len=4096")
    .replace(
        "{name: VLLM_API_KEY, valueFrom: {secretKeyRef: {name: vllm-api-key, key: api-key}}}", "{name: A, value: b}"
    )
)
"""What the runbook's users wrote for KServe beside a raw layer of 8192 tokens with a key."""


def compared(folder: Path, *words: str, **changed: str) -> Any:
    """What is said of layers that people wrote, with some of the texts changed."""
    path = platform(folder, **changed)
    done = run_in(folder, "compare", str(path.relative_to(folder)), *words, "-o", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def row(told: Any, name: str) -> Any:
    return next(one for one in told["rows"] if one["name"] == name)


def different(told: Any) -> set[str]:
    return {one["name"] for one in told["rows"] if one["differs"]}


def test_what_the_runbook_gets_wrong_is_noticed_worst_first(tmp_path: Path) -> None:
    told = compared(tmp_path, "raw-vllm", "kserve", kserve=RUNBOOK)
    notices = told["notices"]["kserve"]
    assert [one["what"].partition(",")[0].split()[-1] for one in notices[:1]] == ["qwen2.5-0.5b"]
    order = ["404", "no key", "4096 tokens", "no preStop"]
    assert [next(at for at, part in enumerate(order) if part in one["what"]) for one in notices] == [0, 1, 2, 3]
    assert notices[0]["check"] == "PM601"
    assert all(one["next"] for one in notices)
    assert {one["name"] for one in told["rows"] if one["differs"] and one["tenants"]} == {
        "served name",
        "key",
        "context",
        "a pod ends",
    }


def test_the_way_back_is_another_comparison(tmp_path: Path) -> None:
    told = compared(tmp_path, "kserve", "raw-vllm", kserve=RUNBOOK)
    assert (told["from"], list(told["notices"])) == ("kserve", ["raw-vllm"])
    assert "qwen2.5-0.5b" in told["notices"]["raw-vllm"][0]["next"]


def test_layers_that_promise_the_same_are_said_to(tmp_path: Path) -> None:
    told = compared(tmp_path, "raw-vllm", "llm-d")
    assert told["notices"] == {"llm-d": []}
    path = str(platform(tmp_path).relative_to(tmp_path))
    assert "tenants would notice nothing" in run_in(tmp_path, "compare", path, "raw-vllm", "llm-d").stdout


@pytest.mark.parametrize(
    ("name", "old", "new", "value"),
    [
        ("served name", "--served-model-name, qwen2.5-0.5b-instruct", "--served-model-name, other", "other"),
        ("context", "--max-model-len=8192", "--max-model-len=2k", "2000 tokens"),
        ("context", "--max-model-len=8192,", "", "what the weights' own configuration says"),
        ("key", "name: vllm-api-key, key", "name: other-key, key", "from Secret other-key/api-key"),
        ("weights", "--model=Qwen/Qwen2.5-0.5B-Instruct", "--model=Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-7B"),
        ("image", "vllm-openai:v0.23.0", "vllm-openai:v0.22.0", "vllm/vllm-openai:v0.22.0"),
        ("replicas", "minReplicas: 1", "minReplicas: 3", "3"),
        ("GPUs", 'nvidia.com/gpu: "1"', 'nvidia.com/gpu: "2"', "2 a replica, 2 in all"),
        ("a new version", "{type: Recreate}", "{type: RollingUpdate}", "RollingUpdate, up to 25% pods more"),
        (
            "a pod ends",
            "--enforce-eager]",
            "--enforce-eager, --shutdown-timeout=30]",
            "endpoints get no time to forget it, 30 s for what runs, killed after 80 s",
        ),
        ("longest request", "minReplicas: 1", "timeout: 900\n    minReplicas: 1", "no limit of the layer's own (900 s"),
        ("ports", "8080", "8090", "engine 8090, Service 80"),
    ],
)
def test_each_row_says_what_the_manifest_says(name: str, old: str, new: str, value: str, tmp_path: Path) -> None:
    assert old in KSERVE
    before = compared(tmp_path, "raw-vllm", "kserve")
    after = compared(tmp_path, "raw-vllm", "kserve", kserve=KSERVE.replace(old, new))
    assert row(after, name)["values"]["kserve"].startswith(value)
    assert row(before, name)["values"]["kserve"] != row(after, name)["values"]["kserve"]
    assert row(after, name)["differs"] is True
    untouched = {one["name"] for one in before["rows"]} - {name, *(["GPUs"] if name == "replicas" else [])}
    assert [one for one in untouched if row(before, one) != row(after, one)] == []


def test_adapters_that_would_be_missing_are_named(tmp_path: Path) -> None:
    raw = RAW.replace("--dtype=auto", "--dtype=auto --enable-lora --lora-modules sql=acme/sql")
    notices = compared(tmp_path, "raw-vllm", "kserve", raw=raw)["notices"]["kserve"]
    assert any("LoRA adapters sql" in one["what"] and "404" in one["what"] for one in notices)


def test_an_ending_that_is_cut_short_is_noticed(tmp_path: Path) -> None:
    patient = KSERVE.replace("--enforce-eager]", "--enforce-eager, --shutdown-timeout=90]")
    told = compared(tmp_path, "raw-vllm", "kserve", kserve=patient)
    assert any("killed after 80 s" in one["what"] for one in told["notices"]["kserve"])
    raw = RAW.replace("--dtype=auto", "--dtype=auto --shutdown-timeout 40")
    told = compared(tmp_path, "raw-vllm", "kserve", raw=raw)
    assert any("aborted" in one["what"] for one in told["notices"]["kserve"])


def test_a_road_through_kserves_own_route_has_its_limit(tmp_path: Path) -> None:
    path = platform(tmp_path)
    text = path.read_text("utf-8").replace(
        "kserve: {from: {path: serving/kserve}}",
        "kserve: {from: {path: serving/kserve}, address: http://gateway.example.com/v1}",
    )
    told = compared(tmp_path, "raw-vllm", "kserve", model=text)
    assert any("cuts requests after 60 s" in one["what"] for one in told["notices"]["kserve"])


def test_what_pointsman_renders_differs_only_where_layers_do(tmp_path: Path) -> None:
    done = run_in(tmp_path, "compare", SPEC, "-o", "json")
    told = json.loads(done.stdout)
    assert told["layers"] == ["raw-vllm", "kserve", "llm-d"]
    assert told["notices"] == {"kserve": [], "llm-d": []}
    assert {one["name"] for one in told["rows"] if one["differs"] and one["tenants"]} == {"a new version"}
    assert different(told) & {"served name", "key", "context", "weights", "a pod ends", "image", "GPUs"} == set()
    assert yaml.safe_load(run_in(tmp_path, "compare", SPEC, "-o", "yaml").stdout) == told


def test_prefill_is_counted_among_the_gpus(tmp_path: Path) -> None:
    text = (
        Path(SPEC).read_text("utf-8").replace("      name: qwen-llmd\n", "      name: qwen-llmd\n      prefill: {}\n")
    )
    (tmp_path / "model.yaml").write_text(text, "utf-8")
    told = json.loads(run_in(tmp_path, "compare", "model.yaml", "raw-vllm", "llm-d", "-o", "json").stdout)
    assert row(told, "GPUs")["values"]["llm-d"] == "1 a replica, 2 in all, 1 of them only prefill"


def test_text_is_folded_in_a_terminal_alone_and_marks_what_differs(tmp_path: Path) -> None:
    path = str(platform(tmp_path, kserve=RUNBOOK).relative_to(tmp_path))
    lines = run_in(tmp_path, "compare", path).stdout.splitlines()
    shown = in_terminal("compare", str(tmp_path / path), columns=80).splitlines()
    assert [one for one in shown if len(one) > 80 and len(one.split()[-1]) < 40] == []
    assert len(lines) < len(shown), "nothing was to be folded"
    assert [word for one in shown for word in one.split()] == [word for one in lines for word in one.split()]
    marks = {one[2:18].strip(): one[0] for one in lines if one[:1] in "!* " and one[1:2] == " "}
    assert (marks["served name"], marks["ports"], marks["weights"]) == ("!", "*", " ")


@pytest.mark.parametrize(
    "words", [("raw-vllm",), ("raw-vllm", "raw-vllm"), ("raw-vllm", "kserve", "llm-d"), ("raw-vllm", "swarm")]
)
def test_two_different_layers_have_to_be_named(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run_in(tmp_path, "compare", SPEC, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "next:" in done.stderr


def test_a_layer_laid_over_a_preset_ends_as_the_preset_has_it(tmp_path: Path) -> None:
    told = compared(tmp_path, "raw-vllm", "llm-d")
    assert row(told, "a pod ends")["values"]["llm-d"] == "15 s until SIGTERM, 40 s for what runs, killed after 60 s"
    own = LLM_D.replace(
        "    containers:\n      - name: main\n        image",
        "    terminationGracePeriodSeconds: 90\n    containers:\n      - name: main\n        image",
    )
    assert row(compared(tmp_path, "raw-vllm", "llm-d", llm_d=own), "a pod ends")["values"]["llm-d"].endswith("90 s")
