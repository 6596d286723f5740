"""A wildcard in ``/model/info``: LiteLLM writes it out as one row per model of its provider, with names of its own."""

from __future__ import annotations

from typing import Any

from pointsman.edge.config_text import ConfigText
from pointsman.edge.litellm_alias import Aliases, Terms
from pointsman.edge.litellm_loaded import loaded

RAW, KSERVE = "http://qwen.serving.svc.cluster.local:8000/v1", "http://qwen-predictor.kserve.svc.cluster.local/v1"
TEXT = """model_list:
- model_name: qwen-local
  litellm_params: {model: openai/qwen, api_base: "RAW", weight: 4}
- model_name: team-a/*
  litellm_params: {model: openai/qwen, api_base: "RAW"}
- model_name: team-a/own
  litellm_params: {model: openai/other, api_base: "http://other.invalid/v1"}
""".replace("RAW", RAW)
TERMS = Terms("qwen-local", "qwen", {"raw-vllm": RAW, "kserve": KSERVE}, ("team-a/*",))


def row(name: str, model: str, base: str, id_: str, **params: Any) -> dict[str, Any]:
    return {
        "model_name": name,
        "litellm_params": {"model": model, "api_base": base, **params},
        "model_info": {"id": id_},
    }


def rows(base: str, id_: str = "7fcf03226c28", **params: Any) -> list[dict[str, Any]]:
    """As LiteLLM 1.106 lists them: the same deployment under many names, each of which is also its model's."""
    own = [row("qwen-local", "openai/qwen", RAW, "8353c34e9edd", weight=4)]
    many = [row(f"team-a/{model}", f"team-a/{model}", base, id_, **params) for model in ("gpt-5", "o1-pro", "sora-2")]
    return [*own, *many, row("team-a/own", "openai/other", "http://other.invalid/v1", "c0ffee")]


def test_its_rows_are_the_one_declared_member() -> None:
    aliases = Aliases(ConfigText(TEXT, "here"), TERMS)
    found, names = loaded(aliases, rows(RAW))
    assert found == aliases.members()
    assert names["7fcf03226c28"] == "qwen-raw-vllm@team-a_2f__2a_"


def test_rows_that_lead_elsewhere_are_another_member() -> None:
    aliases = Aliases(ConfigText(TEXT, "here"), TERMS)
    found, _ = loaded(aliases, rows(KSERVE, "qwen-kserve@team-a_2f__2a_", weight=10))
    assert [(one.layer, one.weight) for one in found if one.alias == "team-a/*"] == [("kserve", 10)]
    assert frozenset(found) != frozenset(aliases.members())
