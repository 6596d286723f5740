"""``pointsman render`` as a user runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.program import ROOT, run
from tests.docs.schemas.holding import held

GOLDEN = ROOT / "tests/layers/golden"


@pytest.mark.parametrize("layer", ["raw-vllm", "kserve", "llm-d"])
def test_render_prints_the_manifests_of_a_layer(layer: str) -> None:
    done = run("render", "qwen", "--layer", layer)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (GOLDEN / f"qwen.{layer}.yaml").read_text(encoding="utf-8")


def test_render_takes_the_specs_own_layer_and_a_path() -> None:
    words = [sys.executable, "-m", "pointsman", "render", "examples/platform/models/qwen.yaml"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == (GOLDEN / "qwen.raw-vllm.yaml").read_text(encoding="utf-8")


def test_render_as_json_is_one_list_and_as_text_a_summary() -> None:
    listed = json.loads(run("render", "qwen", "-o", "json").stdout)
    held("manifests", listed)
    assert [each["kind"] for each in listed["items"]] == ["PersistentVolumeClaim", "Service", "Deployment"]
    assert "http://raw-vllm.serving.svc.cluster.local:8000/v1" in run("render", "qwen", "-o", "text").stdout


def test_an_unknown_layer_or_model_names_the_known_ones_and_exits_with_2() -> None:
    layer = run("render", "qwen", "--layer", "swarm")
    assert layer.returncode == 2
    assert "raw-vllm, kserve, llm-d" in layer.stderr
    model = run("render", "qwem")
    assert model.returncode == 2
    assert "known models: qwen" in model.stderr
    assert layer.stdout == model.stdout == ""


def test_a_broken_spec_is_told_with_its_lines(tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    text = (ROOT / "examples/platform/models/qwen.yaml").read_text(encoding="utf-8")
    path.write_text(text.replace("replicas: 1", "replica: 1"), encoding="utf-8")
    done = run("render", str(path))
    assert done.returncode == 2
    assert f"{path}:" in done.stderr
    assert "did you mean 'replicas'?" in done.stderr
