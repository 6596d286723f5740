"""Whatever people wrote, an edit changes our values and nothing else, and reads back as what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.edge.config_spans import end_of
from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_reach import reaching

ENDPOINTS = {"raw": "http://raw:8000/v1", "kserve": "http://k.k/v1", "llm-d": "http://gateway/n/x/v1"}
TERMS = Terms("chat", "m", ENDPOINTS, aliases=("mini", "q-*"))
NAMES = ("chat", "mini", "q-*", "other", "gpt")
BASES = (*ENDPOINTS.values(), "http://cloud/v1", "os.environ/BASE")

words = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
values: st.SearchStrategy[Any] = words | st.integers() | st.booleans() | st.none() | st.floats() | st.dates()
extras = st.dictionaries(
    st.sampled_from(["timeout", "stream", "tags", "x y", "note"]), values | st.lists(values, max_size=2), max_size=2
)
weights = st.none() | st.integers(0, 100) | st.floats(0, 1, allow_nan=False)


@dataclass(frozen=True)
class Item:
    """One entry, and how it is written."""

    data: dict[str, Any]
    flow: bool
    comment: bool
    alone: bool
    """Its dash stands on a line of its own."""

    def text(self) -> str:
        note = "  # - a note: {of theirs}\n" if self.comment else "\n"
        if self.flow:
            return f"- {dumped(self.data, flow=True)}{note}"
        first, *rest = dumped(self.data, flow=False).splitlines()
        dash = f"-{note}  {first}\n" if self.alone else f"- {first}\n"
        return dash + "".join(f"  {line}\n" for line in rest)


def dumped(data: object, *, flow: bool) -> str:
    text = yaml.safe_dump(data, default_flow_style=flow, sort_keys=False, allow_unicode=True, width=10**6)
    return str(text).strip("\n")


@st.composite
def items(draw: st.DrawFn) -> Item:
    name = draw(st.sampled_from(NAMES))
    params: dict[str, Any] = {"model": draw(st.sampled_from(["openai/q", "hosted_vllm/q"]))}
    params |= draw(extras)
    params["api_base"] = draw(st.sampled_from(BASES))
    weight = draw(weights)
    if weight is not None:
        params["weight"] = weight
    data: dict[str, Any] = {"litellm_params": params, "model_name": name}
    if draw(st.booleans()):
        data["model_info"] = draw(extras)
    if draw(st.booleans()):
        data = dict(reversed(data.items()))
    return Item(data, draw(st.booleans()), draw(st.booleans()), draw(st.booleans()))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A configuration with at most one entry of ours for each alias and layer."""
    seen: set[tuple[str, str]] = set()
    made = []
    for item in draw(st.lists(items(), max_size=6)):
        at = (item.data["model_name"], item.data["litellm_params"]["api_base"])
        if at not in seen:
            seen.add(at)
            made.append(item.text())
    listed = "model_list:\n" + "".join(made) if made else "model_list: []\n"
    before, after = draw(
        st.sampled_from([("", ""), ("# first\n\n", "\n\n# last\n"), ("a: {b: 1}\n", "c: |+\n  d\n\n")])
    )
    text = before + listed + after
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return text.rstrip("\r\n") if draw(st.booleans()) and not after else text


@st.composite
def wishes(draw: st.DrawFn) -> list[tuple[str, str, float]]:
    """Group, layer and weight of members to declare."""
    return [
        (group, layer, draw(st.integers(1, 100) | st.floats(0.001, 10)))
        for group in ("chat", "mini", "q-*")
        for layer in draw(st.lists(st.sampled_from(sorted(ENDPOINTS)), min_size=1, max_size=3, unique=True))
    ]


def wanted(aliases: Aliases, asked: Sequence[tuple[str, str, float]]) -> list[Member]:
    there = {(member.alias, member.layer): member for member in aliases.members() if member.ours}
    found = []
    for group, layer, weight in asked:
        new = Member(aliases.member_id(group, layer), layer, ENDPOINTS[layer], "q", weight, group)
        found.append(replace(there.get((group, layer), new), weight=weight))
    return found


def theirs(data: dict[str, Any]) -> list[Any]:
    """What is not ours of it, without the one value we may write into an entry of others."""
    left = []
    for item in data.get("model_list") or []:
        ours = item["model_name"] in ("chat", "mini", "q-*")
        if not ours:
            left.append(item)
        elif item["litellm_params"]["api_base"] not in ENDPOINTS.values():
            params = {key: value for key, value in item["litellm_params"].items() if key != "weight"}
            left.append({**item, "litellm_params": params})
    return [*left, {key: value for key, value in data.items() if key != "model_list"}]


def foreign(config: ConfigText) -> list[str]:
    """The text of each entry of other names."""
    return [
        config.body[config.items[entry.index].start_mark.index : end_of(config.items[entry.index])]
        for entry in config.all_entries
        if entry.name in ("other", "gpt")
    ]


@settings(max_examples=60, deadline=None)
@given(texts(), wishes(), wishes())
def test_an_edit_is_what_was_asked_and_nothing_else(
    text: str, first: list[tuple[str, str, float]], second: list[tuple[str, str, float]]
) -> None:
    for asked in (first, second):
        aliases = Aliases(ConfigText(text, "c"), TERMS)
        members = wanted(aliases, asked)
        others = [member for member in aliases.members() if not member.ours]
        written = aliases.write(members)
        after = Aliases(ConfigText(written, "c"), TERMS)
        assert {member for member in after.members() if member.ours} == set(members)
        assert [member for member in after.members() if not member.ours] == others
        assert repr(theirs(yaml.safe_load(written))) == repr(theirs(yaml.safe_load(text)))
        assert after.write(members) == written
        assert all(part in written for part in foreign(aliases.config))
        reaching(after.config, TERMS, list(ENDPOINTS.values()))
        text = written
    left = yaml.safe_load(Aliases(ConfigText(text, "c"), TERMS).remove())
    assert repr(theirs(left)) == repr(theirs(yaml.safe_load(text)))
