"""What tenants are promised by manifests that people wrote, read from them.

Two layers that serve one model have to promise the same; where they do not, a move would change what tenants have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.layers.command import Command
from pointsman.layers.needs import GPU, requests_of
from pointsman.spec.model import Auth

__all__ = ["Promise", "key_of", "length", "promise_of", "repository"]

_SIZES = {"k": 10**3, "m": 10**6, "g": 10**9, "K": 2**10, "M": 2**20, "G": 2**30}
"""vLLM reads ``8k`` as 8000 and ``8K`` as 8192 (vLLM 0.23, human_readable_int)."""
_REPO = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True, slots=True)
class Promise:
    """Of one layer, as it is written."""

    names: tuple[str, ...]
    """The names its engines answer to; empty when that cannot be told."""
    max_model_len: int | None
    """Tokens of prompt and answer together; None when it is not written, so that the weights decide."""
    auth: Auth | None
    """Where the key that it asks for is kept; None when it asks for none, or see ``plain_key``."""
    plain_key: bool
    """The key stands in the manifest itself, or comes from where nothing here tells."""
    port: int
    """The port its engines answer on."""
    weights: str | None
    """As it is written: ``Qwen/Qwen2.5-0.5B-Instruct``, ``/models/qwen``, ``hf://…``, ``pvc://…``."""
    gpus: int
    """Accelerators of one replica."""
    image: str
    """The engine's image; empty where a preset or a runtime brings it."""
    replicas: int
    """How many engines are declared; 0 for one that is parked in git."""
    tool_calls: bool = False
    hidden: frozenset[str] = frozenset()
    """Flags whose values are filled in when it starts, or stand in what is not read."""
    unknown: str = ""
    """What cannot be told, as a sentence."""

    @property
    def keyed(self) -> bool:
        """Does it ask for a key?"""
        return self.auth is not None or self.plain_key


def promise_of(
    command: Command,
    container: Mapping[str, Any],
    pod: Mapping[str, Any],
    *,
    names: Sequence[str] = (),
    weights: str | None = None,
    port: int = 8000,
    replicas: int = 1,
) -> Promise:
    """The promise of an engine that is started so.

    Args:
        command: what it is started with.
        container: its container.
        pod: the pod's spec around it.
        names: what the layer's controller names it, in the place of its flags.
        weights: what the layer's controller gives it, in the place of its command.
        port: where it answers when its command does not say.
        replicas: how many of them are declared.
    """
    source = weights or command.model
    said = tuple(names) or command.values("served-model-name") or ((command.model,) if command.model else ())
    hidden = not names and "served-model-name" in command.hidden
    auth, plain = key_of(command, container)
    given = command.value("port")
    return Promise(
        names=() if hidden or any("$" in name for name in said) else said,
        max_model_len=length(command.value("max-model-len")),
        auth=auth,
        plain_key=plain,
        port=int(given) if given and given.isdigit() else port,
        weights=source,
        gpus=_gpus(pod) or _gpus({"containers": [container]}),
        image=str(container.get("image", "")),
        replicas=replicas,
        tool_calls=command.given("enable-auto-tool-choice"),
        hidden=command.hidden | _key_hidden(command, container),
        unknown=command.unknown or _other_accelerator(container),
    )


def _gpus(pod: Mapping[str, Any]) -> int:
    """GPUs that a pod asks for; none where its resources are no resources, which its layer refuses."""
    try:
        return requests_of(pod).gpus
    except (ValueError, TypeError, AttributeError):
        return 0


def length(text: str | None) -> int | None:
    """A context length as vLLM reads it; None for none, ``auto`` and ``-1``."""
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?([kmgKMG]?)", text or "")
    if found is None:
        return None
    if found.group(3):
        return int(float(f"{found.group(1)}.{found.group(2) or 0}") * _SIZES[found.group(3)])
    return int(found.group(1)) if found.group(2) is None else None


def key_of(command: Command, container: Mapping[str, Any]) -> tuple[Auth | None, bool]:
    """Where the key is kept, and whether it stands in the manifest itself."""
    env = {str(one.get("name")): one for one in _variables(container)}
    named = "VLLM_API_KEY"
    if command.given("api-key"):
        value = command.value("api-key") or ""
        variable = re.fullmatch(r"\$[({]?([A-Za-z_]\w*)[)}]?", value)
        if variable is None:
            return None, True
        named = variable.group(1)
    entry = env.get(named)
    if entry is None:
        return None, command.given("api-key")
    kept = _mapping(_mapping(entry.get("valueFrom")).get("secretKeyRef"))
    if not (kept.get("name") and kept.get("key")):
        return None, "value" in entry
    try:
        return Auth(secret=str(kept["name"]), key=str(kept["key"])), False
    except ValueError:  # a name that no Secret can have
        return None, True


def repository(weights: str | None) -> str | None:
    """The hub's repository that weights are, where they say one: ``hf://Qwen/Qwen2.5-0.5B-Instruct:main`` too."""
    text = (weights or "").removeprefix("hf://").partition("@")[0].partition(":")[0]
    return text if _REPO.fullmatch(text) else None


def _key_hidden(command: Command, container: Mapping[str, Any]) -> frozenset[str]:
    """May it ask for a key that a whole Secret of variables says?"""
    named = any(one.get("name") == "VLLM_API_KEY" for one in _variables(container))
    return frozenset({"api-key"} if container.get("envFrom") and not named and not command.given("api-key") else ())


def _other_accelerator(container: Mapping[str, Any]) -> str:
    """Accelerators of another maker, which are not counted."""
    resources = _mapping(container.get("resources"))
    asked = {**_mapping(resources.get("limits")), **_mapping(resources.get("requests"))}
    other = [
        name for name in map(str, asked) if "/" in name and name != GPU and re.search(r"gpu|mig|tpu|gaudi|neuron", name)
    ]
    return f"{other[0]} is asked for, and only {GPU} is counted" if other else ""


def _variables(container: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = container.get("env")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
