"""``pointsman pick``: the order of the layers, why, what is not known, and that what would change it does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.advice.asked import asked, case, run_in, said
from tests.advice.cases import CASES, Case

NAMES = [one.name for one in CASES]
PICKED = {
    "toy": "raw-vllm",
    "small": "raw-vllm",
    "seven-awq": "kserve",
    "seventy": "llm-d",
    "coder": "llm-d",
    "vectors": "raw-vllm",
    "adapters": "raw-vllm",
    "gguf": None,
    "long": None,
    "vision": "raw-vllm",
    "tools": "kserve",
    "private": "raw-vllm",
}


def layer(told: Any, name: str) -> Any:
    return next(one for one in told["layers"] if one["layer"] == name)


def edited(about: Case, folder: Path, old: str, new: str, *words: str) -> tuple[int, Any]:
    """What is said of the case's spec with one passage replaced."""
    command = about.write(folder)
    path = folder / f"{about.name}.yaml"
    text = path.read_text("utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), "utf-8")
    done = run_in(folder, *command, *words, "-o", "json")
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize("name", NAMES)
def test_each_kind_of_model_gets_its_layer_and_exit_code(name: str, tmp_path: Path) -> None:
    code, told = asked(tmp_path, case(name))
    assert (told["pick"], code) == (PICKED[name], case(name).code)
    assert (told["pick"] is None) == (code == 1)
    assert len(told["layers"]) == 3


@pytest.mark.parametrize("name", NAMES)
def test_every_reason_and_assumption_says_where_it_is_known_from(name: str, tmp_path: Path) -> None:
    told = said(tmp_path, case(name))
    named = [one for each in told["layers"] for part in ("reasons", "obstacles", "first") for one in each[part]]
    assert all(one["from"] for one in [*named, *told["facts"], *told["fit"]["assumptions"]])
    for each in told["layers"]:
        assert each["score"] == sum(one["weight"] for one in each["reasons"])


@pytest.mark.parametrize("name", NAMES)
def test_layers_that_can_come_first_and_the_first_of_equals_has_fewer_parts(name: str, tmp_path: Path) -> None:
    order = ["can", "by hand", "cannot"]
    ranks = [(order.index(one["verdict"]), -one["score"]) for one in said(tmp_path, case(name))["layers"]]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_said_to_change_the_answer_does(name: str, tmp_path: Path) -> None:
    """Options that would change it are given, and the answer is the one that was foretold."""
    about = case(name)
    tried = 0
    for change in said(tmp_path, about)["changes"]:
        found = re.fullmatch(r"with (--\S+)( \S+)? it would be (\S+)( \(by hand\))?", change)
        if found is None:
            continue
        words = [one for one in (found[1], (found[2] or "").strip()) if one]
        kept = replace(about, words=_without(about.words, found[1]))
        assert said(tmp_path, kept, *words)["pick"] == found[3], change
        tried += 1
    assert tried or name in ("gguf", "long", "seventy", "seven-awq", "tools")


def _without(words: tuple[str, ...], option: str) -> tuple[str, ...]:
    """The options without one that takes a value."""
    if option not in words:
        return words
    at = words.index(option)
    return words[:at] + words[at + 2 :]


def test_with_a_fleet_it_would_be_kserve_and_with_one_model_again_raw(tmp_path: Path) -> None:
    small = case("small")
    assert "with --fleet 5 it would be kserve" in said(tmp_path, small)["changes"]
    assert [said(tmp_path, small, "--fleet", str(one))["pick"] for one in (4, 5, 20)] == [
        "raw-vllm",
        "kserve",
        "kserve",
    ]
    assert "with --fleet 1 it would be raw-vllm" in said(tmp_path, small, "--fleet", "20")["changes"]


def test_what_would_make_it_fit_is_true(tmp_path: Path) -> None:
    long = case("long")
    told = said(tmp_path, long)
    assert "with 2 L4 a replica it would be raw-vllm" in told["changes"]
    assert said(tmp_path, replace(long, gpus=2))["fit"]["fits"] == "fits"
    longest = told["fit"]["longestContext"]
    assert said(tmp_path, replace(long, length=longest))["fit"]["fits"] == "fits"
    assert said(tmp_path, replace(long, length=longest + 1024))["fit"]["fits"] != "fits"


def test_no_gain_is_claimed_and_one_gpu_shows_none(tmp_path: Path) -> None:
    """Of prefill in pods of its own it is said that nobody measured it; never that it is quicker."""
    split = "layers: {llm-d: {prefill: {replicas: 1}}}\n"
    text = f"  tenant: {{alias: small}}\n  {split}"
    code, told = edited(case("small"), tmp_path, "  tenant: {alias: small}\n", text, "--gpus-available", "1")
    llm_d = layer(told, "llm-d")
    assert (code, told["pick"], llm_d["verdict"]) == (0, "raw-vllm", "cannot")
    assert "takes 2 GPUs, and 1 may be used" in llm_d["obstacles"][0]["what"]
    assert llm_d["cost"]["prefillGpus"] == 1
    assert any("nobody measured" in one and "one GPU" in one for one in told["unknown"])
    assert not re.search(r"faster|quicker|throughput|speed", json.dumps(told))


def test_prefill_is_priced(tmp_path: Path) -> None:
    text = "  tenant: {alias: small}\n  layers: {llm-d: {prefill: {replicas: 2}}}\n"
    told = edited(case("small"), tmp_path, "  tenant: {alias: small}\n", text)[1]
    cost = layer(told, "llm-d")["cost"]
    assert (cost["perHour"], cost["prefillPerHour"], cost["priceFrom"]) == ("2.40", "1.60", "--price")
    assert layer(told, "raw-vllm")["cost"]["perHour"] == "0.80"
    assert layer(told, "raw-vllm")["cost"]["parts"] == []


def test_parking_saves_what_it_stands_idle(tmp_path: Path) -> None:
    assert layer(said(tmp_path, case("private")), "kserve")["cost"]["parkedSavesPerDay"] == "11.20"


def test_kv_routing_counts_only_where_there_is_something_to_choose(tmp_path: Path) -> None:
    one, two = (replace(case("small"), replicas=count, words=("--gpu", "L4", "--kv-routing")) for count in (1, 2))
    assert [said(tmp_path, each)["pick"] for each in (one, two)] == ["raw-vllm", "llm-d"]
    vectors = layer(said(tmp_path, case("vectors")), "llm-d")
    assert not any(each["weight"] > 0 for each in vectors["reasons"])
    assert any("past the endpoint picker" in each["what"] for each in vectors["reasons"])


def test_a_canary_is_never_promised_of_kserve(tmp_path: Path) -> None:
    told = said(tmp_path, case("small"), "--canary")
    reason = next(one for one in layer(told, "kserve")["reasons"] if "canary" in one["from"])
    assert (reason["weight"], "not read in Standard mode" in reason["what"]) == (0, True)


def test_scaling_to_zero_is_never_promised_of_kserve(tmp_path: Path) -> None:
    reasons = layer(said(tmp_path, case("private")), "kserve")["reasons"]
    assert next(one for one in reasons if "--idle-hours" in one["from"])["weight"] == 0


def test_more_gpus_than_a_node_has_rule_out_raw_and_leave_llm_d_to_people(tmp_path: Path) -> None:
    told = said(tmp_path, case("coder"))
    assert [(one["layer"], one["verdict"]) for one in told["layers"]] == [
        ("llm-d", "by hand"),
        ("kserve", "by hand"),
        ("raw-vllm", "cannot"),
    ]
    assert told["byHand"] is True
    assert said(tmp_path, case("coder"), "--gpus-per-node", "16")["pick"] == "raw-vllm"


def test_a_gguf_file_that_is_staged_can_be_served_but_not_by_llm_d(tmp_path: Path) -> None:
    staged = "  layers: {raw-vllm: {weights: {pvc: {claim: models, path: qwen/q4_k_m.gguf}}}}\n"
    code, told = edited(case("gguf"), tmp_path, "  tenant: {alias: gguf}\n", "  tenant: {alias: gguf}\n" + staged)
    verdicts = {one["layer"]: one["verdict"] for one in told["layers"]}
    assert (code, verdicts) == (0, {"raw-vllm": "can", "kserve": "cannot", "llm-d": "cannot"})
    assert any("plugin" in one for one in told["unknown"])
    assert told["fit"]["weightsBytes"] is None


def test_weights_behind_a_gate_need_a_token_and_its_secret_everywhere(tmp_path: Path) -> None:
    bare = replace(case("seventy"), token=False)
    code, told = asked(tmp_path, bare)
    assert (code, told["pick"]) == (1, None)
    assert all(any("no token" in each["what"] for each in one["obstacles"]) for one in told["layers"])
    first = [layer(said(tmp_path, case("private")), one)["first"] for one in ("raw-vllm", "kserve", "llm-d")]
    spaces = ("serving", "kserve", "llm-d")
    assert all(
        any(f"hub-token in {space}" in one["what"] for one in each) for space, each in zip(spaces, first, strict=True)
    )


def test_an_adapter_in_no_volume_rules_a_layer_out(tmp_path: Path) -> None:
    local = replace(case("adapters"), args=("--enable-lora", "--lora-modules", "sql=/adapters/sql"))
    told = said(tmp_path, local)
    assert told["pick"] is None
    assert "/adapters/sql is in no volume" in told["layers"][0]["obstacles"][0]["what"]
    assert layer(said(tmp_path, case("adapters")), "llm-d")["verdict"] == "can"


def test_vectors_are_not_split_into_prefill_and_decode(tmp_path: Path) -> None:
    text = "  tenant: {alias: vectors}\n  layers: {llm-d: {prefill: {replicas: 1}}}\n"
    told = edited(case("vectors"), tmp_path, "  tenant: {alias: vectors}\n", text)[1]
    assert layer(told, "llm-d")["verdict"] == "cannot"


def test_prices_come_from_a_file_with_its_source_and_date(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("source: our contract\ndate: 2024-01-31\nperHour: {L4: 0.55, H100-80GB: '2.10'}\n")
    small = replace(case("small"), words=("--gpu", "L4"))
    cost = layer(said(tmp_path, small, "--prices", "prices.yaml"), "raw-vllm")["cost"]
    assert cost["perHour"] == "0.55"
    assert "our contract, 2024-01-31" in cost["priceFrom"]
    assert "days old" in cost["priceFrom"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("perHour: {L4: 0.5}\n", "source, date and perHour"),
        ("source: x\ndate: 2026-01-01\nperHour: {L4: cheap}\n", "'cheap' is no price"),
        ("[", "no YAML"),
        ("source: x\ndate: 2026-01-01\nperHour: {L9: 1}\n", "'L9'"),
    ],
)
def test_a_file_of_prices_that_is_none_is_refused(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(text)
    done = run_in(tmp_path, *case("small").write(tmp_path), "--prices", "prices.yaml")
    assert done.returncode == 2
    assert told in done.stderr
    assert "next:" in done.stderr


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--gpu", "L5"), "gpu-unknown"),
        (("--gpu", "A100"), "gpu-unknown"),
        (("--price", "L4"), "usage"),
        (("--fleet", "0"), "usage"),
        (("--teams", "few"), "usage"),
        (("--model-config", "absent.json"), "model-config"),
    ],
)
def test_a_wrong_word_is_told_with_the_way_out(words: tuple[str, ...], code: str, tmp_path: Path) -> None:
    done = run_in(tmp_path, *replace(case("private"), words=()).write(tmp_path), *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"[{code}]" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_text_in_a_pipe_stays_whole_and_says_what_json_says(name: str, tmp_path: Path) -> None:
    command = case(name).write(tmp_path)
    text = run_in(tmp_path, *command).stdout
    told = said(tmp_path, case(name))
    lines = text.splitlines()
    for one in (*told["unknown"], *told["changes"], *(each["what"] for each in told["layers"][0]["reasons"])):
        assert any(one in line for line in lines), one
    assert "memory" in text
    assert told["fit"]["fits"] in text


def test_yaml_and_json_hold_the_same(tmp_path: Path) -> None:
    command = case("small").write(tmp_path)
    assert yaml.safe_load(run_in(tmp_path, *command, "-o", "yaml").stdout) == said(tmp_path, case("small"))
