"""Engine arguments: reading flags out of a list, and which of them are pointsman's to render."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = ["OWNED", "Flag", "flags", "without"]

OWNED: Mapping[str, str] = {
    "model": "spec.weights",
    "revision": "spec.weights.huggingFace.revision",
    "served-model-name": "spec.servedModelName",
    "max-model-len": "spec.contract.maxModelLen",
    "api-key": "spec.contract.auth",
    "port": "nothing: every layer sets its own",
    "host": "nothing: every layer sets its own",
    "shutdown-timeout": "spec.engine.shutdown.timeoutSeconds",
    "enable-auto-tool-choice": "spec.contract.toolCalls",
    "kv-transfer-config": "spec.layers.llm-d.prefill",
}
"""Flags that a field of the spec renders, so that no two places can disagree. Flag to field."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag, from ``start`` to ``end`` (exclusive) in the list of arguments."""

    name: str
    value: str | None
    start: int
    end: int


def flags(args: Sequence[str]) -> Iterator[Flag]:
    """Every ``--flag``, ``--flag=value`` or ``--flag value``; vLLM takes '_' for '-' in names."""
    for index, arg in enumerate(args):
        if not arg.startswith("--") or arg == "--":
            continue
        name, equals, value = arg[2:].partition("=")
        follows = not equals and index + 1 < len(args) and not args[index + 1].startswith("--")
        yield Flag(
            name.replace("_", "-"),
            value if equals else args[index + 1] if follows else None,
            index,
            index + 2 if follows else index + 1,
        )


def without(args: Sequence[str], names: frozenset[str]) -> list[str]:
    """The arguments without these flags and their values."""
    dropped = {at for flag in flags(args) if flag.name in names for at in range(flag.start, flag.end)}
    return [arg for index, arg in enumerate(args) if index not in dropped]
