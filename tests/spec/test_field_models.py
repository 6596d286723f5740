"""Models reduced from what people run: what has to be right of each, as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.layers.registry import layer
from pointsman.layers.stream import yaml_stream
from pointsman.spec.loading import load_model
from pointsman.spec.problems import InvalidSpecError

FIELD = Path(__file__).parents[1] / "field"


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("04b-lora-as-advised", ["spec-repeated-argument"]),
        ("05b-tp4-one-gpu", ["spec-parallel"]),
        ("13-joined-args", ["spec-joined-argument", "spec-joined-argument"]),
    ],
)
def test_what_the_engine_would_not_do_as_it_stands_is_refused(name: str, codes: list[str]) -> None:
    with pytest.raises(InvalidSpecError) as refused:
        load_model(FIELD / f"{name}.yaml")
    assert [one.code for one in refused.value.problems] == codes


def test_several_adapters_behind_one_flag_reach_the_engine() -> None:
    text = yaml_stream(layer("kserve").render(load_model(FIELD / "04-lora-kserve-3413.yaml")))
    assert "- --lora-modules\n" in text
    assert "- sql-lora=/mnt/adapters/sql\n" in text


def test_two_accelerators_that_nobody_divides_are_both_used() -> None:
    text = yaml_stream(layer("llm-d").render(load_model(FIELD / "05-tp-kserve-5773.yaml")))
    assert "--tensor-parallel-size=2" in text


def test_a_long_start_is_waited_for() -> None:
    load_model(FIELD / "11-startup-kubeai-172.yaml")
