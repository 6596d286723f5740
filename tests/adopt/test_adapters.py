"""Aliases of LoRA adapters: what they ask for is known, nothing is put in its place, and no Model takes them along."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.adopt.test_adopt import adopted, data
from tests.adopt.test_folder import written
from tests.adopt.test_roads import KSERVE, LLMD, RAW, SERVICE

EDGE = """\
model_list:
  - {model_name: chat, litellm_params: {model: openai/NAME, api_base: 'BASE'}}
  - {model_name: chat-sql, litellm_params: {model: openai/sql, api_base: 'BASE'}}
"""
ADAPTED = {
    "pairs": "--enable-lora, --lora-modules, sql=team/sql, py=team/py",
    "JSON": """--enable-lora, --lora-modules, '{"name": "sql", "path": "team/sql"}'""",
    "one word": "--lora-modules=sql=team/sql, --enable-lora",
}


def raw(root: Path, more: str) -> Path:
    edge = EDGE.replace("BASE", "http://qwen.serving:8000/v1").replace("NAME", "qwen")
    engine = RAW.replace("--max-model-len=4096", f"--max-model-len=4096, {more}")
    return written(root, {"raw.yaml": engine, "service.yaml": SERVICE, "edge.yaml": edge})


@pytest.mark.parametrize("how", ADAPTED)
def test_what_asks_for_an_adapter_is_right_and_not_of_the_model(how: str, tmp_path: Path) -> None:
    found = data(raw(tmp_path, ADAPTED[how]))
    (model,) = found["models"]
    assert (found["findings"], found["diff"], model["aliases"]) == ([], [], ["chat"])
    (told,) = [one for one in found["notRead"] if "chat-sql" in one["why"]]
    assert told["where"] == "edge.yaml:3"
    assert "adapter sql" in told["why"]
    assert "--leave chat-sql" in told["next"]


def test_adapters_that_are_not_switched_on_are_unknown_to_the_engine(tmp_path: Path) -> None:
    found = data(raw(tmp_path, "--lora-modules, sql=team/sql"))
    assert [one["code"] for one in found["findings"]] == ["adopt-model-name"]


def test_adapters_of_an_llm_inference_service(tmp_path: Path) -> None:
    edge = EDGE.replace("BASE", "http://l-kserve-workload-svc.ld:8000/v1").replace("NAME", "third")
    spec = LLMD.replace("name: third", "name: third, lora: {adapters: [{name: sql, uri: 'hf://team/sql'}]}")
    found = data(written(tmp_path, {"llmd.yaml": spec, "edge.yaml": edge}))
    assert [one["aliases"] for one in found["models"]] == [["chat"]]
    assert found["findings"] == []


def test_an_alias_of_an_adapter_alone_is_not_made_the_models(tmp_path: Path) -> None:
    root = raw(tmp_path, ADAPTED["pairs"])
    (root / "edge.yaml").write_text("".join((root / "edge.yaml").read_text().splitlines(keepends=True)[::2]))
    done = adopted(root, "--write")
    assert "no alias reaches it" in done.stdout
    assert not (root / "models").exists()


def test_what_is_mended_is_told_of_each_finding_by_itself(tmp_path: Path) -> None:
    root = raw(tmp_path, ADAPTED["pairs"])
    bare = KSERVE.replace("a/b, --served-model-name=other", "Qwen/Qwen2.5-0.5B-Instruct, --served-model-name=qwen")
    (root / "kserve.yaml").write_text(bare)
    lines = adopted(root).stdout.splitlines()
    told = {
        line.partition(" has no ")[2].partition(",")[0]: after
        for line, after in pairwise(lines)
        if line.endswith("[adopt-argument]")
    }
    assert told["--enable-lora"].endswith("; --fix does it")
    assert "--fix" not in told["--lora-modules"]
