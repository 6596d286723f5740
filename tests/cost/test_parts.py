"""The arithmetic below ``pointsman cost``, without a cluster: tokens, units, what engines say."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from pointsman.cost.accelerators import devices_of, machine_of
from pointsman.cost.engines import Look, Use, looks_of
from pointsman.cost.items import GPU, Item
from pointsman.cost.models import Owner
from pointsman.cost.prices import Prices
from pointsman.cost.tokens import tokens_of
from pointsman.move.probes.pods import EnginePod
from tests.cost.paid import metrics, node

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
OWNER = Owner("qwen", "llm-d")
PRICES = Prices(
    source="a list",
    date=date(2026, 11, 1),
    currency="EUR",
    nodes={"big": Decimal(14)},
    gpus={"NVIDIA-L4": Decimal("0.80"), "nvidia.com/mig-1g.10gb": Decimal("0.40")},
)


def engine(name: str, hours: float, prompt: float, generated: float, hourly: str | None = "2.00") -> Item:
    look = Look(0.0, 0.0, prompt, generated, AT - timedelta(hours=hours))
    money = None if hourly is None else Decimal(hourly)
    return Item(GPU, f"Pod ns/{name}", OWNER, hourly=money, why="no price of X", use=Use(Fraction(0), 0.0, look, AT))


def pods(**roles: str) -> dict[str, EnginePod]:
    return {f"ns/{name}": EnginePod("ns", name, 8000, role, True, False, 0, "") for name, role in roles.items()}


def test_tokens_are_those_of_the_pods_that_answer_and_hours_those_of_all() -> None:
    items = [engine("decode", 10, 4_000_000, 1_000_000), engine("prefill", 5, 4_000_000, 9_000)]
    (row,) = tokens_of(items, pods(decode="serve", prefill="prefill"))
    # (10 h + 5 h) x 2.00 = 30.00 over 5 million tokens, 1 million of them answers.
    assert (row["promptTokens"], row["generatedTokens"], row["engineHours"]) == (4_000_000, 1_000_000, "15.0000")
    assert (row["perMillionTokens"], row["perMillionGenerated"]) == ("6.0000", "30.0000")
    assert row["since"] == (AT - timedelta(hours=10)).isoformat()


def test_an_engine_that_does_not_say_is_left_out_with_its_hours() -> None:
    silent = Item(GPU, "Pod ns/b", OWNER, hourly=Decimal(2), use=Use(None, None, Look(why="no"), AT))
    (row,) = tokens_of([engine("a", 10, 1_500_000, 500_000), silent], pods(a="serve", b="serve"))
    assert (row["engines"], row["enginesCounted"], row["perMillionTokens"]) == (2, 1, "10.0000")  # 20.00 / 2 million
    assert row["why"] == "1 of 2 engines are left out: they do not say"


@pytest.mark.parametrize(
    ("item", "why"),
    [(engine("a", 10, 5, 5, None), "no price of X"), (engine("a", 10, 0, 0), "no token was counted yet")],
)
def test_a_token_has_no_price_without_money_or_tokens(item: Item, why: str) -> None:
    (row,) = tokens_of([item], pods(a="serve"))
    assert (row["perMillionTokens"], row["why"]) == (None, why)


@pytest.mark.parametrize(
    ("devices", "labels", "resource", "unit"),
    [
        ({"nvidia.com/gpu": 7}, {"node.kubernetes.io/instance-type": "big"}, "nvidia.com/gpu", "2"),  # 14 / 7
        ({"nvidia.com/gpu": 4}, {"nvidia.com/gpu.product": "NVIDIA-L4"}, "nvidia.com/gpu", "0.80"),
        ({"nvidia.com/mig-1g.10gb": 7}, {"node.kubernetes.io/instance-type": "big"}, "nvidia.com/mig-1g.10gb", "2"),
        ({"nvidia.com/gpu": 4}, {"nvidia.com/gpu.product": "NVIDIA-X"}, "nvidia.com/gpu", None),
        (
            {"nvidia.com/mig-1g.10gb": 4, "nvidia.com/mig-3g.40gb": 1},
            {"node.kubernetes.io/instance-type": "big"},
            "nvidia.com/mig-3g.40gb",
            None,
        ),
        ({"nvidia.com/mig-2g.20gb": 3}, {"nvidia.com/gpu.product": "NVIDIA-L4"}, "nvidia.com/mig-2g.20gb", None),
    ],
)
def test_what_one_device_of_a_node_costs(
    devices: dict[str, int], labels: dict[str, str], resource: str, unit: str | None
) -> None:
    found, why = machine_of(node("n", devices, labels)).unit(resource, PRICES)
    assert (found, bool(why)) == (None if unit is None else Decimal(unit), unit is None)


def test_what_is_installed_is_paid_for_also_while_it_is_broken() -> None:
    one = node("n", {"nvidia.com/gpu": 8}, ready=False)
    one["status"]["allocatable"] = {"nvidia.com/gpu": "7"}
    assert machine_of(one).gpus == 8


def test_a_pod_holds_the_most_of_its_start_and_its_run() -> None:
    def holding(count: int, **more: Any) -> dict[str, Any]:
        return {"resources": {"limits": {"nvidia.com/gpu": str(count), "cpu": "1"}}, **more}

    spec = {
        "initContainers": [holding(1, restartPolicy="Always"), holding(4)],
        "containers": [holding(2), {"name": "sidecar"}],
    }
    assert devices_of(spec) == {"nvidia.com/gpu": 5}  # 1 + 4 at the start, 1 + 2 after it


def test_engines_of_one_pod_are_added_up_and_their_caches_averaged() -> None:
    found = looks_of(metrics(1, 10, 5, cache=0.2) + metrics(2, 30, 15, cache=0.6, began=1_700_000_000))
    assert (found.running, found.prompt, found.generated) == (3, 40, 20)
    assert found.cache == pytest.approx(0.4)
    assert found.began == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert looks_of("up 1\n").why == "/metrics has no vllm:num_requests_running"
