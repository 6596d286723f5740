"""What is said of LiteLLM's routing, held against the installed LiteLLM."""

from __future__ import annotations

import pytest

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_loaded import loaded
from pointsman.edge.litellm_obstacles import obstacles
from tests.edge.conftest import Ask, LiteLLM

RAW = "http://raw.serving.svc.cluster.local:8000/v1"
KSERVE = "http://qwen-predictor.kserve.svc.cluster.local/v1"
TERMS = Terms("chat", "qwen", {"raw-vllm": RAW, "kserve": KSERVE})
CHAT = [Ask("chat")]


def two(first: str = "", second: str = "", settings: str = "") -> str:
    ours = item("chat", "openai/q", RAW, first, "a") + item("chat", "openai/q", KSERVE, second, "b")
    return f"model_list:\n{ours}router_settings: {{{settings}}}\n"


def item(name: str, model: str, base: str, more: str = "", id_: str = "") -> str:
    params = f'{{model: "{model}", api_base: "{base}", api_key: k{more}}}'
    info = f", model_info: {{id: {id_}}}" if id_ else ""
    return f'- {{model_name: "{name}", litellm_params: {params}{info}}}\n'


def codes(text: str, level: str = "refuse") -> set[str]:
    return {one.code for one in obstacles(ConfigText(text, "c"), TERMS) if one.level == level}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (", weight: 10", ", weight: 90"),
        (", weight: 0.9", ", weight: 0.1"),
        (", weight: 0", ", weight: 100"),
        (", weight: 010", ", weight: 10"),
        (", weight: true", ", weight: 3"),
        ("", ", weight: 5"),
        (", weight: null", ", weight: 4"),
        (", rpm: 480", ", rpm: 20"),
        (", rpm: '100'", ", rpm: 300"),
        (", rpm: 10", ", tpm: 30"),
        (", weight: 0", ", weight: 0, rpm: 3"),
        (", weight: 0", ", weight: 0"),
        ("", ""),
        (", order: 1", ", order: 1, weight: 2"),
    ],
)
def test_shares_are_read_as_the_router_takes_them(litellm: LiteLLM, first: str, second: str) -> None:
    text = two(first, second)
    (picked,) = litellm.ask(text, CHAT).picked
    members = Aliases(ConfigText(text, "c"), TERMS).members()
    total = sum(member.weight for member in members)
    for member in members:
        assert picked.get(member.id, 0) == pytest.approx(200 * member.weight / total, abs=20)
        assert (member.id in picked) is (member.weight > 0)
    assert not codes(text)


@pytest.mark.parametrize("weight", ["'90'", "-1", ".inf", "many", "[1]"])
def test_a_weight_that_is_no_number_from_0_on_is_refused_for_the_router_makes_nonsense_of_it(
    litellm: LiteLLM, weight: str
) -> None:
    text = two(f", weight: {weight}", ", weight: 1")
    (picked,) = litellm.ask(text, CHAT).picked
    assert any("Error" in name for name in picked) or picked["a"] > 60
    assert codes(text) == {"edge-weight"}


@pytest.mark.parametrize(
    ("strategy", "least"),
    [
        ("least-busy", 200),
        ("latency-based-routing", 60),
        ("usage-based-routing-v2", 60),
        ("cost-based-routing", 200),
        ("lar1", 200),
    ],
)
def test_other_strategies_send_requests_to_a_member_of_weight_0(litellm: LiteLLM, strategy: str, least: int) -> None:
    text = two(", weight: 0", ", weight: 100", f"routing_strategy: {strategy}")
    (picked,) = litellm.ask(text, CHAT).picked
    assert picked["a"] >= least
    assert codes(text) == {"edge-strategy"}


def test_a_strategy_of_a_routing_group_counts_for_its_members_only(litellm: LiteLLM) -> None:
    grouped = "routing_groups: [{group_name: g, models: [%s], routing_strategy: least-busy}]"
    ours = two(", weight: 0", ", weight: 100", grouped % "chat")
    assert litellm.ask(ours, CHAT).picked == [{"a": 200}]
    assert codes(ours) == {"edge-strategy"}
    others = two(", weight: 0", ", weight: 100", grouped % "other")
    assert litellm.ask(others, CHAT).picked == [{"b": 200}]
    assert not codes(others)


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [(", weight: 1, order: 1", ", weight: 99, order: 2", "a"), (", weight: 99", ", weight: 1, order: 3", "b")],
)
def test_a_lower_order_takes_all(litellm: LiteLLM, first: str, second: str, winner: str) -> None:
    text = two(first, second)
    assert litellm.ask(text, CHAT).picked == [{winner: 200}]
    assert codes(text) == {"edge-order"}


def test_tag_filtering_refuses_marked_requests_and_puts_tags_before_weights(litellm: LiteLLM) -> None:
    text = two(", weight: 10, tags: [paid]", ", weight: 90", "enable_tag_filtering: true")
    marked = Ask("chat", extra={"metadata": {"tags": ["pointsman-probe"]}})
    paid = Ask("chat", extra={"metadata": {"tags": ["paid"]}})
    refused, tagged = litellm.ask(text, [marked, paid]).picked
    assert sum(refused.values()) == 200
    assert not {"a", "b"} & set(refused)
    assert tagged == {"a": 200}
    assert codes(text) == {"edge-tags"}


@pytest.mark.parametrize("check", ["deployment_affinity", "session_affinity"])
def test_affinity_keeps_a_tenant_where_it_was(litellm: LiteLLM, check: str) -> None:
    text = two(", weight: 1", ", weight: 1", f"optional_pre_call_checks: [{check}]")
    tenant = {"metadata": {"user_api_key_hash": "one", "session_id": "s"}, "litellm_session_id": "s"}
    told = litellm.ask(
        text.replace(RAW, "ENGINE_A/v1").replace(KSERVE, "ENGINE_B/v1"), complete=[Ask("chat", 20, tenant)]
    )
    assert sorted(map(len, told.asked.values())) == [0, 20]
    assert codes(text) == {"edge-affinity"}


@pytest.mark.parametrize(
    ("word", "out"), [("no", False), ("off", False), ("null", False), ("yes", True), ("'true'", True)]
)
def test_an_entry_is_blocked_when_the_router_leaves_it_out(litellm: LiteLLM, word: str, out: bool) -> None:
    text = two().replace("id: a", f"id: a, blocked: {word}")
    (picked,) = litellm.ask(text, CHAT).picked
    assert ("a" not in picked) is out
    assert codes(text) == ({"edge-blocked"} if out else set())


CLOUD = "http://cloud/v1"
NAMES = f"""
model_list:
{item("qwen-*", "hosted_vllm/*", RAW, id_="pattern")}
{item("*", "openai/*", CLOUD, id_="star")}
{item("qwen-x*", "openai/e", CLOUD, id_="longer")}
{item("chat", "openai/q", RAW, id_="chat")}
{item("mine", "openai/q", CLOUD, id_="mine")}
router_settings:
  model_group_alias: {{mine: chat, twice: mine, deep: {{model: qwen-7, hidden: true}}, broken: {{hidden: true}}}}
"""


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("chat", "chat"),
        ("mine", "chat"),
        ("twice", "mine"),
        ("deep", "pattern"),
        ("qwen-7", "pattern"),
        ("qwen-x1", "longer"),
        ("other", "star"),
        ("broken", "star"),
    ],
)
def test_a_name_is_answered_by_the_group_that_the_router_finds(litellm: LiteLLM, name: str, id_: str) -> None:
    config = ConfigText(NAMES, "c")
    assert litellm.ask(NAMES, [Ask(name, 5)]).picked == [{id_: 5}]
    group = Aliases(config, Terms(name, "qwen", {"raw-vllm": RAW})).group(name)
    answering = [entry.section("model_info")["id"] for entry in config.entries(group)]
    ours = id_ in ("chat", "pattern", "mine")
    assert (answering == [id_]) is ours


def test_the_name_of_a_probe_reaches_its_pattern_and_a_name_the_engine_knows(litellm: LiteLLM) -> None:
    aliases = Aliases(ConfigText(NAMES, "c"), Terms("chat", "qwen", {"raw-vllm": RAW}, aliases=("qwen-*",)))
    name = aliases.probe_name("qwen-*")
    told = litellm.ask(NAMES.replace(RAW, "ENGINE_A/v1"), [Ask(name, 5)], complete=[Ask(name, 1)])
    assert told.picked == [{"pattern": 5}]
    assert told.asked["ENGINE_A"] == ["q"]


ADDRESSES = """
credential_list: [{credential_name: vllm, credential_values: {api_key: k, api_base: "ENGINE_A/v1"}}]
model_list:
- {model_name: chat, litellm_params: {%s, api_key: k}}
"""


@pytest.mark.parametrize(
    ("params", "engine", "model"),
    [
        ('model: openai/q, api_base: "ENGINE_A/v1"', "ENGINE_A", "q"),
        ('model: q, custom_llm_provider: openai, base_url: "ENGINE_A/v1"', "ENGINE_A", "q"),
        ('model: openai/q, base_url: "ENGINE_A/v1", api_base: "ENGINE_B/v1"', "ENGINE_A", "q"),
        ("model: hosted_vllm/q, litellm_credential_name: vllm", "ENGINE_A", "q"),
        ('model: hosted_vllm/q, litellm_credential_name: vllm, api_base: "ENGINE_B/v1"', "ENGINE_B", "q"),
        ('model: openai/x/q, custom_llm_provider: openai, base_url: "ENGINE_A/v1"', "ENGINE_A", "x/q"),
        ('model: hosted_vllm/q, custom_llm_provider: openai, base_url: "ENGINE_A/v1"', "ENGINE_A", "hosted_vllm/q"),
        ('model: litellm_proxy/q, api_base: "ENGINE_A/v1"', "ENGINE_A", "q"),
        ('model: custom_openai/q, api_base: "ENGINE_A/v1"', "ENGINE_A", "q"),
    ],
)
def test_an_entry_leads_where_litellm_sends_its_requests(
    litellm: LiteLLM, params: str, engine: str, model: str
) -> None:
    text = ADDRESSES % params
    told = litellm.ask(text, complete=[Ask("chat", 1)])
    assert told.failed == [""]
    assert told.asked[engine] == [model]
    terms = Terms("chat", "qwen", {"a": "http://A/v1", "b": "http://B/v1"})
    (member,) = Aliases(ConfigText(text.replace("ENGINE_", "http://"), "c"), terms).members()
    assert (member.layer, member.served_name) == ("a" if engine == "ENGINE_A" else "b", model)


@pytest.mark.parametrize("provider", ["vllm", "openai_like"])
def test_a_provider_that_asks_no_address_is_refused(litellm: LiteLLM, provider: str) -> None:
    text = ADDRESSES % f'model: {provider}/q, api_base: "ENGINE_A/v1"'
    told = litellm.ask(text, complete=[Ask("chat", 1)])
    assert told.failed != [""]
    assert told.asked == {"ENGINE_A": [], "ENGINE_B": []}
    terms = Terms("chat", "qwen", {"a": "http://A/v1"})
    found = obstacles(ConfigText(text.replace("ENGINE_", "http://"), "c"), terms)
    assert "edge-provider" in {one.code for one in found}


def test_what_is_loaded_is_read_as_what_is_declared(litellm: LiteLLM) -> None:
    cloud = item("chat", "openai/gpt", "os.environ/HOME", ", weight: 3")
    text = two(", weight: 1", ", weight: 2").replace("router_settings", cloud + "router_settings")
    told = litellm.ask(text, CHAT)
    aliases = Aliases(ConfigText(text, "c"), TERMS)
    members, names = loaded(aliases, told.rows)
    assert members == aliases.members()
    assert [member.id for member in members] == ["a", "b", "chat#1"]
    counted = {names[id_]: count for id_, count in told.picked[0].items()}
    assert counted["chat#1"] == pytest.approx(100, abs=20)


def test_an_id_nobody_pinned_is_attributed(litellm: LiteLLM) -> None:
    text = two(", weight: 1", ", weight: 3").replace(", model_info: {id: a}", "").replace(", model_info: {id: b}", "")
    told = litellm.ask(text, CHAT)
    aliases = Aliases(ConfigText(text, "c"), TERMS)
    members, names = loaded(aliases, told.rows)
    assert members == aliases.members()
    counted = {names[id_]: count for id_, count in told.picked[0].items()}
    assert counted["qwen-kserve"] == pytest.approx(150, abs=20)


def test_a_wildcard_that_is_listed_model_by_model_is_one_member(litellm: LiteLLM) -> None:
    config = ConfigText(NAMES, "c")
    for alias in ("*", "qwen-*"):
        aliases = Aliases(config, Terms(alias, "qwen", {"raw-vllm": RAW}))
        members, names = loaded(aliases, litellm.ask(NAMES).rows)
        assert members == aliases.members()
        assert list(names) == [member.id for member in members]


def test_what_was_written_is_what_the_router_does(litellm: LiteLLM) -> None:
    ours, cloud = item("chat", "openai/q", RAW, ", rpm: 80"), item("chat", "openai/gpt", CLOUD, ", rpm: 20")
    text = f"model_list:\n{ours}{cloud}"
    source, other = Aliases(ConfigText(text, "c"), TERMS).members()
    assert (source.weight, other.weight) == (80, 20)
    target = Member("qwen-kserve", "kserve", KSERVE, "q", 40, "chat")
    after = Aliases(ConfigText(text, "c"), TERMS).write([_with(source, 40), target])
    told = litellm.ask(after, CHAT)
    _, names = loaded(Aliases(ConfigText(after, "c"), TERMS), told.rows)
    counted = {names[id_]: count for id_, count in told.picked[0].items()}
    assert counted == {
        "qwen-raw-vllm": pytest.approx(80, abs=20),
        "qwen-kserve": pytest.approx(80, abs=20),
        "chat#1": pytest.approx(40, abs=20),
    }


def _with(member: Member, weight: float) -> Member:
    return Member(member.id, member.layer, member.base_url, member.served_name, weight, member.alias)
