"""Configurations reduced from public reports (``tests/field``): read, edited, refused as LiteLLM takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import yaml

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_loaded import loaded
from pointsman.edge.litellm_obstacles import obstacles
from pointsman.edge.litellm_reach import reaching
from pointsman.errors import RefusedError
from tests.edge.conftest import Ask, LiteLLM

FIELD = Path(__file__).parent.parent / "field"
RAW = "http://qwen.serving.svc.cluster.local:8000/v1"
KSERVE = "http://qwen-predictor.kserve.svc.cluster.local/v1"


@dataclass(frozen=True)
class Expected:
    """What is right for one input."""

    members: Mapping[str, float]
    """Weights by id."""
    refused: frozenset[str] = frozenset()
    """Codes that stop a move before it starts."""
    reached: tuple[str, ...] = ()
    """Other names by which tenants would lose the source's engine."""
    told: frozenset[str] = field(default=frozenset())
    """Codes that are said and stop nothing, beyond those that most inputs have."""


ALONE = {"qwen-raw-vllm": 100.0}
RIGHT = {
    "20-litellm-proxy-server-config": Expected(
        ALONE, frozenset({"edge-strategy"}), told=frozenset({"edge-database", "edge-limits"})
    ),
    "21-alias-is-model-group-alias": Expected({"chat#1": 1}),
    "23-bedrock-beside-vllm": Expected({"qwen-raw-vllm": 1, "chat#1": 1}, frozenset({"edge-order"})),
    "24-env-api-base": Expected({"chat#1": 1}, frozenset({"edge-address-unknown"})),
    "25-terraform-template": Expected({"deepseek-raw-vllm": 100}, told=frozenset({"edge-key-dummy", "edge-cache"})),
    "26-wildcard-claude-star": Expected(
        {"qwen36-raw-vllm": 100}, reached=("claude-*",), told=frozenset({"edge-key-dummy"})
    ),
    "28-duplicate-key": Expected(ALONE),
    "30-block-scalar-last": Expected(ALONE),
    "31-no-params": Expected(ALONE),
    "32-crlf": Expected(ALONE),
    "33-two-self-hosted-replicas": Expected({"qwen-raw-vllm": 1, "chat#1": 1}),
    "34-empty-list": Expected({}),
    "35-null-list": Expected({}),
    "36-json-config": Expected(ALONE),
    "37-docend": Expected({}),
    "38-credentials-team-tags": Expected(ALONE),
    "40-yaml11-words": Expected({"7": 8}),
    "41-float-weight": Expected({"qwen-raw-vllm": 0.9, "qwen-kserve": 0.1}),
    "42-embedding-mode": Expected(ALONE, frozenset({"edge-mode"}), told=frozenset({"edge-key-dummy"})),
    "44-fallbacks-least-busy": Expected(ALONE, frozenset({"edge-strategy"})),
    "45-two-aliases-of-one-model": Expected(ALONE, reached=("gpt-4o-mini", "qwen-*")),
    "47-vllm-provider-prefixes": Expected({}, frozenset({"edge-provider"})),
    "49-yaml11-numbers": Expected({"90": 8, "12e3": 10}),
    "50-flow-list-over-lines": Expected(ALONE),
    "51-blocked-no": Expected(ALONE),
    "52-tag-filtering": Expected(ALONE, frozenset({"edge-tags"})),
    "55-null-list-alone": Expected({}, told=frozenset({"edge-database"})),
    "56-helm-toyaml-order": Expected(ALONE),
}
COMMON = {"edge-cooldown", "edge-no-cover", "edge-alias-missing"}
"""Said of nearly every input."""


def read(name: str) -> tuple[str, Terms]:
    """An input and the terms that its first line says."""
    text = (FIELD / f"{name}.yaml").read_bytes().decode()
    said = dict(part.strip().split("=", 1) for part in text.splitlines()[0].removeprefix("#:").split(";"))
    endpoints = {"raw-vllm": said.get("raw", RAW), "kserve": KSERVE}
    return text, Terms(said["alias"], said.get("model", "qwen"), endpoints)


def split(aliases: Aliases) -> list[Member]:
    """Seven to three between raw and KServe, as a move would write it."""
    (group,) = aliases.groups
    there = {member.layer: member for member in aliases.members() if member.ours}
    served = next((member.served_name for member in there.values()), "qwen")
    wanted = []
    for layer, weight in (("raw-vllm", 7), ("kserve", 3)):
        new = Member(aliases.member_id(group, layer), layer, aliases.terms.endpoints[layer], served, 0, group)
        wanted.append(replace(there.get(layer, new), weight=weight))
    return wanted


def test_every_input_has_an_outcome() -> None:
    assert {path.stem for path in FIELD.glob("[2-5]*.yaml")} == set(RIGHT)


@pytest.mark.parametrize("name", RIGHT)
def test_it_is_read_and_judged_as_litellm_takes_it(name: str) -> None:
    text, terms = read(name)
    config, right = ConfigText(text, "c"), RIGHT[name]
    found = obstacles(config, terms)
    assert {one.code for one in found if one.level == "refuse"} == right.refused
    assert {one.code for one in found if one.level == "warn"} - COMMON == right.told
    lost = [one.name for one in reaching(config, terms, [terms.endpoints["raw-vllm"]]) if not one.harmless]
    assert tuple(lost) == right.reached
    if "edge-provider" not in right.refused:
        assert {member.id: member.weight for member in Aliases(config, terms).members()} == right.members


@pytest.mark.parametrize("name", [name for name in RIGHT if name != "47-vllm-provider-prefixes"])
def test_an_edit_keeps_every_byte_that_is_not_ours(name: str) -> None:
    text, terms = read(name)
    config = ConfigText(text, "c")
    before = Aliases(config, terms)
    after = ConfigText(before.write(split(before)), "c")
    ours = {line for entry in config.entries(before.groups[0]) for line in lines_of(config, entry.index)}
    if not config.items:
        ours |= {line for line in text.splitlines(True) if line.startswith("model_list:")}
    left = iter(after.text.splitlines(True))
    assert all(line in left for line in text.splitlines(True) if line not in ours)
    assert ("\r\n" in text) is ("\n" not in after.text.replace("\r\n", ""))
    others = [member for member in before.members() if not member.ours]
    assert Aliases(after, terms).members() == tuple(sorted_as(after, [*split(before), *others], terms))
    assert Aliases(after, terms).write(split(before)) == after.text


@pytest.mark.parametrize("name", [name for name in RIGHT if name != "47-vllm-provider-prefixes"])
def test_an_edit_changes_what_it_means_and_nothing_else(name: str) -> None:
    text, terms = read(name)
    aliases = Aliases(ConfigText(text, "c"), terms)
    old, new = yaml.safe_load(text), yaml.safe_load(aliases.write(split(aliases)))
    theirs = (
        [item for item in old.pop("model_list") or [] if item["model_name"] != aliases.groups[0]]
        if "model_list" in old
        else []
    )
    assert [item for item in new.pop("model_list") if item["model_name"] != aliases.groups[0]] == theirs
    assert old == new


@pytest.mark.parametrize("name", [name for name, right in RIGHT.items() if right.members and not right.refused])
def test_shares_are_what_the_router_does_before_and_after(litellm: LiteLLM, name: str) -> None:
    text, terms = read(name)
    aliases = Aliases(ConfigText(text, "c"), terms)
    for version in (text, aliases.write(split(aliases))):
        now = Aliases(ConfigText(version, "c"), terms)
        told = litellm.ask(version, [Ask(terms.alias, 200)])
        members, names = loaded(now, told.rows)
        assert members == now.members()
        total = sum(member.weight for member in members)
        counted = {names[id_]: count for id_, count in told.picked[0].items()}
        for member in members:
            assert counted.get(member.id, 0) == pytest.approx(200 * member.weight / total, abs=25)


def test_a_provider_that_is_not_known_is_refused_without_advice_that_breaks_it() -> None:
    text, terms = read("47-vllm-provider-prefixes")
    with pytest.raises(RefusedError) as refused:
        Aliases(ConfigText(text, "c"), terms).members()
    assert "provider vllm" in refused.value.what
    assert "openai/vllm" not in refused.value.next_action


def lines_of(config: ConfigText, index: int) -> list[str]:
    node = config.items[index]
    text = config.body.splitlines(True)
    return text[node.start_mark.line : node.end_mark.line + 1]


def sorted_as(config: ConfigText, members: list[Member], terms: Terms) -> list[Member]:
    order = [member.id for member in Aliases(config, terms).members()]
    return sorted(members, key=lambda member: order.index(member.id))
