"""Everything by which a tenant reaches an engine is known before the engine goes."""

from __future__ import annotations

import pytest

from pointsman.edge.config_text import ConfigText
from pointsman.edge.litellm_alias import Terms
from pointsman.edge.litellm_reach import reaching

RAW = "http://qwen.serving.svc.cluster.local:8000/v1"
TERMS = Terms("chat", "qwen", {"raw-vllm": RAW, "kserve": "http://k.kserve/v1"}, aliases=("mine",))
CHAT = f'- {{model_name: chat, litellm_params: {{model: hosted_vllm/q, api_base: "{RAW}"}}}}'
OTHER = "- {model_name: gpt, litellm_params: {model: openai/gpt}}"
TWIN = '- {model_name: twin, litellm_params: {model: hosted_vllm/q, api_base: "http://qwen.serving:8000"}}'


def found(*lines: str) -> list[tuple[str, str, str, bool, bool]]:
    config = ConfigText("\n".join(["model_list:", CHAT, OTHER, *lines]) + "\n", "config.yaml")
    return [
        (one.name, one.how, one.place.removeprefix("config.yaml:"), one.harmless, one.certain)
        for one in reaching(config, TERMS, [RAW])
    ]


@pytest.mark.parametrize(
    ("lines", "right"),
    [
        ([], []),
        ([TWIN], [("twin", "its entry", "4", False, True)]),
        ([TWIN.replace("twin", '"q-*"')], [("q-*", "its entries", "4", False, True)]),
        ([TWIN.replace("api_base", "base_url")], [("twin", "its entry", "4", False, True)]),
        ([TWIN.replace("qwen.serving", "qwen-b.serving")], []),
        ([TWIN.replace("8000", "8001")], []),
        (
            [TWIN.replace("http://qwen.serving:8000", "os.environ/BASE")],
            [("twin", "its entry, whose address is os.environ/BASE", "4", False, False)],
        ),
        (
            ["- {model_name: bare, litellm_params: {model: hosted_vllm/q}}"],
            [("bare", "its entry, whose address is os.environ/HOSTED_VLLM_API_BASE", "4", False, False)],
        ),
        (
            [
                "- {model_name: twin, litellm_params: {model: hosted_vllm/q, litellm_credential_name: v}}",
                f'credential_list: [{{credential_name: v, credential_values: {{api_base: "{RAW}"}}}}]',
            ],
            [("twin", "its entry, by credential v", "4", False, True)],
        ),
        (
            ["router_settings:", "  model_group_alias:", "    small: chat", "    big: gpt"],
            [("small", "follows chat", "6", True, True)],
        ),
        (
            [TWIN, "router_settings: {model_group_alias: {small: {model: twin, hidden: true}, mine: chat}}"],
            [("twin", "its entry", "4", False, True), ("small", "follows twin", "5", False, True)],
        ),
        (
            ["router_settings: {fallbacks: [{gpt: [chat]}], default_fallbacks: [mine]}"],
            [
                ("gpt", "falls back to chat", "4", True, True),
                ("default_fallbacks", "falls back to mine", "4", True, True),
            ],
        ),
        (
            [
                TWIN,
                "litellm_settings:",
                "  context_window_fallbacks: [{gpt: [twin]}]",
                "  default_fallbacks: [chat, twin]",
            ],
            [
                ("twin", "its entry", "4", False, True),
                ("gpt", "falls back to twin", "6", False, True),
                ("default_fallbacks", "falls back to chat", "7", True, True),
                ("default_fallbacks", "falls back to twin", "7", False, True),
            ],
        ),
        (
            [TWIN, "router_settings: {content_policy_fallbacks: [{gpt: [{model: twin}]}]}"],
            [("twin", "its entry", "4", False, True), ("gpt", "falls back to twin", "5", False, True)],
        ),
        (
            [TWIN, "router_settings: {routing_groups: [{group_name: all, models: [gpt, twin]}]}"],
            [("twin", "its entry", "4", False, True), ("all", "spreads over twin", "5", False, True)],
        ),
        (
            ["general_settings:", "  pass_through_endpoints:", f"  - {{path: /raw, target: {RAW}/completions}}"],
            [("/raw", f"passes through to {RAW}/completions", "5", False, True)],
        ),
        (
            ["general_settings: {pass_through_endpoints: [{path: /x, target: 'http://qwen.serving:8000'}]}"],
            [("/x", "passes through to http://qwen.serving:8000", "4", False, True)],
        ),
        (["general_settings: {pass_through_endpoints: [{path: /x, target: 'http://other:8000'}]}"], []),
    ],
)
def test_it_is_named_with_how_and_where(lines: list[str], right: list[tuple[str, str, str, bool, bool]]) -> None:
    assert found(*lines) == right


def test_the_entries_behind_an_alias_that_moves_answer_to_their_own_name_too() -> None:
    text = "\n".join(["model_list:", CHAT, "router_settings: {model_group_alias: {front: chat}}"])
    terms = Terms("front", "qwen", TERMS.endpoints)
    (one,) = reaching(ConfigText(text, "c"), terms, [RAW])
    assert (one.name, one.harmless, one.place) == ("chat", True, "c:2")


def test_a_name_inside_a_gateways_path_is_told_apart_from_its_neighbours() -> None:
    gateway = "http://gateway/ns/qwen/v1"
    text = (
        "general_settings: {pass_through_endpoints: [{path: /a, target: 'http://gateway/ns/qwen-2/v1'},"
        " {path: /b, target: 'http://gateway/ns'}]}"
    )
    assert [one.name for one in reaching(ConfigText(text, "c"), TERMS, [gateway])] == ["/b"]
