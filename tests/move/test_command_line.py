"""Wrong words on the command line: each gets a message with what, where and next, and its exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pointsman.demo.platform import example_root
from tests.conftest import Pointsman

MODEL = str(example_root() / "models" / "qwen.yaml")

NOWHERE = ("--kubeconfig", "/no/such/file")
CASES = [
    (("move", "no-such-model", "--to", "kserve", "--yes"), 2, "model-unknown", "is called"),
    (("move", "no-such-file.yaml", "--to", "kserve", "--yes"), 2, "spec-missing", "no such file"),
    (("move", MODEL, "--to", "kserve"), 2, "not-asked", "nobody to ask"),
    (
        ("move", MODEL, "--to", "kserve", "--yes", *NOWHERE),
        2,
        "kubeconfig-invalid",
        "kubeconfig",
    ),
    (("move", MODEL, "--to", "kserve", "--yes", "--shift", "50"), 2, "usage", "no way from no tenant to all"),
    (("plan", MODEL, "--to", "kserve", "--shift", "100", "--strategy", "gap"), 2, "usage", "--shift has no meaning"),
    (("up", MODEL, *NOWHERE), 2, "kubeconfig-invalid", "kubeconfig"),
    (("status", *NOWHERE), 2, "kubeconfig-invalid", "kubeconfig"),
]


@pytest.mark.parametrize(("words", "code", "name", "said"), CASES, ids=[" ".join(one[0][:1]) + one[2] for one in CASES])
def test_a_wrong_word_is_named(tmp_path: Path, words: tuple[str, ...], code: int, name: str, said: str) -> None:
    done = Pointsman(tmp_path)(*words)
    assert done.returncode == code
    assert f"error [{name}]" in done.stderr
    assert said in done.stderr
    assert "next:" in done.stderr
    assert done.stdout == ""


def test_an_unknown_layer_is_named_with_the_known_ones(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "x",
                "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
                "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "x", "user": {}}],
            }
        )
    )
    done = Pointsman(tmp_path)("move", MODEL, "--to", "triton", "--yes", "--kubeconfig", str(kubeconfig), "-o", "json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["code"] == "layer-unknown"
    assert "raw-vllm, kserve, llm-d" in done.stderr
