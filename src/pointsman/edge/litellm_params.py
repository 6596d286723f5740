"""What one entry of a LiteLLM ``model_list`` says: where it leads, under which name, and with which share.

Read from LiteLLM 1.106: ``main.completion`` takes ``base_url`` before ``api_base`` and fills what is missing from the
named credential; ``router_strategy.simple_shuffle`` takes weight before rpm before tpm before even shares, each as
soon as one entry has more than nothing of it; ``model_info.blocked`` counts only when it is true.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pointsman.edge.config_text import ConfigText
from pointsman.edge.contract import Weight

__all__ = [
    "DUMMIES",
    "INFO",
    "KNOWN",
    "PARAMS",
    "Section",
    "address",
    "address_key",
    "blocked",
    "credentials_of",
    "hidden_address",
    "layer_of",
    "pinned",
    "provider_of",
    "said_address",
    "share",
    "shares",
]

DUMMIES = frozenset(
    {
        "dummy",
        "none",
        "null",
        "no",
        "not-needed",
        "not needed",
        "empty",
        "fake",
        "fake-key",
        "test",
        "xxx",
        "sk-1234",
    }
)
"""Keys that stand where one has to stand, and are none."""
INFO, PARAMS = "model_info", "litellm_params"
KNOWN = ("openai", "hosted_vllm", "text-completion-openai", "custom_openai", "litellm_proxy")
"""Providers that speak OpenAI's API to whatever ``api_base`` says."""

Section = Mapping[str, Any]


def credentials_of(config: ConfigText) -> dict[str, Section]:
    """``credential_list`` by name."""
    listed = config.data.get("credential_list")
    found: dict[str, Section] = {}
    for one in listed if isinstance(listed, list) else []:
        if isinstance(one, dict) and isinstance(one.get("credential_values"), dict):
            found.setdefault(str(one.get("credential_name")), one["credential_values"])
    return found


def address_key(params: Section) -> str:
    """The key that an entry says its address under."""
    return "base_url" if params.get("base_url") is not None else "api_base"


def said_address(params: Section, known: Mapping[str, Section]) -> str:
    """Where an entry leads as it is written, its credential's address included; empty when it does not say."""
    value = params.get(address_key(params))
    if value is None:
        behind = known.get(str(params.get("litellm_credential_name")), {})
        value = behind.get("base_url") or behind.get("api_base")
    return value.rstrip("/") if isinstance(value, str) else ""


def hidden_address(params: Section, known: Mapping[str, Section]) -> str:
    """The variable of the edge's process that says where an entry leads; empty when the entry says it itself.

    ``hosted_vllm`` without an address asks ``HOSTED_VLLM_API_BASE`` (LiteLLM 1.106).
    """
    base = said_address(params, known)
    if base.startswith("os.environ/"):
        return base
    return "os.environ/HOSTED_VLLM_API_BASE" if not base and provider_of(params)[0] == "hosted_vllm" else ""


def address(url: str) -> tuple[str, int, str]:
    """Host without what cluster DNS adds, port, path without ``/v1``: equal for equal places."""
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        return url, 0, ""
    host = re.sub(r"\.svc(\.[-a-z0-9.]+)?$", "", (parts.hostname or "").removesuffix("."))
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return host, port or (443 if parts.scheme == "https" else 80), path


def layer_of(url: str, endpoints: Mapping[str, str]) -> str | None:
    """The layer whose endpoint it is."""
    for layer, endpoint in endpoints.items():
        if url and (url == endpoint or address(url) == address(endpoint)):
            return layer
    return None


def provider_of(params: Section) -> tuple[str, str]:
    """Provider and the model's name there; no provider when the entry does not say one."""
    model = params.get("model")
    said, given = (model if isinstance(model, str) else ""), params.get("custom_llm_provider")
    if isinstance(given, str) and given:
        return given, said.removeprefix(f"{given}/")
    provider, slash, name = said.partition("/")
    return (provider, name) if slash else ("", said)


def pinned(info: Section) -> str:
    """The id an entry names itself; empty when LiteLLM makes one up."""
    return "" if info.get("id") is None else str(info["id"])


def blocked(info: Section) -> bool:
    """Does LiteLLM leave it out? Its ``model_info`` takes the words of YAML and JSON for true and false."""
    value = info.get("blocked")
    return value is True or value == 1 or (isinstance(value, str) and value.lower() in ("true", "yes", "on", "1", "y"))


def share(item: Section, name: str) -> Weight | str | None:
    """One number that LiteLLM shares out by; what it is instead when it is no number that can be."""
    value = _section(item).get(name)
    if value is None and name != "weight":
        value = item.get(name)
    if name != "weight" and isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if value is None:
        return None
    if not isinstance(value, int | float):
        return repr(value)
    if isinstance(value, bool):
        return int(value)
    return repr(value) if value < 0 or not math.isfinite(value) else value


def shares(items: Sequence[Section]) -> list[Weight] | tuple[int, str, str]:
    """What each entry that is not blocked gets; or the number of one whose share is no number, which, and what.

    1 each when none says anything.
    """
    for name in ("weight", "rpm", "tpm"):
        found: list[Weight] = []
        for index, item in enumerate(items):
            value = share(item, name)
            if isinstance(value, str):
                return index, name, value
            found.append(value or 0)
        if max(found, default=0) > 0:
            return found
    return [1 for _ in items]


def _section(item: Section) -> Section:
    params = item.get(PARAMS)
    return params if isinstance(params, dict) else {}
