"""Edits of a configuration that people wrote: only the alias's own values change."""

from __future__ import annotations

import pytest
import yaml

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.errors import RefusedError

RAW = "http://raw-vllm.serving.svc.cluster.local:8000/v1"
KSERVE = "http://qwen-predictor.kserve.svc.cluster.local:80/v1"
TERMS = Terms("qwen-local", "qwen", {"raw-vllm": RAW, "kserve": KSERVE})
SOURCE = Member("qwen-raw-vllm", "raw-vllm", RAW, "qwen2.5-0.5b-instruct", 90, "qwen-local")
TARGET = Member("qwen-kserve", "kserve", KSERVE, "qwen2.5-0.5b-instruct", 10, "qwen-local")

THEIRS = """\
# Who calls what. Ask the platform team before you change this.
model_list:
    # the small one
    - model_name: qwen-local   # tenants: all
      litellm_params:
          model: openai/qwen2.5-0.5b-instruct
          api_base: http://raw-vllm.serving:8000/v1   # raw
          api_key: os.environ/UPSTREAM_API_KEY
          timeout: 600
          input_cost_per_token: 0.0000005
    # the big one
    - {model_name: big, litellm_params: {model: openai/big, api_base: "http://big/v1"}}

router_settings: {allowed_fails: 0, cooldown_time: 30}  # measured
"""


def alias(text: str) -> Aliases:
    return Aliases(ConfigText(text, "config.yaml"), TERMS)


def test_an_entry_without_id_and_weight_is_adopted_by_its_address() -> None:
    (member,) = alias(THEIRS).members()
    assert (member.id, member.layer, member.weight) == ("qwen-raw-vllm", "raw-vllm", 100)
    assert member.base_url == "http://raw-vllm.serving:8000/v1"


def test_both_members_get_their_weights_in_one_change_and_all_else_stays() -> None:
    before = alias(THEIRS).members()[0]
    kept = Member(before.id, before.layer, before.base_url, before.served_name, 90)
    text = alias(THEIRS).write([kept, TARGET])
    lines = text.splitlines()
    for line in THEIRS.splitlines():
        assert line in lines
    data = yaml.safe_load(text)
    ours = [item for item in data["model_list"] if item["model_name"] == "qwen-local"]
    assert [(item["model_info"]["id"], item["litellm_params"]["weight"]) for item in ours] == [
        ("qwen-raw-vllm", 90),
        ("qwen-kserve", 10),
    ]
    assert ours[1]["litellm_params"]["timeout"] == 600
    assert ours[1]["litellm_params"]["api_base"] == KSERVE


def test_saying_the_same_twice_changes_no_byte() -> None:
    once = alias(THEIRS).write([SOURCE, TARGET])
    assert alias(once).write([SOURCE, TARGET]) == once


def test_a_member_that_leaves_takes_only_its_own_lines() -> None:
    both = alias(THEIRS).write([SOURCE, TARGET])
    alone = alias(both).write([Member(TARGET.id, TARGET.layer, TARGET.base_url, TARGET.served_name, 100)])
    assert [member.id for member in alias(alone).members()] == ["qwen-kserve"]
    assert "# the big one\n    - {model_name: big" in alone
    assert "# the small one" in alone


def test_there_and_back_restores_what_tenants_had() -> None:
    before = alias(THEIRS).members()
    away = alias(THEIRS).write([TARGET])
    assert alias(alias(away).write(before)).members() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model_list: []\n",
        "general_settings: {}\n",
        "model_list:\n- model_name: other\n  litellm_params: {model: openai/x}\n",
    ],
)
def test_an_alias_that_does_not_exist_is_added(text: str) -> None:
    assert alias(text).members() == ()
    assert alias(alias(text).write([SOURCE])).members() == (SOURCE,)


def test_prices_are_written_so_that_every_reader_takes_them_for_numbers() -> None:
    terms = Terms("qwen-local", "qwen", TERMS.endpoints, price=(5e-7, 1.5e-6))
    text = Aliases(ConfigText("", "config.yaml"), terms).write([SOURCE])
    assert "input_cost_per_token: 0.0000005\n" in text
    assert "output_cost_per_token: 0.0000015\n" in text


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("timeout: 600", "weight: '90'", "edge-weight"),
        ("timeout: 600", "weight: -1", "edge-weight"),
        ("openai/qwen2.5-0.5b-instruct", "bedrock/qwen", "edge-provider"),
        ("openai/qwen2.5-0.5b-instruct", "qwen", "edge-provider"),
        ("      litellm_params:", "      model_info: {blocked: true}\n      litellm_params:", "edge-blocked"),
    ],
)
def test_an_entry_that_cannot_be_kept_is_refused_with_its_line(old: str, new: str, code: str) -> None:
    with pytest.raises(RefusedError) as refused:
        alias(THEIRS.replace(old, new)).members()
    assert refused.value.code == code
    assert refused.value.where == "config.yaml:4"
    assert refused.value.next_action


def test_an_anchor_elsewhere_is_none_of_our_business() -> None:
    shared = THEIRS.replace("litellm_params: {model: openai/big", "litellm_params: &big {model: openai/big")
    assert "&big" in alias(shared).write([SOURCE])


def test_two_entries_for_one_member_are_refused() -> None:
    entry = THEIRS[THEIRS.index("    - model_name: qwen-local") : THEIRS.index("    # the big one")]
    with pytest.raises(RefusedError) as refused:
        alias(THEIRS.replace(entry, entry + entry)).members()
    assert refused.value.code == "edge-twins"


def test_a_missing_weight_beside_a_present_one_is_zero_as_litellm_reads_it() -> None:
    text = alias(THEIRS).write([SOURCE, TARGET]).replace("          weight: 90\n", "")
    assert [member.weight for member in alias(text).members()] == [0, 10]


@pytest.mark.parametrize("members", [[], [Member("qwen-kserve", "kserve", KSERVE, "q", 0)]])
def test_an_alias_without_any_weight_is_refused(members: list[Member]) -> None:
    with pytest.raises(RefusedError):
        alias(THEIRS).write(members)


@pytest.mark.parametrize("text", ["model_list: [", "- a\n", "model_list: {a: 1}\n", "a: &x 1\nb: *y\n"])
def test_a_text_that_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(RefusedError):
        alias(text).members()


NEW = Terms("new", "new", {"raw-vllm": RAW})


@pytest.mark.parametrize("text", [THEIRS, THEIRS.rstrip("\n"), "model_list: []\n", "litellm_settings: {a: 1}\n", ""])
def test_an_alias_that_was_added_can_be_taken_away_again(text: str) -> None:
    added = Aliases(ConfigText(text, "config.yaml"), NEW).write([Member("new-raw-vllm", "raw-vllm", RAW, "q", 100)])
    assert added != text
    after = Aliases(ConfigText(added, "config.yaml"), NEW).remove()
    old, new = (yaml.safe_load(one) or {} for one in (text, after))
    assert new | {"model_list": new["model_list"] or []} == {"model_list": []} | old
    kept = after.splitlines()
    assert [line for line in text.splitlines() if line not in kept and "model_list" not in line] == []


def test_taking_away_an_alias_that_is_not_there_changes_nothing() -> None:
    assert Aliases(ConfigText(THEIRS, "config.yaml"), NEW).remove() == THEIRS


@pytest.mark.parametrize("before", ["", THEIRS], ids=["none", "beside-one-of-ours"])
def test_a_new_entry_says_what_its_gateway_finds_it_by(before: str) -> None:
    """Of an entry that is repeated all else stays, another layer's header not."""
    found_by = {"X-Gateway-Base-Model-Name": "qwen"}
    terms = Terms("qwen-local", "qwen", TERMS.endpoints, headers={"kserve": found_by})
    group = Aliases(ConfigText(before, "config.yaml"), terms)
    text = group.write([*group.members(), TARGET])
    entries = yaml.safe_load(text)["model_list"]
    said = {str((one.get("model_info") or {}).get("id")): one["litellm_params"] for one in entries}
    assert said["qwen-kserve"]["extra_headers"] == found_by
    if before:
        theirs = next(one["litellm_params"] for one in entries if one["model_name"] == "qwen-local")
        assert "extra_headers" not in theirs
        kept = theirs.keys() - {"api_base", "model", "weight"}
        assert {name: said["qwen-kserve"][name] for name in kept} == {name: theirs[name] for name in kept}
    assert Aliases(ConfigText(text, "config.yaml"), terms).write([*group.members(), TARGET]) == text
