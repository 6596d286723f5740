"""A LiteLLM configuration inside a Helm chart's values: edited as it is in a file of its own, and nothing around it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml

from pointsman.edge.config_text import ConfigText
from pointsman.edge.litellm_alias import Aliases
from pointsman.errors import RefusedError
from tests.edge.test_config_text import RAW, SOURCE, TARGET, TERMS, THEIRS
from tests.edge.test_layouts import EDITED
from tests.edge.test_layouts import SOURCE as PLAIN_SOURCE
from tests.edge.test_layouts import TARGET as PLAIN_TARGET
from tests.edge.test_layouts import TERMS as PLAIN_TERMS

BEFORE = "# values of the chart\nreplicaCount: 1   # one is enough\nenvironmentSecrets: [litellm-env]\n"
AFTER = 'ingress: {enabled: no}\nmodel_list: "not this one"\n'
UNDER = ("proxy_config",)


def values(text: str, under: tuple[str, ...] = UNDER, before: str = BEFORE, after: str = AFTER) -> str:
    """A configuration in its place in a chart's values."""
    head = "".join(f"{'  ' * depth}{key}:\n" for depth, key in enumerate(under))
    pad = "  " * len(under)
    lines = (f"{pad}{line}" if line.strip() else line for line in text.splitlines(keepends=True))
    return before + head + "".join(lines) + after


def fits(text: str) -> bool:
    """Can it stand inside another file as it is?"""
    whole = (
        text.startswith(("{", "\ufeff", "%", "-", "["))
        or not text.strip()
        or text.count("\n") != len(text.splitlines())
    )
    return not whole and "---" not in text and "..." not in text and text.endswith("\n") and "\r" not in text


@pytest.mark.parametrize("case", [name for name, (text, _) in EDITED.items() if fits(text)])
@pytest.mark.parametrize("under", [UNDER, ("litellm", "proxy_config")])
def test_it_is_edited_as_in_a_file_of_its_own(case: str, under: tuple[str, ...]) -> None:
    text, right = EDITED[case]
    aliases = Aliases(ConfigText(values(text, under), "values.yaml", under), PLAIN_TERMS)
    found = [replace(member, weight=7) for member in aliases.members()] or [PLAIN_SOURCE]
    assert aliases.write([*found, PLAIN_TARGET]) == values(right, under)


def test_weights_change_and_every_other_byte_stays() -> None:
    text = values(THEIRS)
    aliases = Aliases(ConfigText(text, "values.yaml", UNDER), TERMS)
    after = aliases.write([replace(aliases.members()[0], weight=90), TARGET])
    assert after.startswith(BEFORE)
    assert after.endswith(AFTER)
    for line in text.splitlines():
        assert line in after.splitlines()
    told = yaml.safe_load(after)["proxy_config"]["model_list"]
    assert [one["litellm_params"].get("weight") for one in told] == [90, 10, None]


def test_places_are_lines_of_the_whole_file() -> None:
    config = ConfigText(values(THEIRS), "values.yaml", UNDER)
    line = config.place(config.entries("qwen-local")[0]).rpartition(":")[2]
    assert "model_name: qwen-local" in values(THEIRS).splitlines()[int(line) - 1]


@pytest.mark.parametrize(
    "text",
    [
        "replicaCount: 1\n",
        "proxy_config:\n",
        "proxy_config: none\n",
        "proxy_config: [a]\n",
        "model_list: []\n",
        "",
        "- proxy_config: {}\n",
        "proxy_config: &all {}\n---\nb: 1\n",
    ],
)
def test_values_without_a_configuration_there_are_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        ConfigText(text, "values.yaml", UNDER)
    assert refused.value.code in ("edge-config-missing", "edge-config-yaml")
    assert "values.yaml" in refused.value.where


def test_a_configuration_that_others_refer_to_by_an_anchor_is_not_changed_for_them() -> None:
    text = f"""\
base: &base
  model_list:
  - model_name: qwen-local
    litellm_params: {{model: openai/q, api_base: {RAW}}}
proxy_config: *base
copy: *base
"""
    with pytest.raises(RefusedError):
        Aliases(ConfigText(text, "values.yaml", UNDER), TERMS).write([SOURCE, TARGET])


def test_an_entry_that_the_chart_makes_a_template_of_is_refused_with_its_line() -> None:
    entry = f"- model_name: qwen-local\n  litellm_params: {{model: '{{{{ .Values.model }}}}', api_base: {RAW}}}\n"
    aliases = Aliases(ConfigText(values(f"model_list:\n{entry}"), "values.yaml", UNDER), TERMS)
    with pytest.raises(RefusedError) as refused:
        aliases.members()
    assert refused.value.where == "values.yaml:6"
