"""Engine arguments as vLLM takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from tests.spec.text import edited, line_of, loaded, problems

ARGS = "    args:\n      - --gpu-memory-utilization=0.6\n"
GPUS = "    gpusPerReplica: 1\n"


def with_args(args: str, gpus: int = 1) -> str:
    return edited(ARGS, f"    args: {args}\n").replace(GPUS, f"    gpusPerReplica: {gpus}\n")


@pytest.mark.parametrize(
    "args",
    [
        "[--enable-lora, --lora-modules, a=/x, b=/y, --max-lora-rank=64]",
        "[--lora-modules, 'a=/x', 'b=/y']",
        '["--tensor-parallel-size", "1"]',
        '["--middleware=a.B", "--middleware=c.D"]',
        """['--override-generation-config={"temperature": 0.5}']""",
        '["--compilation-config.a=1", "--compilation-config.b=2"]',
        "[-tp=1, -O3]",
        "[-q, fp8]",
    ],
)
def test_what_the_engine_takes_is_accepted_and_rendered_as_it_is(tmp_path: Path, args: str) -> None:
    model = loaded(tmp_path, with_args(args))
    (container,) = LAYERS[0].render(model)[-1]["spec"]["template"]["spec"]["containers"]
    own = list(model.spec.engine.args)
    assert container["args"][-len(own) :] == own


@pytest.mark.parametrize(
    ("args", "code", "what"),
    [
        ('["--gpu-memory-utilization 0.9"]', "spec-joined-argument", "'--gpu-memory-utilization 0.9'"),
        ('["--max-model-len 1024"]', "spec-joined-argument", "one item"),
        ('["-tp 2"]', "spec-joined-argument", "'-tp 2'"),
        ("[--lora-modules=a=/x, --lora-modules=b=/y]", "spec-repeated-argument", "--lora-modules is given twice"),
        ("[--lora-modules, a=/x, --lora-modules, b=/y]", "spec-repeated-argument", "keeps only the last"),
        ("[--dtype=auto, --dtype=float16]", "spec-repeated-argument", "--dtype is given twice"),
        ("[--seed=1, --seed, '2']", "spec-repeated-argument", "--seed is given twice"),
        ("[--lora-modules=a=/x, b=/y]", "spec-stray-argument", "'b=/y' belongs to no flag"),
    ],
)
def test_what_the_engine_would_take_otherwise_is_refused(tmp_path: Path, args: str, code: str, what: str) -> None:
    text = with_args(args)
    (found,) = problems(tmp_path, text)
    assert (found.code, found.line) == (code, line_of(text, "    args:"))
    assert what in found.what


@pytest.mark.parametrize(
    ("args", "gpus", "used"),
    [
        ("[-tp=4]", 1, 4),
        ("[-tp, '4']", 2, 4),
        ("[--tensor-parallel-size=2, --pipeline-parallel-size=2]", 2, 4),
        ("[--tensor_parallel_size=1]", 2, 1),
        ("[-tp=2, -dp=2]", 2, 4),
    ],
)
def test_parallel_sizes_that_are_not_the_accelerators_are_refused(
    tmp_path: Path, args: str, gpus: int, used: int
) -> None:
    text = with_args(args, gpus)
    (found,) = problems(tmp_path, text)
    assert (found.code, found.line) == ("spec-parallel", line_of(text, "gpusPerReplica:"))
    assert f"gets {gpus} accelerator{'' if gpus == 1 else 's'}, and" in found.what
    assert f"multiply to {used}" in found.what


def test_a_layer_with_other_hardware_is_held_against_its_own_number(tmp_path: Path) -> None:
    own = "      name: qwen-llmd\n"
    text = with_args("[-tp=2]", 2).replace(own, f"{own}      accelerator: {{gpusPerReplica: 4}}\n")
    (found,) = problems(tmp_path, text)
    assert found.line == line_of(text, "gpusPerReplica: 4")


@pytest.mark.parametrize(
    ("args", "gpus"),
    [
        ("[-tp=4]", 4),
        ("[-tp=2, -pp=2]", 4),
        ("[-tp=2]", 0),
        ("[-tp=8, -pp=2, --distributed-executor-backend=ray]", 8),
    ],
)
def test_sizes_that_fit_or_that_other_nodes_share_are_accepted(tmp_path: Path, args: str, gpus: int) -> None:
    loaded(tmp_path, with_args(args, gpus))


def test_accelerators_that_nobody_divides_are_taken_by_tensor_parallelism(tmp_path: Path) -> None:
    text = edited(GPUS, "    gpusPerReplica: 2\n")
    own = "      name: qwen-llmd\n"
    model = loaded(tmp_path, text.replace(own, f"{own}      accelerator: {{gpusPerReplica: 4}}\n"))
    raw, kserve, llm_d = (yaml_stream(one.render(model)) for one in LAYERS)
    assert raw.count("--tensor-parallel-size=2") == kserve.count("--tensor-parallel-size=2") == 1
    assert "--tensor-parallel-size=4" in llm_d
    assert "parallel" not in yaml_stream(LAYERS[0].render(loaded(tmp_path, edited(GPUS, "    gpusPerReplica: 1\n"))))
