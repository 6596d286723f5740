"""What a spec says of the edge: aliases, the key that engines ask for, the road to a layer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.layers.contract import Layer
from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from pointsman.spec.model import Model
from tests.spec.text import TEXT, edited, line_of, loaded, problems

ALIAS = "    alias: qwen-local\n"
AUTH = "    auth: {secret: vllm-api-key, key: api-key}\n"
KEYLESS = "    auth: none\n"
NAMES = {"raw-vllm": "      name: raw-vllm\n", "kserve": "    kserve:\n", "llm-d": "      name: qwen-llmd\n"}
ROAD = "https://models.example.com:8443/qwen/v1"
each_layer = pytest.mark.parametrize("each", LAYERS, ids=lambda one: one.id)


def addressed(layer: str, address: str) -> str:
    return edited(NAMES[layer], f"{NAMES[layer]}      address: {address}\n")


def test_further_aliases_are_kept_in_order_and_may_be_wildcards(tmp_path: Path) -> None:
    text = edited(ALIAS, '    alias: "qwen-*"\n    aliases: [gpt-4o-mini, "anthropic/*", "*"]\n')
    tenant = loaded(tmp_path, text).spec.tenant
    assert tenant.alias == "qwen-*"
    assert tenant.aliases == ("gpt-4o-mini", "anthropic/*", "*")


@pytest.mark.parametrize(
    ("aliases", "what"),
    [
        ("[qwen-local]", "'qwen-local' is named already, as spec.tenant.alias"),
        ("[a, b, a]", "'a' is named already, as spec.tenant.aliases[0]"),
        ("['two words']", "'two words' is not a name of an alias"),
        ("[-a]", "'-a' is not a name of an alias"),
        ("gpt-4o-mini", "spec.tenant.aliases is 'gpt-4o-mini'"),
    ],
)
def test_an_alias_that_cannot_be_meant_is_refused_on_its_line(tmp_path: Path, aliases: str, what: str) -> None:
    text = edited(ALIAS, f"{ALIAS}    aliases: {aliases}\n")
    (found,) = problems(tmp_path, text)
    assert what in found.what
    assert found.line == line_of(text, "aliases:")


@pytest.mark.parametrize("key", ["os.environ/UPSTREAM_API_KEY", "sk-1234"])
def test_the_key_of_a_new_entry_is_kept_as_it_is_written(tmp_path: Path, key: str) -> None:
    assert loaded(tmp_path, edited(ALIAS, f"{ALIAS}    upstreamKey: {key}\n")).spec.tenant.upstream_key == key
    assert loaded(tmp_path, TEXT).spec.tenant.upstream_key is None


@pytest.mark.parametrize("key", ['""', '"two\\nlines"', '" blank"', '"' + "k" * 501 + '"'])
def test_what_is_no_key_is_refused(tmp_path: Path, key: str) -> None:
    (found,) = problems(tmp_path, edited(ALIAS, f"{ALIAS}    upstreamKey: {key}\n"))
    assert "is not a key" in found.what


@each_layer
def test_engines_without_a_key_are_started_without_one(each: Layer, tmp_path: Path) -> None:
    model = loaded(tmp_path, edited(AUTH, KEYLESS))
    assert model.spec.contract.auth is None
    text = yaml_stream(each.render(model))
    assert "VLLM_API_KEY" not in text
    assert "vllm-api-key" not in text
    assert "VLLM_API_KEY" in yaml_stream(each.render(loaded(tmp_path, TEXT)))


def test_no_key_is_said_aloud_and_never_by_leaving_the_value_out(tmp_path: Path) -> None:
    for word in ("", " ~", " None", " nothing"):
        (found,) = problems(tmp_path, edited(AUTH, f"    auth:{word}\n"))
        assert "name a Secret" in found.next_action
        assert "none" in found.next_action


def test_what_was_kept_of_a_keyless_model_reads_back(tmp_path: Path) -> None:
    model = loaded(tmp_path, edited(AUTH, KEYLESS))
    assert '"auth":"none"' in model.model_dump_json(by_alias=True)
    assert Model.model_validate_json(model.model_dump_json(by_alias=True)) == model


@each_layer
def test_a_layer_is_reached_by_the_address_that_is_declared(each: Layer, tmp_path: Path) -> None:
    plain = each.endpoint(loaded(tmp_path, TEXT))
    there = each.endpoint(loaded(tmp_path, addressed(each.id, ROAD)))
    assert there.base_url == ROAD
    assert (there.service, there.port, there.path) == (plain.service, plain.port, plain.path)
    others = [one for one in LAYERS if one.id != each.id]
    assert ROAD not in {one.endpoint(loaded(tmp_path, addressed(each.id, ROAD))).base_url for one in others}


@pytest.mark.parametrize(
    "address",
    [
        "http://host",
        "http://host/v1/",
        "http://host/v11",
        "host/v1",
        "ftp://host/v1",
        "http:///v1",
        "http://user:word@host/v1",
        "http://host/v1?x=1",
        "http://host/v1#x",
        "http://host:0/v1",
        "http://host:99999/v1",
        "http://[::1/v1",
        "'http://ho st/v1'",
        "'http://hö/v1'",
        "7",
    ],
)
def test_what_is_no_address_is_refused_with_what_one_looks_like(tmp_path: Path, address: str) -> None:
    text = addressed("kserve", address)
    (found,) = problems(tmp_path, text)
    assert "spec.layers.kserve.address" in found.what
    assert found.line == line_of(text, "address:")


def test_two_layers_cannot_be_reached_at_one_address(tmp_path: Path) -> None:
    text = addressed("kserve", ROAD).replace(NAMES["llm-d"], f"{NAMES['llm-d']}      address: {ROAD}\n")
    (found,) = problems(tmp_path, text)
    assert found.code == "spec-same-place"
    assert found.line == len(text[: text.rindex("address:")].splitlines())


def test_a_field_that_went_is_told_in_a_file_and_read_over_in_what_was_kept(tmp_path: Path) -> None:
    text = edited(NAMES["llm-d"], f"{NAMES['llm-d']}      application: llm-d\n")
    (found,) = problems(tmp_path, text)
    assert found.code == "spec-unknown-field"
    assert found.what.startswith("spec.layers.llm-d.application is no field any more")
    assert found.next_action == "remove it"
    assert found.line == line_of(text, "application:")
    model = loaded(tmp_path, TEXT)
    kept = model.model_dump_json(by_alias=True).replace('"cache":"20Gi"', '"cache":"20Gi","application":"raw-vllm"')
    assert Model.model_validate_json(kept) == model
