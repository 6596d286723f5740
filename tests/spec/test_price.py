"""What an accelerator costs: from a file to a plan, to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.layers.registry import layer
from pointsman.move.plan.cost import price_of
from pointsman.spec.model import Model
from tests.spec.text import edited, loaded, problems

GPUS = "    gpusPerReplica: 1\n"


def priced(price: str) -> str:
    return edited(GPUS, f"    gpusPerReplica: 2\n    pricePerHour: {price}\n")


@pytest.mark.parametrize(
    ("price", "hourly"),
    [
        ("2", "4"),
        ("2.5", "5.0"),
        ("'2.5'", "5.0"),
        ("'2.10'", "4.20"),
        ("0.1", "0.2"),
        ("1e-6", "0.000002"),
        ("'0.000001'", "0.000002"),
        ("0", "0"),
        ("1000000", "2000000"),
    ],
)
def test_a_price_is_read_from_a_file_and_told_exactly(tmp_path: Path, price: str, hourly: str) -> None:
    model = loaded(tmp_path, priced(price))
    told = price_of(layer("raw-vllm"), layer("kserve"), model, 1800.0).as_dict()
    assert told["startsPerHour"] == hourly
    assert Model.model_validate_json(model.model_dump_json(by_alias=True)) == model


@pytest.mark.parametrize(
    "price",
    [
        "-1",
        "'-1'",
        ".inf",
        ".nan",
        "'NaN'",
        "'1e3'",
        "true",
        "two",
        "''",
        "[2]",
        "{a: 2}",
        "1000001",
        "1e300",
        "9" * 200,
        "'0.0000001'",
        "1e-7",
        "'２'",
    ],
)
def test_what_is_no_price_is_refused_in_words(tmp_path: Path, price: str) -> None:
    (found,) = problems(tmp_path, priced(price))
    assert found.what.startswith("spec.accelerator.pricePerHour: ")
    assert found.what.endswith("is no amount of money")
    assert "0 to 1000000" in found.next_action
