"""``pointsman cost``: sums that hand arithmetic gives, and nothing unknown that is counted as 0."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pointsman.layers.registry import layer
from tests.cost.paid import (
    L4,
    MODEL,
    PRICES,
    PaidCluster,
    balancer,
    claim,
    engine_pod,
    metrics,
    node,
    pod,
    said,
    tenants,
    told,
    volume,
)

GPU = "nvidia.com/gpu"
Object = dict[str, Any]


def prices(folder: Path, text: str = PRICES, days: int = 1) -> str:
    path = folder / "prices.yaml"
    path.write_text(text.format(date=(datetime.now(UTC).date() - timedelta(days=days)).isoformat()))
    return str(path)


def platform(*more: Object) -> PaidCluster:
    """8 L4 on one node, 2 GPUs on another; two engines of a model with 2 GPUs each; a notebook with 1."""
    cluster = PaidCluster.of_things(
        node("gpu-a", {GPU: 8}, labels=L4),
        node("gpu-b", {GPU: 2}, {"node.kubernetes.io/instance-type": "gpu-2x"}),
        node("cpu-1"),
        engine_pod("qwen-0", "gpu-a", 2, claims=("qwen-cache",)),
        engine_pod("qwen-1", "gpu-a", 2),
        pod("notebook", "gpu-b", {GPU: 1}),
        claim("qwen-cache", "50Gi", "fast", layer("raw-vllm").namespace(MODEL)),
        claim("qwen-cache", "20Gi", "standard", layer("kserve").namespace(MODEL)),
        balancer("litellm", namespace="llm-gateway"),
        *tenants({"raw-vllm": 100}),
        *more,
    )
    home = layer("raw-vllm").namespace(MODEL)
    cluster.texts = {f"{home}/qwen-0": [metrics(3, cache=0.5)], f"{home}/qwen-1": [metrics(0, cache=0.1)]}
    return cluster


def hourly(row: Object, key: str) -> str | None:
    found: str | None = row["money"][key]["perHour"]
    return found


def test_reserved_used_and_idle_are_what_hand_arithmetic_gives(tmp_path: Path) -> None:
    found = said(platform(), tmp_path, "cost", "--prices", prices(tmp_path))
    model, others = found["rows"]
    # 2 engines x 2 L4 at 0.80: 3.20 reserved, half of it used. 50 GiB at 0.17 and 20 GiB at 0.05 a month: 9.50.
    assert (model["model"], hourly(model, "reserved"), hourly(model, "used"), hourly(model, "idle")) == (
        "qwen",
        "3.2000",
        "1.6000",
        "1.6000",
    )
    assert model["money"]["volumes"]["perMonth"] == "9.50"
    assert model["money"]["paid"] == {"perHour": "3.2130", "perMonth": "2345.50"}  # 3.20 x 730 + 9.50
    assert model["gpus"] == {"paid": 4, "reserved": 4, "used": 2, "idle": 2, "useNotKnown": 0}
    assert model["cache"] == 0.3
    # Of no model: the notebook's GPU, half of a node at 5.00; 4 L4 and 1 GPU that nobody asks for; a load balancer.
    assert others["model"] is None
    assert others["gpus"] == {"paid": 6, "reserved": 1, "used": 0, "idle": 5, "useNotKnown": 1}
    assert hourly(others, "reserved") == "2.5000"
    assert hourly(others, "used") is None
    assert others["money"]["idle"]["atLeast"]["perHour"] == "5.7000"  # 4 x 0.80 + 2.50
    assert others["money"]["loadBalancers"]["perMonth"] == "18.25"  # 0.025 x 730
    # All: 8 x 0.80 + 5.00 of GPUs, 9.50 a month of volumes, 0.025 of a load balancer.
    assert found["total"]["gpus"]["paid"] == 10
    assert hourly(found["total"], "paid") == "11.4380"
    assert found["total"]["money"]["paid"]["perMonth"] == "8349.75"  # 11.40 x 730 + 9.50 + 18.25
    assert found["calls"] == {"lists": 8, "engines": 2, "edges": 1}
    assert found["unseen"] == []


def test_what_is_parked_still_costs_and_is_told(tmp_path: Path) -> None:
    found = said(platform(), tmp_path, "cost", "--prices", prices(tmp_path))
    assert [(one["name"], one["model"], one["layer"], one["money"]["perMonth"]) for one in found["parked"]] == [
        ("PersistentVolumeClaim kserve/qwen-cache", "qwen", "kserve", "1.00")
    ]


def test_without_prices_things_are_counted_and_money_is_not_known(tmp_path: Path) -> None:
    found = said(platform(), tmp_path, "cost")
    amounts = [one for row in [*found["rows"], found["total"]] for one in row["money"].values()]
    assert {one["perHour"] for one in amounts} == {one["atLeast"] for one in amounts} == {None}
    assert found["total"]["money"]["paid"] == {"perHour": None, "perMonth": None, "atLeast": None, "notKnown": 8}
    assert found["total"]["gpus"]["reserved"] == 5
    text = told(platform(), tmp_path, "cost").stdout
    assert "Money is not known: no prices were given" in text
    assert "not known   not known   not known" in text


def test_one_price_that_is_missing_makes_the_sum_a_least(tmp_path: Path) -> None:
    text = PRICES.replace("NVIDIA-L4: 0.80, ", "")
    found = said(platform(), tmp_path, "cost", "--prices", prices(tmp_path, text))
    assert found["total"]["money"]["paid"]["perHour"] is None
    assert found["total"]["money"]["paid"]["notKnown"] == 3  # two engines, and what is left over on their node
    assert found["total"]["money"]["paid"]["atLeast"]["perHour"] == "5.0380"  # 5.00 + 0.025 + 9.50 / 730
    assert found["total"]["notKnown"] == ["no price of NVIDIA-L4 under gpus of the prices file"]
    shown = told(platform(), tmp_path, "cost", "--prices", prices(tmp_path, text)).stdout
    assert "≥ 5.0380" in shown
    assert "not known: no price of NVIDIA-L4" in shown


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("layer", ["kserve", "raw-vllm", None]),
        ("namespace", ["kserve", "llm-gateway", "others", "serving", None]),
        ("node", ["gpu-a", "gpu-b", None]),
    ],
)
def test_rows_are_put_together_otherwise_and_the_whole_stays(tmp_path: Path, by: str, names: list[str | None]) -> None:
    found = said(platform(), tmp_path, "cost", "--by", by, "--prices", prices(tmp_path))
    assert [one[by] for one in found["rows"]] == names
    assert sum(one["gpus"]["paid"] for one in found["rows"]) == 10
    assert hourly(found["total"], "paid") == "11.4380"


@pytest.mark.parametrize(
    ("plural", "kind", "gone"),
    [
        ("nodes", "Node", "idleNodes"),
        ("persistentvolumeclaims", "PersistentVolumeClaim", "parked"),
        ("pods", "Pod", ""),
    ],
)
def test_a_list_that_was_refused_is_told_and_is_no_0(tmp_path: Path, plural: str, kind: str, gone: str) -> None:
    cluster = platform()
    cluster.refused[plural] = 403
    found = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path), code=5)
    assert [one["what"] for one in found["unseen"]] == [kind]
    assert not gone or found[gone] == []
    text = told(cluster, tmp_path, "cost").stdout
    assert f"not seen, so sums may be too small: {kind}: " in text


SUMS = {
    "pods": {"paid", "reserved", "used", "idle"},
    "nodes": {"paid", "idle", "reserved", "used"},  # without nodes what pods hold has no price
    "persistentvolumeclaims": {"paid", "volumes"},
    "persistentvolumes": {"paid", "volumes"},
    "services": {"paid", "loadBalancers"},
    "gateways": {"paid", "loadBalancers"},
    "ingresses": {"paid", "loadBalancers"},
}


@pytest.mark.parametrize("plural", SUMS)
def test_a_sum_that_leaves_out_what_could_not_be_read_says_so(tmp_path: Path, plural: str) -> None:
    cluster = platform()
    cluster.refused[plural] = 403
    total = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path), code=5)["total"]
    least = {key for key, one in total["money"].items() if one["perHour"] is None}
    assert least - {"used", "idle"} == SUMS[plural] - {"used", "idle"}  # whether the notebook works is never known
    (kind,) = total["notSeen"]
    assert f"{kind.lower()}s".replace("ss", "sse") == plural


def test_where_nothing_may_be_listed_no_sum_is_0(tmp_path: Path) -> None:
    cluster = platform()
    cluster.refused = dict.fromkeys(SUMS, 403)
    priced = ("cost", "--prices", prices(tmp_path))
    money = said(cluster, tmp_path, *priced, code=5)["total"]["money"]
    nothing = {"perHour": "0.0000", "perMonth": "0.00"}
    assert set(map(str, money.values())) == {
        str({"perHour": None, "perMonth": None, "atLeast": nothing, "notKnown": 0})
    }
    row = next(line for line in told(cluster, tmp_path, *priced).stdout.splitlines() if line.startswith("all "))
    assert re.split(" {3,}", row) == [
        *("all", "≥ 0 of ≥ 0", "≥ 0", "≥ 0", "≥ 0", "≥ 0"),
        *("≥ 0.0000", "≥ 0.0000", "≥ 0.0000", "≥ 0.0000", "≥ 0.00"),
    ]


def test_rows_that_leave_nothing_out_stay_as_they_are(tmp_path: Path) -> None:
    """A released volume is of no model, and no volume is on a node."""
    cluster = platform(claim("other", "10Gi", "standard", "others"))
    cluster.refused["persistentvolumes"] = 403
    priced = ("cost", "--prices", prices(tmp_path))
    models = {one["model"]: one["notSeen"] for one in said(cluster, tmp_path, *priced, code=5)["rows"]}
    assert models == {MODEL.name: [], None: ["PersistentVolume"]}
    nodes = {one["node"]: one["notSeen"] for one in said(cluster, tmp_path, *priced, "--by", "node", code=5)["rows"]}
    assert nodes == {"gpu-a": [], "gpu-b": [], None: ["PersistentVolume"]}
    assert said(cluster, tmp_path, *priced, MODEL.name, code=5)["total"]["notSeen"] == []


def test_what_is_a_models_is_not_known_without_the_records_of_models(tmp_path: Path) -> None:
    cluster = platform()
    cluster.refused["configmaps"] = 403
    priced = ("cost", "--prices", prices(tmp_path))
    assert said(cluster, tmp_path, *priced, code=5)["total"]["notSeen"] == []
    found = said(cluster, tmp_path, *priced, "--layer", "raw-vllm", code=5)["total"]
    assert (found["notSeen"], found["money"]["paid"]["perHour"]) == (["Model"], None)


def test_one_object_that_is_none_makes_the_sum_the_least_there_is(tmp_path: Path) -> None:
    cluster = platform(claim("odd", "10Gi", "standard", ""))
    found = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path), code=5)["total"]
    assert found["notSeen"] == ["PersistentVolumeClaim"]


def test_without_the_nodes_what_pods_hold_is_counted_and_has_no_price(tmp_path: Path) -> None:
    cluster = platform()
    cluster.refused["nodes"] = 403
    found = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path), code=5)
    assert found["total"]["gpus"]["reserved"] == 5
    assert found["total"]["money"]["reserved"] == {"perHour": None, "perMonth": None, "atLeast": None, "notKnown": 3}


def test_without_the_claims_bound_volumes_are_counted_in_their_place(tmp_path: Path) -> None:
    cluster = platform(volume("pv-1", "100Gi", "Bound", "serving/qwen-cache"))
    whole = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path))
    assert whole["total"]["volumes"] == {"count": 2, "gib": 70, "sizeNotKnown": 0}  # the bound one is the claim's
    cluster.refused["persistentvolumeclaims"] = 403
    found = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path), code=5)
    assert found["total"]["volumes"] == {"count": 1, "gib": 100, "sizeNotKnown": 0}


def test_models_that_may_not_be_listed_are_not_taken_for_none(tmp_path: Path) -> None:
    cluster = platform()
    cluster.refused["configmaps"] = 403
    found = said(cluster, tmp_path, "cost", code=5)
    assert [one["what"] for one in found["unseen"]] == ["Model"]


def test_a_pod_that_waits_has_nothing_reserved(tmp_path: Path) -> None:
    before = said(platform(), tmp_path, "cost")
    found = said(platform(engine_pod("qwen-2", "", 4, phase="Pending")), tmp_path, "cost")
    assert found["waiting"] == [{"pod": f"{layer('raw-vllm').namespace(MODEL)}/qwen-2", "accelerators": 4}]
    assert found["total"]["gpus"] == before["total"]["gpus"]


def test_a_pod_that_is_over_holds_nothing_and_one_that_ends_still_does(tmp_path: Path) -> None:
    over = pod("job", "gpu-b", {GPU: 1}, phase="Succeeded")
    assert said(platform(over), tmp_path, "cost")["total"]["gpus"]["reserved"] == 5
    ends = pod("ends", "gpu-b", {GPU: 1})
    ends["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert said(platform(ends), tmp_path, "cost")["total"]["gpus"]["reserved"] == 6


def test_a_node_that_is_not_ready_is_paid_for(tmp_path: Path) -> None:
    found = said(
        platform(node("gpu-c", {GPU: 4}, ready=False, labels=L4)), tmp_path, "cost", "--prices", prices(tmp_path)
    )
    assert found["total"]["gpus"]["paid"] == 14
    assert [(one["name"], one["money"]["perHour"]) for one in found["idleNodes"]] == [("Node gpu-c", "3.2000")]
    assert any(one.startswith("node gpu-c is not ready: it is paid for") for one in found["notes"])


def test_slices_are_not_gpus_and_have_a_price_of_their_own(tmp_path: Path) -> None:
    slices = {"nvidia.com/mig-1g.10gb": 7, "nvidia.com/mig-3g.40gb": 1}
    more = (
        node("mig", slices, {"nvidia.com/gpu.product": "NVIDIA-H100"}),
        pod("small", "mig", {"nvidia.com/mig-1g.10gb": 2}),
    )
    found = said(platform(*more), tmp_path, "cost", "--by", "node", "--prices", prices(tmp_path))
    row = next(one for one in found["rows"] if one["node"] == "mig")
    assert row["gpus"]["paid"] == 0
    assert row["slices"][0] == {
        "name": "nvidia.com/mig-1g.10gb",
        "paid": 7,
        "reserved": 2,
        "used": 0,
        "idle": 5,
        "useNotKnown": 2,
    }
    assert hourly(row, "reserved") == "0.8000"  # 2 x 0.40
    assert row["money"]["idle"] == {"perHour": None, "perMonth": None, "atLeast": None, "notKnown": 2}
    assert row["notKnown"] == ["no price of nvidia.com/mig-3g.40gb under gpus of the prices file"]


def test_slices_that_are_advertised_as_gpus_are_none(tmp_path: Path) -> None:
    kind = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB-MIG-1g.10gb"}
    more = (node("cut", {GPU: 7}, kind), pod("small", "cut", {GPU: 2}))
    found = said(platform(*more), tmp_path, "cost", "--by", "node", "--prices", prices(tmp_path))
    row = next(one for one in found["rows"] if one["node"] == "cut")
    assert (row["gpus"]["paid"], row["slices"][0]["paid"], row["slices"][0]["idle"]) == (0, 7, 5)
    assert (hourly(row, "paid"), hourly(row, "reserved")) == ("2.8000", "0.8000")  # 7 and 2 x 0.40


def test_a_gpu_that_pods_share_is_counted_by_its_parts(tmp_path: Path) -> None:
    labels = {"nvidia.com/gpu.product": "NVIDIA-L4-SHARED", "nvidia.com/gpu.replicas": "4"}
    more = (node("shared", {GPU: 4}, labels), pod("part", "shared", {GPU: 1}))
    found = said(platform(*more), tmp_path, "cost", "--by", "node", "--prices", prices(tmp_path))
    row = next(one for one in found["rows"] if one["node"] == "shared")
    assert (row["gpus"]["paid"], row["gpus"]["reserved"], row["gpus"]["idle"]) == (1, 0.25, 0.75)
    assert (hourly(row, "paid"), hourly(row, "reserved")) == ("0.8000", "0.2000")


def test_use_over_a_while_is_the_share_of_looks(tmp_path: Path) -> None:
    cluster = platform()
    home = layer("raw-vllm").namespace(MODEL)
    # Three looks. One engine runs at the first; the other never runs at a look, and made tokens before the last one.
    cluster.texts[f"{home}/qwen-0"] = [metrics(1), metrics(0), metrics(0)]
    cluster.texts[f"{home}/qwen-1"] = [metrics(0, 5, 5), metrics(0, 5, 5), metrics(0, 9, 9)]
    found = said(cluster, tmp_path, "cost", "--over", "0.2", "--prices", prices(tmp_path))
    assert found["used"]["seconds"] == 0.2
    assert found["rows"][0]["gpus"]["used"] == 1.3333  # 2 x 1/3 + 2 x 1/3
    assert hourly(found["rows"][0], "used") == "1.0667"  # 3.20 / 3


def test_an_engine_that_does_not_say_is_neither_used_nor_idle(tmp_path: Path) -> None:
    cluster = platform()
    del cluster.texts[f"{layer('raw-vllm').namespace(MODEL)}/qwen-1"]
    found = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path))
    assert found["rows"][0]["gpus"] == {"paid": 4, "reserved": 4, "used": 2, "idle": 0, "useNotKnown": 2}
    assert found["rows"][0]["money"]["used"] == {
        "perHour": None,
        "perMonth": None,
        "atLeast": {"perHour": "1.6000", "perMonth": "1168.00"},
        "notKnown": 1,
    }
    assert any("qwen-1 could not be asked what it does" in one for one in found["notes"])


def test_a_token_costs_gpu_hours_over_tokens_since_the_engine_began(tmp_path: Path) -> None:
    cluster = platform()
    home = layer("raw-vllm").namespace(MODEL)
    began = time.time() - 36_000
    for name in ("qwen-0", "qwen-1"):
        cluster.texts[f"{home}/{name}"] = [metrics(1, 3_000_000, 1_000_000, began=began)]
    (row,) = said(cluster, tmp_path, "cost", "--prices", prices(tmp_path))["tokens"]
    # 2 engines x 10 h x 1.60 = 32.00, over 8 million tokens of which 2 million are answers.
    assert (row["promptTokens"], row["generatedTokens"], row["enginesCounted"]) == (6_000_000, 2_000_000, 2)
    assert float(row["engineHours"]) == pytest.approx(20, rel=0.01)
    assert float(row["perMillionTokens"]) == pytest.approx(4.00, rel=0.01)
    assert float(row["perMillionGenerated"]) == pytest.approx(16.00, rel=0.01)
    assert row["since"].startswith(datetime.fromtimestamp(began, UTC).isoformat()[:16])


def test_counters_that_do_not_say_since_when_give_no_price_of_a_token(tmp_path: Path) -> None:
    (row,) = said(platform(), tmp_path, "cost", "--prices", prices(tmp_path))["tokens"]
    assert (row["perMillionTokens"], row["why"]) == (None, "no engine says what it counted, and since when")


def test_an_alias_without_a_price_is_warned_of(tmp_path: Path) -> None:
    found = said(platform(), tmp_path, "cost")
    assert len(found["warnings"]) == 1
    assert "alias qwen-local has no price: its entry at ConfigMap llm-gateway/litellm-config" in found["warnings"][0]
    assert "budgets never bind" in found["warnings"][0]
    cluster = platform()
    config = next(one for ref, one in cluster.objects.items() if ref.name == "litellm-config")
    config["data"]["config.yaml"] = config["data"]["config.yaml"].replace(
        "      weight:", "      input_cost_per_token: 5e-7\n      output_cost_per_token: 1e-6\n      weight:"
    )
    assert said(cluster, tmp_path, "cost")["warnings"] == []


def test_an_alias_behind_a_pattern_and_one_with_a_price_of_0_are_warned_of_too(tmp_path: Path) -> None:
    cluster = platform()
    config = next(one for ref, one in cluster.objects.items() if ref.name == "litellm-config")["data"]
    config["config.yaml"] = config["config.yaml"].replace("model_name: qwen-local", 'model_name: "qwen-*"')
    assert "has no input_cost_per_token" in said(cluster, tmp_path, "cost")["warnings"][0]
    zero = "      input_cost_per_token: 0\n      output_cost_per_token: 0\n      weight:"
    config["config.yaml"] = config["config.yaml"].replace("      weight:", zero)
    assert "has a price of 0" in said(cluster, tmp_path, "cost")["warnings"][0]


def test_an_edge_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    cluster = platform()
    for ref in [ref for ref in cluster.objects if ref.name == "litellm-config"]:
        del cluster.objects[ref]
    found = said(cluster, tmp_path, "cost", code=5)
    assert [one["what"] for one in found["unseen"]] == ["prices of aliases at the edge llm-gateway/litellm"]


def test_prices_say_how_far_to_trust_them(tmp_path: Path) -> None:
    old = said(platform(), tmp_path, "cost", "--prices", prices(tmp_path, days=412))
    assert old["prices"]["basis"] == "list"
    assert old["warnings"][0].startswith("the prices are 412 days old (")
    example = said(platform(), tmp_path, "cost", "--prices", "example")
    assert example["prices"]["basis"] == "example"
    assert example["warnings"][0].startswith("the prices are an example and nobody's")
    text = told(platform(), tmp_path, "cost", "--prices", prices(tmp_path)).stdout
    assert "Money in EUR; a month is 730 h. Prices of " in text
    assert ", list: price list of the year" in text


@pytest.mark.parametrize(
    ("before", "after", "code", "line"),
    [
        ("currency: EUR", "currency: Euro", "spec-wrong-value", 3),
        ("currency: EUR\n", "", "spec-missing-field", 1),
        ("date: {date}", "date: yesterday", "spec-wrong-value", 2),
        ("standard: 0.05", "standard: free", "spec-wrong-value", 6),
        ("standard: 0.05", "standard: -1", "spec-wrong-value", 6),
        ("gpus:", "gpu:", "spec-unknown-field", 5),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_its_line(
    tmp_path: Path, before: str, after: str, code: str, line: int
) -> None:
    path = prices(tmp_path, PRICES.replace(before, after))
    done = told(platform(), tmp_path, "cost", "--prices", path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error [{code}] at {path}:{line}: " in done.stderr


@pytest.mark.parametrize("text", ["", "{}", "# nothing yet\n", "---\n", "null\n"])
def test_a_file_without_prices_is_told_how_one_begins(tmp_path: Path, text: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    done = told(platform(), tmp_path, "cost", "--prices", str(path))
    assert (done.returncode, done.stdout) == (2, "")
    assert f"error [spec-yaml] at {path}:1: " in done.stderr
    assert "as docs/cost.md shows" in done.stderr
    assert "model" not in done.stderr


def test_a_value_of_prices_that_is_wrong_leads_to_their_page(tmp_path: Path) -> None:
    path = prices(tmp_path, PRICES.replace("currency: EUR", "currency: Euro"))
    done = told(platform(), tmp_path, "cost", "--prices", path)
    assert "it must be what docs/cost.md says of it" in done.stderr


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    done = told(platform(), tmp_path, "cost", "--prices", str(tmp_path / "none.yaml"))
    assert (done.returncode, "error [prices-unreadable]" in done.stderr) == (2, True)
    assert "  next: name a file of prices as docs/cost.md shows one" in done.stderr


def test_a_price_that_is_missing_is_told_with_the_key_that_it_would_stand_under(tmp_path: Path) -> None:
    text = "".join(line for line in PRICES.splitlines(keepends=True) if line[:4] in ("sour", "date", "curr"))
    cluster = PaidCluster.of_things(
        node("kind", {"nvidia.com/gpu": 1}, L4),
        node("instance", {"nvidia.com/gpu": 1}, {"node.kubernetes.io/instance-type": "gpu-1x"}),
        node("plain", {"nvidia.com/gpu": 1}),
        claim("old", "10Gi", "fast", "others"),
        balancer("lost", "203.0.113.9", "others", app="gone"),
    )
    for where in ("kind", "instance", "plain"):
        cluster = PaidCluster.of_things(*cluster.objects.values(), pod(where, where, {"nvidia.com/gpu": 1}))
    assert set(said(cluster, tmp_path, "cost", "--prices", prices(tmp_path, text))["total"]["notKnown"]) == {
        f"no price of {one} of the prices file"
        for one in (
            "NVIDIA-L4 under gpus",
            "gpu-1x under nodes",
            "nvidia.com/gpu of node plain under gpus",
            "StorageClass fast under volumes",
            "a load balancer under loadBalancer",
        )
    }


def test_one_model_alone_has_its_own_things_and_no_others(tmp_path: Path) -> None:
    found = said(platform(), tmp_path, "cost", "qwen", "--prices", prices(tmp_path))
    assert (found["model"], hourly(found["total"], "paid")) == ("qwen", "3.2130")
    done = told(platform(), tmp_path, "cost", "qwem")
    assert (done.returncode, "error [model-unknown]" in done.stderr) == (2, True)


def test_a_claim_without_a_volume_and_a_balancer_without_an_address_are_no_bill_yet(tmp_path: Path) -> None:
    more = (claim("new", "500Gi", phase="Pending"), balancer("new", address=""))
    found = said(platform(*more), tmp_path, "cost", "--prices", prices(tmp_path))
    assert hourly(found["total"], "paid") == "11.4380"
    assert any("1 claim without a volume not counted" in one for one in found["notes"])


def test_a_gateway_behind_a_service_is_not_counted_twice(tmp_path: Path) -> None:
    gateway: Object = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "shared", "namespace": "edge"},
        "spec": {},
        "status": {"addresses": [{"type": "IPAddress", "value": "203.0.113.7"}]},
    }
    assert said(platform(gateway), tmp_path, "cost")["total"]["loadBalancers"] == 1
    gateway["status"]["addresses"][0]["value"] = "203.0.113.8"
    assert said(platform(gateway), tmp_path, "cost")["total"]["loadBalancers"] == 2


def test_the_same_is_printed_as_yaml_and_as_a_table(tmp_path: Path) -> None:
    as_json = said(platform(), tmp_path, "cost", "--prices", prices(tmp_path))
    done = told(platform(), tmp_path, "cost", "--prices", prices(tmp_path), "-o", "yaml")
    assert yaml.safe_load(done.stdout)["rows"] == as_json["rows"]
    text = told(platform(), tmp_path, "cost", "--prices", prices(tmp_path)).stdout
    assert text.splitlines()[1].split() == [
        "MODEL",
        "GPUS",
        "USED",
        "IDLE",
        "VOLUMES",
        "LB",
        "RESERVED/H",
        "USED/H",
        "IDLE/H",
        "ALL/H",
        "ALL/MONTH",
    ]
    assert "asked: 8 list calls, 2 engines, 1 edge" in text


def test_the_file_that_the_page_shows_is_taken(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/cost.md").read_text("utf-8")
    path = tmp_path / "prices.yaml"
    path.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    found = said(platform(), tmp_path, "cost", "--prices", str(path))
    assert (found["prices"]["basis"], found["prices"]["source"]) == ("contract", "contract 4711 of 2026")
