"""What an engine of somebody's manifest is started with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.layers.command import behind_preset, command_of, starts_engine
from pointsman.layers.contract import Started
from pointsman.layers.promise import Promise
from pointsman.spec.arguments import values

__all__ = ["started_as"]


def started_as(container: Mapping[str, Any], promise: Promise, replicas: int) -> Started:
    """Of a container, what it promises and how many of it there are."""
    command = command_of(container) if starts_engine(container) else behind_preset(container)
    shown = {name: value for name, value in values(command.args).items() if name not in _OWN}
    said = {
        "image": promise.image,
        **{f"--{name}": value for name, value in shown.items()},
        **({"--max-model-len": str(promise.max_model_len)} if promise.max_model_len else {}),
        "replicas": str(replicas),
        "accelerators a replica": str(promise.gpus),
    }
    env = [one for one in container.get("env") or [] if isinstance(one, Mapping)]
    return Started(said, {str(one.get("name")): str(one.get("value", one.get("valueFrom"))) for one in env})


_OWN = {"served-model-name", "port", "host", "model", "api-key", "shutdown-timeout", "max-model-len"}
"""Flags that every layer has its own way to say."""
