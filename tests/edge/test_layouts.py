"""Layouts that people write model_list in: each is edited in its own style, or refused with what to write."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Member
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_obstacles import obstacles
from pointsman.errors import RefusedError

RAW, KSERVE = "http://raw:8000/v1", "http://k.k/v1"
TERMS = Terms("chat", "m", {"raw": RAW, "kserve": KSERVE})
PARAMS = f"model: openai/q, api_base: '{RAW}', api_key: k"
TARGET = Member("m-kserve", "kserve", KSERVE, "q", 3, "chat")
SOURCE = Member("m-raw", "raw", RAW, "q", 7, "chat")

PRETTY = """{
  "model_list": [
    {
      "model_name": "chat",
      "litellm_params": {"model": "openai/q", "api_base": "http://raw:8000/v1"}
    },
    {"model_name": "other", "litellm_params": {"model": "x"}}
  ]
}
"""

EDITED = {
    "a dash on a line of its own": (
        f"model_list:\n  -\n    model_name: chat\n    litellm_params: {{{PARAMS}}}\n  - {{model_name: other}}\n",
        """\
model_list:
  -
    model_name: chat
    model_info: {id: m-raw}
    litellm_params: {model: openai/q, api_base: 'http://raw:8000/v1', weight: 7, api_key: k}
  -
    model_name: chat
    model_info: {id: m-kserve}
    litellm_params: {model: openai/q, api_base: 'http://k.k/v1', weight: 3, api_key: k}
  - {model_name: other}
""",
    ),
    "a dash, a comment with dashes, then the entry": (
        f"model_list:\n- # - the one - of tenants\n  model_name: chat\n  litellm_params: {{{PARAMS}}}\n",
        """\
model_list:
- # - the one - of tenants
  model_name: chat
  model_info: {id: m-raw}
  litellm_params: {model: openai/q, api_base: 'http://raw:8000/v1', weight: 7, api_key: k}
- # - the one - of tenants
  model_name: chat
  model_info: {id: m-kserve}
  litellm_params: {model: openai/q, api_base: 'http://k.k/v1', weight: 3, api_key: k}
""",
    ),
    "JSON over lines": (
        PRETTY,
        """{
  "model_list": [
    {
      "model_name": "chat", "model_info": {"id": "m-raw"},
      "litellm_params": {"model": "openai/q", "api_base": "http://raw:8000/v1", "weight": 7}
    },
    {
      "model_name": "chat", "model_info": {"id": "m-kserve"},
      "litellm_params": {"model": "openai/q", "api_base": "http://k.k/v1", "weight": 3}
    },
    {"model_name": "other", "litellm_params": {"model": "x"}}
  ]
}
""",
    ),
    "values from anchors, and a comment": (
        "key: &key sk\nw: &w 100\nmodel_list:\n- model_name: chat\n  litellm_params:\n    model: openai/q\n"
        f"    api_base: {RAW}\n    api_key: *key\n    weight: *w   # shared\n",
        f"""\
key: &key sk
w: &w 100
model_list:
- model_name: chat
  model_info: {{id: m-raw}}
  litellm_params:
    model: openai/q
    api_base: {RAW}
    api_key: *key
    weight: 7   # shared
- model_name: chat
  model_info: {{id: m-kserve}}
  litellm_params:
    model: openai/q
    api_base: {KSERVE}
    api_key: *key
    weight: 3   # shared
""",
    ),
    "a merge key": (
        f"base: &b {{api_base: '{RAW}', api_key: k}}\nmodel_list:\n- model_name: chat\n  litellm_params:\n"
        "    <<: *b\n    model: openai/q\n- {model_name: other, litellm_params: *b}\n",
        f"""\
base: &b {{api_base: '{RAW}', api_key: k}}
model_list:
- model_name: chat
  model_info: {{id: m-raw}}
  litellm_params:
    <<: *b
    model: openai/q
    weight: 7
- model_name: chat
  model_info: {{id: m-kserve}}
  litellm_params:
    <<: *b
    model: openai/q
    api_base: {KSERVE}
    weight: 3
- {{model_name: other, litellm_params: *b}}
""",
    ),
    "all params from an anchor": (
        f"base: &b {{{PARAMS}}}\nmodel_list:\n- model_name: chat\n  litellm_params: *b\n",
        f"""\
base: &b {{{PARAMS}}}
model_list:
- model_name: chat
  model_info: {{id: m-raw}}
  litellm_params: {{model: openai/q, api_base: {RAW}, api_key: k, weight: 7}}
- model_name: chat
  model_info: {{id: m-kserve}}
  litellm_params: {{model: openai/q, api_base: {KSERVE}, api_key: k, weight: 3}}
""",
    ),
    "an anchor that nobody uses": (
        f"model_list:\n- model_name: chat\n  litellm_params: &b {{{PARAMS}}}  # ours\n",
        f"""\
model_list:
- model_name: chat
  model_info: {{id: m-raw}}
  litellm_params: &b {{model: openai/q, api_base: '{RAW}', weight: 7, api_key: k}}  # ours
- model_name: chat
  litellm_params:
    model: openai/q
    api_base: {KSERVE}
    api_key: k
    weight: 3
  model_info:
    id: m-kserve
""",
    ),
    "empty sections, the byte order mark, other alphabets": (
        f"\ufeffmodel_list:\n- model_name: chat  # é😀\n  model_info:\n  litellm_params: {{{PARAMS}, weight: }}",
        f"""\
\ufeffmodel_list:
- model_name: chat  # é😀
  model_info: {{id: m-raw}}
  litellm_params: {{model: openai/q, api_base: '{RAW}', api_key: k, weight:  7}}
- model_name: chat  # é😀
  model_info: {{id: m-kserve}}
  litellm_params: {{model: openai/q, api_base: '{KSERVE}', api_key: k, weight:  3}}""",
    ),
    "a list in a list's place, indented": (
        "  settings: 1\n  model_list:\n",
        f"""\
  settings: 1
  model_list:
  - model_name: chat
    litellm_params:
      model: openai/q
      api_base: {RAW}
      weight: 7
      api_key: os.environ/UPSTREAM_API_KEY
    model_info:
      id: m-raw
  - model_name: chat
    litellm_params:
      model: openai/q
      api_base: {KSERVE}
      weight: 3
      api_key: os.environ/UPSTREAM_API_KEY
    model_info:
      id: m-kserve
""",
    ),
    "an empty list with a comment inside": (
        "model_list: [\n  # none yet\n]\n",
        f"model_list: [{{model_name: chat, litellm_params: {{model: openai/q, api_base: {RAW}, weight: 7, "
        "api_key: os.environ/UPSTREAM_API_KEY}, model_info: {id: m-raw}}, "
        f"{{model_name: chat, litellm_params: {{model: openai/q, api_base: {KSERVE}, weight: 3, "
        "api_key: os.environ/UPSTREAM_API_KEY}, model_info: {id: m-kserve}}\n  # none yet\n]\n",
    ),
}


@pytest.mark.parametrize("case", EDITED)
def test_it_is_edited_in_its_own_style(case: str) -> None:
    text, right = EDITED[case]
    aliases = Aliases(ConfigText(text, "c"), TERMS)
    found = [replace(member, weight=7) for member in aliases.members()] or [SOURCE]
    assert aliases.write([*found, TARGET]) == right


OTHER = "{model_name: other, litellm_params: {model: x}}"
ONE = f"{{model_name: chat, litellm_params: {{{PARAMS}}}}}"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"model_list: [{ONE}]\n", "model_list: []\n"),
        (f"model_list: [{ONE}, {OTHER}]\n", f"model_list: [{OTHER}]\n"),
        (f"model_list: [{OTHER}, {ONE}]\n", f"model_list: [{OTHER} ]\n"),
        (f"model_list: [{OTHER}, {ONE},]\n", f"model_list: [{OTHER}, ]\n"),
        (f"model_list: [\n  {ONE},\n  {OTHER},\n]\n", f"model_list: [\n  {OTHER},\n]\n"),
        (
            f"model_list: [\n  {OTHER}, # theirs\n  {ONE} # ours\n]\n",
            f"model_list: [\n  {OTHER} # theirs\n   # ours\n]\n",
        ),
        (f"model_list:\n- {ONE}\n# between\n- {OTHER}\n", f"model_list:\n# between\n- {OTHER}\n"),
        (f"model_list:\n- {OTHER}\n- {ONE}", f"model_list:\n- {OTHER}\n"),
        (f"model_list:\n- {ONE}\n\nx: 1\n", "model_list:\n\nx: 1\n"),
    ],
)
def test_an_alias_is_taken_away_with_its_own_bytes(text: str, left: str) -> None:
    assert Aliases(ConfigText(text, "c"), TERMS).remove() == left
    assert "chat" not in str(yaml.safe_load(left))


def test_two_neighbours_are_taken_away_from_a_list_in_brackets() -> None:
    twins = [ONE, ONE.replace(RAW, KSERVE)]
    for order in ([*twins, OTHER], [OTHER, *twins], [twins[0], OTHER, twins[1]]):
        text = f"model_list: [{', '.join(order)}]\n"
        left = Aliases(ConfigText(text, "c"), TERMS).remove()
        assert yaml.safe_load(left) == {"model_list": [yaml.safe_load(OTHER)]}


ANCHORED = f"""\
model_list:
- model_name: chat
  litellm_params: &base
    model: openai/q
    api_base: {RAW}
    api_key: sk-secret
- model_name: other
  litellm_params:
    <<: *base
    model: y
"""


def test_a_key_that_is_no_text_is_written_as_it_stands() -> None:
    text = ANCHORED.replace("    api_key: sk-secret\n", "    null: x\n    2: y\n    api_key: sk-secret\n")
    (found,) = [one for one in obstacles(ConfigText(text, "c"), TERMS) if one.level == "refuse"]
    assert found.code == "edge-config-anchor"
    assert "sk-secret" not in found.action
    assert all(one in found.action for one in ("null: x", "2: "))


def test_an_anchor_that_others_use_is_refused_before_a_move_with_the_lines_to_write() -> None:
    (found,) = [one for one in obstacles(ConfigText(ANCHORED, "c"), TERMS) if one.level == "refuse"]
    assert (found.code, found.place) == ("edge-config-anchor", "c:2")
    assert "&base" in found.sentence
    lines = found.action.partition(":\n")[2]
    assert "sk-secret" not in lines
    text = ANCHORED.replace("    <<: *base\n    model: y", f"    {{model: y, api_base: '{RAW}', api_key: sk-secret}}")
    start, end = text.index("- model_name: chat"), text.index("- model_name: other")
    mended = text[:start] + lines.replace("AS-IT-IS", "sk-secret") + "\n" + text[end:]
    assert yaml.safe_load(mended) == yaml.safe_load(ANCHORED)
    assert not [one for one in obstacles(ConfigText(mended, "c"), TERMS) if one.level == "refuse"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f"model_list:\n- ? model_name\n  : chat\n  ? litellm_params\n  : {{{PARAMS}}}\n", "laid out"),
        (f"model_list:\r- model_name: chat\r  litellm_params: {{{PARAMS}}}\r", "lines of their own"),
        (
            f"model_list:\n- model_name: chat\n  litellm_params: {{{PARAMS}, weight: 1}}\n  model_info: []\n",
            "model_info",
        ),
    ],
)
def test_what_cannot_be_edited_is_refused_with_the_lines_to_write(text: str, why: str) -> None:
    aliases = Aliases(ConfigText(text, "c"), TERMS)
    with pytest.raises(RefusedError) as refused:
        aliases.write([replace(aliases.members()[0], weight=7), TARGET])
    assert refused.value.code == "edge-config-shape"
    assert why in refused.value.what
    assert yaml.safe_load(refused.value.next_action.partition(":\n")[2])[0]["model_name"] == "chat"
    assert [one.code for one in obstacles(ConfigText(text, "c"), TERMS) if one.level == "refuse"] == [
        "edge-config-shape"
    ]
