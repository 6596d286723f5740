"""LoRA adapters that an engine answers to beside its own names: other models to tenants, on the same weights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.layers.command import Command

__all__ = ["adapters_declared", "adapters_given"]


def adapters_given(command: Command) -> tuple[str, ...]:
    """Names in ``--lora-modules`` (``NAME=PATH``, or JSON); none where ``--enable-lora`` is not said, as for vLLM."""
    return tuple(_named(command)) if command.given("enable-lora") else ()


def _named(command: Command) -> Iterator[str]:
    for said in command.values("lora-modules"):
        if said.startswith("{"):
            try:
                told = json.loads(said)
            except (ValueError, RecursionError):
                continue
            if isinstance(told, dict) and told.get("name"):
                yield str(told["name"])
        elif "=" in said:
            yield said.partition("=")[0]


def adapters_declared(model: Mapping[str, Any]) -> tuple[str, ...]:
    """Names in an LLMInferenceService's ``spec.model.lora.adapters``."""
    lora = model.get("lora")
    listed = lora.get("adapters") if isinstance(lora, dict) else None
    return tuple(
        str(one["name"])
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and "name" in one
    )
