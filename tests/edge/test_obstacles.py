"""What stands in the way of a move is said before it starts, with its line and what to do."""

from __future__ import annotations

import pytest

from pointsman.edge.config_text import ConfigText
from pointsman.edge.litellm_alias import Terms
from pointsman.edge.litellm_obstacles import obstacles
from pointsman.edge.obstacle import Obstacle

RAW = "http://raw.serving:8000/v1"
TERMS = Terms("chat", "qwen", {"raw-vllm": RAW, "kserve": "http://k.kserve/v1"})
QUIET = "router_settings: {allowed_fails: 0, cooldown_time: 30"
CLOUD = "\n- {model_name: chat, litellm_params: {model: bedrock/claude}}"


def text(params: str = "", info: str = "", router: str = "", more: str = "") -> str:
    entry = (
        f'- {{model_name: chat, litellm_params: {{model: hosted_vllm/q, api_base: "{RAW}", api_key: k{params}}}{info}}}'
    )
    return f"model_list:\n{entry}{CLOUD}\n{QUIET}{router}}}\n{more}"


def found(config: str) -> tuple[Obstacle, ...]:
    return obstacles(ConfigText(config, "c"), TERMS)


def test_a_quiet_configuration_has_none() -> None:
    assert found(text()) == ()


@pytest.mark.parametrize(
    ("config", "code", "line", "word"),
    [
        (text(router=", routing_strategy: least-busy"), "edge-strategy", 4, "least-busy"),
        (text(router=", routing_strategy: of-my-own"), "edge-strategy", 4, "of-my-own"),
        (
            text(router=", routing_groups: [{group_name: g, models: [chat], routing_strategy: lar1}]"),
            "edge-strategy",
            4,
            "for chat",
        ),
        (text(params=", order: 1"), "edge-order", 2, "order"),
        (text(info=", model_info: {order: 2}"), "edge-order", 2, "order"),
        (text(router=", enable_tag_filtering: true"), "edge-tags", 4, "tags"),
        (text(info=", model_info: {enable_tag_filtering: true}"), "edge-tags", 2, "tags"),
        (text(router=", optional_pre_call_checks: [deployment_affinity]"), "edge-affinity", 4, "tenant"),
        (text(router=", model_group_affinity_config: {chat: [session_affinity]}"), "edge-affinity", 4, "session"),
        (text(info=", model_info: {mode: rerank}"), "edge-mode", 2, "rerank"),
        (text(info=", model_info: {mode: embedding}"), "edge-mode", 2, "spec.contract.api: chat"),
        (text(params=", weight: '9'"), "edge-weight", 2, "weight"),
        (text(info=", model_info: {blocked: true}"), "edge-blocked", 2, "blocked"),
        (text().replace("hosted_vllm/q", "ollama/q"), "edge-provider", 2, "ollama"),
        (
            text().replace("bedrock/claude", "hosted_vllm/q, api_base: os.environ/B"),
            "edge-address-unknown",
            3,
            "os.environ/B",
        ),
        (text().replace("bedrock/claude", "hosted_vllm/q"), "edge-address-unknown", 3, "HOSTED_VLLM_API_BASE"),
        (text(more="litellm_settings: {model_alias_map: {hosted_vllm/q: z}}\n"), "edge-renamed", 5, "hosted_vllm/q"),
        (
            text().replace("chat, litellm_params: {model: bedrock", "other, params: {model: bedrock"),
            "edge-config-broken",
            3,
            "start",
        ),
    ],
)
def test_it_refuses(config: str, code: str, line: int, word: str) -> None:
    refusing = [one for one in found(config) if one.level == "refuse"]
    assert [(one.code, one.place) for one in refusing] == [(code, f"c:{line}")]
    assert word in refusing[0].sentence
    assert refusing[0].action


@pytest.mark.parametrize(
    ("config", "code", "line", "word"),
    [
        (text().replace(CLOUD, ""), "edge-no-cover", 2, "one member"),
        (text().replace("allowed_fails: 0", "allowed_fails: 3"), "edge-cooldown", 4, "allowed_fails"),
        (text().replace(", cooldown_time: 30", ""), "edge-cooldown", 4, "cooldown_time"),
        (text(router=", disable_cooldowns: true"), "edge-cooldown", 4, "disable_cooldowns"),
        (
            text(more="general_settings: {store_model_in_db: yes}\n"),
            "edge-database",
            5,
            "members that are not in this file",
        ),
        (text(more="include: [more.yaml]\n"), "edge-include", 5, "entries of the alias"),
        (text(more="litellm_settings: {cache: true}\n"), "edge-cache", 5, "past it"),
        (text(router=", optional_pre_call_checks: [prompt_caching]"), "edge-affinity", 4, "prompt"),
        (text(router=", optional_pre_call_checks: [enforce_model_rate_limits]"), "edge-limits", 4, "over its limit"),
        (text(router=", provider_budget_config: {openai: {budget_limit: 1}}"), "edge-limits", 4, "budget"),
        (text(params=", rpm: 5, max_parallel_requests: 2"), "edge-limits", 2, "rpm, max_parallel_requests"),
        (text().replace("api_key: k", "api_key: not-needed"), "edge-key-dummy", 2, "placeholder"),
        (text().replace("8000/v1", "8000"), "edge-no-version", 2, "404"),
        (
            text(router=", model_group_alias: {chat: big}")
            .replace("- {model_name: chat", "- {model_name: big", 1)
            .replace(CLOUD, CLOUD + CLOUD.replace("chat", "big")),
            "edge-shadowed",
            3,
            "never asks",
        ),
        ("model_list: []\n" + QUIET + "}\n", "edge-alias-missing", 1, "no entry"),
    ],
)
def test_it_is_told(config: str, code: str, line: int, word: str) -> None:
    told = found(config)
    assert [(one.code, one.place, one.level) for one in told] == [(code, f"c:{line}", "warn")]
    assert word in told[0].sentence


def test_fails_that_are_allowed_in_litellm_settings_count_too() -> None:
    assert not found(text().replace("allowed_fails: 0, ", "") + "litellm_settings: {allowed_fails: 0}\n")


def test_the_strategy_under_general_settings_is_not_read() -> None:
    assert not found(text(more="general_settings: {routing_strategy: least-busy}\n"))


def test_a_pattern_with_several_members_has_no_cooldown() -> None:
    config = text().replace("model_name: chat", 'model_name: "q-*"')
    told = obstacles(ConfigText(config, "c"), Terms("q-*", "qwen", TERMS.endpoints))
    assert [one.code for one in told] == ["edge-no-cooldown"]


def test_those_that_refuse_come_first() -> None:
    levels = [one.level for one in found(text(params=", rpm: 5, order: 1", more="litellm_settings: {cache: true}\n"))]
    assert levels == ["refuse", "warn", "warn"]
