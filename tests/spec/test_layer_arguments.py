"""Arguments and environment of one layer: a layer without a GPU needs others than one with it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pointsman.lab.engine
from pointsman.layers.registry import LAYERS, layer
from pointsman.spec.arguments import OWNED, PROMISED
from pointsman.spec.model import Model
from tests.spec.text import TEXT, line_of, loaded, problems

ARGS = "    args:\n      - --gpu-memory-utilization=0.6\n"
KSERVE = "    kserve:\n"


def text_with(kserve: str = "", engine: str = "[--gpu-memory-utilization=0.6]", env: str = "{}") -> str:
    """The example, with these arguments and with something in KServe's block."""
    assert TEXT.count(ARGS) == TEXT.count(KSERVE) == 1
    return TEXT.replace(ARGS, f"    args: {engine}\n    env: {env}\n").replace(KSERVE, f"{KSERVE}      {kserve}\n")


def container(model: Model, name: str) -> dict[str, Any]:
    spec = layer(name).render(model)[-1]["spec"]
    pod: dict[str, Callable[[], Any]] = {
        "raw-vllm": lambda: spec["template"]["spec"],
        "kserve": lambda: spec["predictor"],
        "llm-d": lambda: spec["template"],
    }
    return dict(pod[name]()["containers"][0])


@pytest.mark.parametrize(
    ("engine", "own", "there"),
    [
        ("[--dtype=bfloat16, --seed=1]", "[--dtype=float32]", ["--seed=1", "--dtype=float32"]),
        ("[--dtype, bfloat16, --seed=1]", "[--dtype, float32]", ["--seed=1", "--dtype", "float32"]),
        ("[--max_num_seqs=4]", "[--max-num-seqs=8]", ["--max-num-seqs=8"]),
        ("[--enforce-eager]", "[--no-enforce-eager]", ["--no-enforce-eager"]),
        ("[--no-enable-prefix-caching]", "[--enable-prefix-caching]", ["--enable-prefix-caching"]),
        ("[-tp=1]", "[--tensor-parallel-size=1]", ["--tensor-parallel-size=1"]),
        ("[--seed=1]", "[--disable-custom-all-reduce]", ["--seed=1", "--disable-custom-all-reduce"]),
        ("[--seed=1]", "[]", ["--seed=1"]),
    ],
)
def test_a_layers_own_argument_stands_in_place_of_the_models_and_beside_the_others(
    tmp_path: Path, engine: str, own: str, there: list[str]
) -> None:
    model = loaded(tmp_path, text_with(f"args: {own}", engine))
    given = container(model, "kserve")["args"]
    assert given[len(given) - len(there) :] == there
    without = loaded(tmp_path, text_with("surge: false", engine))
    for other in ("raw-vllm", "llm-d"):
        assert container(model, other) == container(without, other)


def test_a_layers_own_environment_stands_in_place_of_the_models(tmp_path: Path) -> None:
    text = text_with("env: {A: 'here', C: 'new'}", env="{A: 'all', B: 'all'}")
    found = {one["name"]: one.get("value") for one in container(loaded(tmp_path, text), "kserve")["env"]}
    assert [found[name] for name in "ABC"] == ["here", "all", "new"]
    others = {one["name"]: one.get("value") for one in container(loaded(tmp_path, text), "llm-d")["env"]}
    assert (others["A"], others["B"], others.get("C")) == ("all", "all", None)


@pytest.mark.parametrize("name", sorted(PROMISED))
def test_what_tenants_would_notice_cannot_be_one_layers_own(tmp_path: Path, name: str) -> None:
    text = text_with(f"args: [--seed=1, --{name}=x]")
    (found,) = problems(tmp_path, text)
    assert (found.code, found.line) == ("spec-layer-argument", line_of(text, f"--{name}=x"))
    assert f"--{name} on one layer changes {PROMISED[name]}" in found.what


@pytest.mark.parametrize("own", ["--no-enable-lora", "--hf-overrides.rope.factor=2", "--lora-modules+=a=/x"])
def test_a_part_of_such_an_argument_cannot_either(tmp_path: Path, own: str) -> None:
    (found,) = problems(tmp_path, text_with(f"args: [{own}]"))
    assert found.code == "spec-layer-argument"


@pytest.mark.parametrize(
    ("own", "code"),
    [
        ("args: [--served-model-name=x]", "spec-owned-argument"),
        ("args: ['--dtype float32']", "spec-joined-argument"),
        ("args: [--dtype=auto, --dtype=half]", "spec-repeated-argument"),
        ("args: [float32]", "spec-stray-argument"),
        ("args: [-tp=4]", "spec-parallel"),
        ("env: {VLLM_API_KEY: x}", "spec-owned-variable"),
        ("env: {PYTHONPATH: /x}", "spec-owned-variable"),
    ],
)
def test_what_is_wrong_for_every_layer_is_wrong_for_one(tmp_path: Path, own: str, code: str) -> None:
    text = text_with(own)
    (found,) = problems(tmp_path, text)
    assert (found.code, found.line) == (code, line_of(text, own))


def test_a_layer_that_divides_itself_over_its_own_accelerators_is_accepted(tmp_path: Path) -> None:
    model = loaded(tmp_path, text_with("args: [-tp=2]\n      accelerator: {gpusPerReplica: 2}"))
    assert container(model, "kserve")["args"][-1] == "-tp=2"
    assert all("tensor-parallel" not in str(one.render(model)) for one in LAYERS)


def test_every_flag_that_is_promised_or_owned_is_one_of_vllms() -> None:
    """Names that vLLM does not have would hold nothing."""
    options = json.loads((Path(pointsman.lab.engine.__file__).parent / "vllm-flags.json").read_text())["options"]
    assert {*PROMISED, *OWNED} - {"model"} <= set(options)
