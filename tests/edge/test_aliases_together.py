"""Several names of one model: read as one, changed in one text."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import OTHER, Member
from pointsman.edge.litellm_alias import DEFAULT_KEY, Aliases, Terms
from pointsman.errors import RefusedError

RAW, KSERVE, CLOUD = "http://raw.serving:8000/v1", "http://k.kserve/v1", "http://cloud.example/v1"
ENDPOINTS = {"raw-vllm": RAW, "kserve": KSERVE}
TEXT = f"""\
model_list:
- model_name: chat
  litellm_params: {{model: hosted_vllm/q, api_base: "{RAW}", api_key: k, weight: 80}}
- model_name: chat
  litellm_params: {{model: bedrock/claude, weight: 20}}
- model_name: gpt-4o-mini
  litellm_params: {{model: hosted_vllm/q, api_base: "{RAW}", api_key: k, rpm: 30}}
- model_name: gpt-4o-mini
  litellm_params: {{model: openai/gpt, api_base: "{CLOUD}", api_key: c, rpm: 10}}  # theirs
- model_name: "qwen-*"
  litellm_params: {{model: "hosted_vllm/*", api_base: "{RAW}", api_key: k}}
router_settings: {{model_group_alias: {{mine: chat, small: {{model: gpt-4o-mini, hidden: true}}}}}}
"""
TERMS = Terms("mine", "qwen", ENDPOINTS, aliases=("chat", "gpt-4o-mini", "qwen-*"))


def aliases(text: str = TEXT, terms: Terms = TERMS) -> Aliases:
    return Aliases(ConfigText(text, "c"), terms)


def shifted(now: Aliases) -> list[Member]:
    """Three quarters of what each group has of ours, to KServe."""
    found = []
    for member in now.members():
        if member.ours:
            target = now.member_id(member.alias, "kserve")
            found += [
                replace(member, weight=member.weight / 4),
                replace(member, id=target, layer="kserve", base_url=KSERVE, weight=member.weight * 3 / 4),
            ]
    return found


def test_names_are_followed_to_the_groups_that_answer_them() -> None:
    now = aliases()
    assert now.names() == ("mine", "chat", "gpt-4o-mini", "qwen-*")
    assert [now.group(name) for name in now.names()] == ["chat", "chat", "gpt-4o-mini", "qwen-*"]
    assert now.groups == ("chat", "gpt-4o-mini", "qwen-*")
    assert now.group("nobody") == "nobody"
    assert now.group("qwen-7b") == "qwen-*"


def test_members_of_all_groups_have_ids_of_their_own() -> None:
    assert [(member.id, member.layer, member.served_name, member.weight) for member in aliases().members()] == [
        ("qwen-raw-vllm", "raw-vllm", "q", 80),
        ("chat#1", OTHER, "bedrock/claude", 20),
        ("qwen-raw-vllm@gpt-4o-mini", "raw-vllm", "q", 30),
        ("gpt-4o-mini#1", OTHER, "openai/gpt", 10),
        ("qwen-raw-vllm@qwen-_2a_", "raw-vllm", "*", 100),
    ]


def test_one_text_declares_them_all_and_others_keep_their_share() -> None:
    now = aliases()
    wanted = shifted(now)
    after = aliases(now.write(wanted))
    assert {member for member in after.members() if member.ours} == set(wanted)
    assert [member for member in after.members() if not member.ours] == [
        member for member in now.members() if not member.ours
    ]
    data = yaml.safe_load(after.config.text)["model_list"]
    theirs = [item["litellm_params"] for item in data if item["litellm_params"]["model"] == "openai/gpt"]
    assert theirs == [{"model": "openai/gpt", "api_base": CLOUD, "api_key": "c", "weight": 10, "rpm": 10}]
    assert [item["litellm_params"]["model"] for item in data if item["model_name"] == "qwen-*"] == ["hosted_vllm/*"] * 2
    assert after.config.text.count("  # theirs\n") == 1


def test_their_entry_is_left_alone_when_its_weight_counts_already() -> None:
    now = aliases()
    line = "  litellm_params: {model: bedrock/claude, weight: 20}\n"
    assert line in now.write(shifted(now))


def test_a_member_of_a_pattern_keeps_the_patterns_name() -> None:
    now = aliases()
    wanted = [replace(member, served_name="q") for member in shifted(now) if member.alias == "qwen-*"]
    assert [member.served_name for member in now.settled(wanted)] == ["*", "*"]
    assert "hosted_vllm/q}" not in now.write(wanted)


def test_ours_go_and_others_stay() -> None:
    now = aliases()
    left = yaml.safe_load(aliases(now.write(shifted(now))).remove())["model_list"]
    assert [(item["model_name"], item["litellm_params"]["model"]) for item in left] == [
        ("chat", "bedrock/claude"),
        ("gpt-4o-mini", "openai/gpt"),
    ]


def test_back_again_is_what_tenants_had() -> None:
    now = aliases()
    back = aliases(aliases(now.write(shifted(now))).write([member for member in now.members() if member.ours]))
    assert back.members() == now.members()


@pytest.mark.parametrize("weight", [0.1, 1e-7, 1e22, 100, 33.333333333333336, 0])
def test_a_weight_is_written_exactly(weight: float) -> None:
    now = aliases()
    wanted = [replace(member, weight=weight) if member.alias == "chat" else member for member in now.members()]
    after = aliases(now.write([member for member in wanted if member.ours]))
    assert after.members()[0].weight == weight
    assert "e-" not in after.config.text.replace("me-", "")


def test_others_that_would_count_nothing_get_the_number_they_had() -> None:
    text = TEXT.replace(", weight: 80", "").replace(", weight: 20", "")
    now = aliases(text)
    assert [member.weight for member in now.members()][:2] == [1, 1]
    after = aliases(now.write(shifted(now)))
    assert [(member.id, member.weight) for member in after.members()][:3] == [
        ("qwen-raw-vllm", 0.25),
        ("qwen-kserve", 0.75),
        ("chat#1", 1),
    ]


def test_a_blocked_entry_of_others_has_no_share_and_is_left_as_it_is() -> None:
    text = TEXT.replace("weight: 20}", "weight: 20}\n  model_info: {blocked: true}")
    now = aliases(text)
    assert now.members()[1].weight == 0
    assert "weight: 20}\n  model_info: {blocked: true}" in now.write(shifted(now))


@pytest.mark.parametrize(
    ("entries", "said", "key"),
    [
        ("", None, DEFAULT_KEY),
        ("", "os.environ/MINE", "os.environ/MINE"),
        (
            f'- {{model_name: a, litellm_params: {{model: hosted_vllm/q, api_base: "{RAW}", api_key: ours}}}}\n',
            None,
            "ours",
        ),
        (
            '- {model_name: a, litellm_params: {model: hosted_vllm/z, api_base: "http://z/v1", api_key: z}}\n',
            None,
            "z",
        ),
        (
            f'- {{model_name: a, litellm_params: {{model: openai/gpt, api_base: "{CLOUD}", api_key: c}}}}\n',
            None,
            DEFAULT_KEY,
        ),
    ],
)
def test_a_new_entry_shows_the_key_of_those_beside_it(entries: str, said: str | None, key: str) -> None:
    terms = Terms("new", "qwen", ENDPOINTS, key=said)
    text = aliases(f"model_list:\n{entries or '  []'}", terms).write(
        [Member("qwen-kserve", "kserve", KSERVE, "q", 1, "new")]
    )
    (made,) = [item for item in yaml.safe_load(text)["model_list"] if item["model_name"] == "new"]
    assert made["litellm_params"]["api_key"] == key


def test_a_probe_asks_for_a_name_that_only_the_pattern_answers() -> None:
    now = aliases()
    assert now.probe_name("mine") == "mine"
    assert now.probe_name("qwen-*") == "qwen-q"
    taken = TEXT.replace("- model_name: gpt-4o-mini", "- model_name: qwen-q", 1)
    assert aliases(taken).probe_name("qwen-*") == "qwen-pointsman-probe"


def test_a_pattern_that_no_name_reaches_is_refused() -> None:
    hidden = TEXT.replace('"qwen-*"', '"qwen*"') + '# "qwen*" is hidden by a longer one\n'
    hidden = hidden.replace(
        "router_settings", '- {model_name: "qwen**", litellm_params: {model: openai/x}}\nrouter_settings'
    )
    with pytest.raises(RefusedError) as refused:
        aliases(hidden, replace(TERMS, aliases=("qwen*",))).probe_name("qwen*")
    assert refused.value.code == "edge-shadowed"


def test_the_same_pinned_id_in_two_aliases_is_refused() -> None:
    pinned = TEXT.replace("weight: 80}", "weight: 80}\n  model_info: {id: one}").replace(
        "rpm: 30}", "rpm: 30}\n  model_info: {id: one}"
    )
    with pytest.raises(RefusedError) as refused:
        aliases(pinned).members()
    assert (refused.value.code, refused.value.where) == ("edge-twins", "c:7")


def test_a_member_of_no_alias_is_refused() -> None:
    stranger = Member("qwen-kserve", "kserve", KSERVE, "q", 1, "elsewhere")
    with pytest.raises(RefusedError) as refused:
        aliases().write([stranger])
    assert refused.value.code == "edge-foreign"
