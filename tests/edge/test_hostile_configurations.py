"""Whatever the bytes: a code, a place, one sentence, and no time."""

from __future__ import annotations

import sys
import time
from types import FrameType

import pytest
import yaml

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_obstacles import obstacles
from pointsman.edge.litellm_reach import reaching
from pointsman.errors import RefusedError

RAW = "http://raw:8000/v1"
TERMS = Terms("chat", "m", {"raw": RAW})
LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
MERGES = "a0: &a0 {k: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 9))
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 3000))

HOSTILE = {
    "brackets": ("[" * 100_000, "edge-config-bounds"),
    "braces": ("a: " + "{a: " * 50_000, "edge-config-bounds"),
    "dashes": ("- " * 100_000 + "a", "edge-config-bounds"),
    "questions": ("? " * 100_000 + "a", "edge-config-bounds"),
    "stairs": ("\n".join(" " * n + "a:" for n in range(500)), "edge-config-bounds"),
    "seventy levels": ("a: " + "[" * 70 + "]" * 70, "edge-config-bounds"),
    "laughs": (LAUGHS, "edge-config-bounds"),
    "merges": (MERGES, "edge-config-bounds"),
    "chain": (CHAIN, "edge-config-bounds"),
    "itself": ("a: &a [*a]", "edge-config-bounds"),
    "itself in itself": ("a: &a {b: {c: *a}}", "edge-config-bounds"),
    "long": ("a: " + "x" * 1_100_000, "edge-config-bounds"),
    "many": ("a: [" + "1," * 400_000 + "1]", "edge-config-bounds"),
    "a sexagesimal number": ("a: 1" + ":59" * 100_000, "edge-config-bounds"),
    "a long number": ("a: " + "9" * 5000, "edge-config-bounds"),
    "no bool": ("b: 1\na: !!bool maybe", "edge-config-yaml"),
    "no int": ('a: !!int ""', "edge-config-yaml"),
    "no float": ('a: !!float ""', "edge-config-yaml"),
    "no time": ("a: !!timestamp never", "edge-config-yaml"),
    "no number of the year": ("a: 2024-02-31", "edge-config-yaml"),
    "python": ("a: !!python/object/apply:os.system [ls]", "edge-config-yaml"),
    "own tag": ("a: !vault secret", "edge-config-yaml"),
    "two documents": ("a: 1\n---\nb: 1", "edge-config-yaml"),
    "nothing known": ("a: *b", "edge-config-yaml"),
    "list as key": ("{[a]: b}", "edge-config-yaml"),
    "zero": ("a: \0", "edge-config-yaml"),
    "half a character": ("a: \ud800", "edge-config-yaml"),
    "tab": ("a:\t1", "edge-config-yaml"),
    "tab behind": ("a: 1\t# c", "edge-config-yaml"),
    "question mark": ("a: {url: http://x/?a=b}", "edge-config-yaml"),
    "text": ("just text", "edge-config-yaml"),
    "list": ("- a\n", "edge-config-yaml"),
    "model_list is a mapping": ("x: 1\nmodel_list: {a: 1}\n", "edge-config-shape"),
    "model_list is text": ("model_list: all\n", "edge-config-shape"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_it_is_refused_with_code_place_and_sentence_within_a_second(case: str) -> None:
    text, code = HOSTILE[case]
    begun = time.process_time()
    with pytest.raises(RefusedError) as refused:
        ConfigText(text, "config.yaml")
    assert time.process_time() - begun < 2
    error = refused.value
    assert error.code == code
    assert error.where.startswith("config.yaml")
    assert error.next_action
    assert "\n" not in error.what
    assert len(error.what) < 200


@pytest.mark.parametrize("case", ["no bool", "tab behind", "question mark", "model_list is a mapping"])
def test_the_line_is_named(case: str) -> None:
    text, _ = HOSTILE[case]
    with pytest.raises(RefusedError) as refused:
        ConfigText("# first\n" + text, "config.yaml")
    line = int(refused.value.where.rpartition(":")[2])
    assert line == (3 if case in ("no bool", "model_list is a mapping") else 2)


@pytest.mark.parametrize(
    "text",
    [
        "a: 'tab\tin quotes'\nb: |\n  block\ttab\n# comment\ttab\nc: 1 # comment\ttab\n",
        "a: {url: 'http://x/?a=b'}\nb: http://x/?a=b\n",
        "{general_settings:}\n",
        "a: [b:]\n",
        "a: {b:c}\n",
        "a: 1\n\ufeffb: 1\n",
        "# only a comment\n",
        "",
    ],
)
def test_what_litellms_reader_takes_is_taken(text: str) -> None:
    assert ConfigText(text, "c").data == (yaml.safe_load(text) or {})


ODD = [
    "model_list: [1, text, null, [], {}]\n",
    "model_list:\n- model_name: 7\n- model_name: [a]\n- litellm_params: {}\n",
    "model_list:\n- model_name: chat\n",
    "model_list:\n- {model_name: chat, litellm_params: text}\n",
    "model_list:\n- {model_name: chat, litellm_params: {model: [a], api_base: {b: c}}}\n",
    "model_list:\n- {model_name: chat, litellm_params: {model: openai/q, api_base: 'http://[::1/'}, model_info: a}\n",
    "model_list:\n- {model_name: chat, litellm_params: {model: openai/q, api_base: 'http://x:port/v1', order: [1]}}\n",
    "router_settings: [text]\nlitellm_settings: text\ngeneral_settings: 7\ncredential_list: {a: b}\n",
    "router_settings: {model_group_alias: [a], fallbacks: {a: b}, routing_groups: [1, {models: text}]}\n",
    "router_settings: {model_group_alias: {chat: chat, a: 7, 8: [b]}, optional_pre_call_checks: text}\n",
    "router_settings: {fallbacks: [text, {a: text}, {b: [{c: d}, 7]}], default_fallbacks: text}\n",
    "general_settings: {pass_through_endpoints: [text, {path: [a], target: 7}, {target: 'http://[/'}]}\n",
    "credential_list: [text, {credential_name: [a], credential_values: text}]\n",
    "model_list:\n- {model_name: '" + "*a" * 500 + "', litellm_params: {model: openai/q}}\n",
]


@pytest.mark.parametrize("text", ODD)
def test_settings_of_odd_types_are_no_crash(text: str) -> None:
    config = ConfigText(text, "c")
    for terms in (TERMS, Terms("a" * 200, "m", {"raw": RAW}, aliases=("chat", "*"))):
        found = obstacles(config, terms)
        reaching(config, terms, [RAW, "http://[::1", "no url"])
        if not [one for one in found if one.level == "refuse"]:
            written = Aliases(config, terms).write([Member("m-raw", "raw", RAW, "q", 1, terms.alias)])
            assert Aliases(ConfigText(written, "c"), terms).members()


def many(entries: int) -> str:
    return "model_list:\n" + "".join(
        f"- model_name: alias-{n}\n  litellm_params:\n    model: openai/q\n    api_base: http://e{n}:8000/v1\n"
        f"    api_key: k\n  model_info: {{id: e{n}}}\n"
        for n in range(entries)
    )


def test_work_grows_with_the_text_and_not_faster() -> None:
    """Counted in calls, so that it is the same on every machine."""
    few, more = calls(many(200)), calls(many(800))
    assert more < 4.5 * few


def calls(text: str) -> int:
    """Python calls that reading, judging and editing one alias make."""
    terms = Terms("alias-100", "m", {"raw": "http://e100:8000/v1", "kserve": "http://k/v1"})
    count = 0

    def counted(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        aliases = Aliases(ConfigText(text, "c"), terms)
        (member,) = aliases.members()
        obstacles(aliases.config, terms)
        reaching(aliases.config, terms, ["http://e100:8000/v1"])
        aliases.write([member, Member("m-kserve", "kserve", "http://k/v1", "q", 1, "alias-100")])
    finally:
        sys.setprofile(before)
    return count
