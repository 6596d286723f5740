"""Engine arguments: reading flags out of a list, and which of them are pointsman's to render."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

__all__ = [
    "MANY",
    "OWNED",
    "PROMISED",
    "REPEATED",
    "Flag",
    "accelerators",
    "base",
    "flags",
    "overlaid",
    "values",
    "without",
]

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

_PROMISED: Mapping[str, str] = {
    "what prompts become": (
        "chat-template chat-template-content-format default-chat-template-kwargs exclude-tools-when-tool-choice-none "
        "media-io-kwargs mm-processor-kwargs response-role tokenizer tokenizer-mode tokenizer-revision "
        "trust-request-chat-template video-pruning-rate"
    ),
    "how answers are drawn": (
        "generation-config logits-processors logprobs-mode max-logprobs override-generation-config "
        "structured-outputs-config"
    ),
    "the fields of answers": (
        "enable-force-include-usage enable-prompt-tokens-details reasoning-config reasoning-parser "
        "reasoning-parser-plugin return-tokens-as-token-ids skip-tokenizer-init stream-interval "
        "tokens-only tool-call-parser tool-parser-plugin tool-server"
    ),
    "which models are served": "default-mm-loras enable-lora lora-modules",
    "what the model is asked for": "convert pooler-config runner",
    "the weights that are served": "code-revision hf-config-path hf-overrides quantization quantization-config",
    "what requests may hold": (
        "allowed-local-media-path allowed-media-domains enable-mm-embeds enable-prompt-embeds "
        "language-model-only limit-mm-per-prompt"
    ),
    "where tenants find the model": "root-path",
}

PROMISED: Mapping[str, str] = {name: what for what, names in _PROMISED.items() for name in names.split()}
"""Flags by which tenants would notice on which layer they are (vLLM v0.23), and what each changes for them."""

MANY = frozenset(
    {
        "allowed-media-domains",
        "api-key",
        "collect-detailed-traces",
        "cpu-offload-params",
        "cudagraph-capture-sizes",
        "ignore-patterns",
        "kv-cache-dtype-skip-layers",
        "logits-processors",
        "lora-modules",
        "lora-target-modules",
        "numa-bind-cpus",
        "numa-bind-nodes",
        "offload-params",
        "served-model-name",
    }
)
"""vLLM's flags that take several values, one after the other (``nargs="+"``, v0.23)."""

REPEATED = frozenset({"middleware"})
"""vLLM's flags that may be given again, and keep all; of any other the last one alone counts (v0.23)."""

_SHORT: Mapping[str, str] = {
    "tp": "tensor-parallel-size",
    "pp": "pipeline-parallel-size",
    "dp": "data-parallel-size",
    "dpl": "data-parallel-size-local",
    "n": "nnodes",
    "q": "quantization",
    "cc": "compilation-config",
}
"""vLLM's short flags that matter here."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag, from ``start`` to ``end`` (exclusive) in the list of arguments."""

    name: str
    value: str | None
    """The first value; None when there is none."""
    start: int
    end: int


def flags(args: Sequence[str]) -> Iterator[Flag]:
    """Every ``--flag``, ``--flag=value`` or ``--flag value …``; vLLM takes '_' for '-' in names."""
    return iter(_flags(tuple(args)))


@lru_cache(maxsize=512)
def _flags(args: tuple[str, ...]) -> tuple[Flag, ...]:
    """One list is asked about many times, by everyone who wants one flag of it."""
    return tuple(_each(args))


def _each(args: Sequence[str]) -> Iterator[Flag]:
    for index, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        known = _named(name)
        if not known:
            continue
        end = index + 1
        most = 0 if equals else len(args) if known in MANY else 1
        while end < len(args) and end - index <= most and not _flaglike(args[end]):
            end += 1
        yield Flag(known, value if equals else args[index + 1] if end > index + 1 else None, index, end)


def _named(word: str) -> str:
    """The flag's full name; empty when the word is none."""
    if word.startswith("--"):
        return word[2:].replace("_", "-")
    return _SHORT.get(word[1:], "") if word.startswith("-") else ""


def _flaglike(word: str) -> bool:
    return word.startswith("--") or bool(_named(word.partition("=")[0]))


def without(args: Sequence[str], names: frozenset[str]) -> list[str]:
    """The arguments without these flags and their values."""
    dropped = {at for flag in flags(args) if flag.name in names for at in range(flag.start, flag.end)}
    return [arg for index, arg in enumerate(args) if index not in dropped]


def values(args: Sequence[str]) -> dict[str, str]:
    """What each flag is given, by its name; ``--no-NAME`` is a value of NAME, and a bare flag has the value ``on``."""
    found = {}
    for flag in flags(args):
        given = args[flag.start : flag.end]
        first = given[0].partition("=")[2]
        said = " ".join([*([first] if first else []), *given[1:]])
        found[_meant(flag.name)] = said or ("off" if flag.name.startswith("no-") else "on")
    return found


def overlaid(args: Sequence[str], own: Sequence[str]) -> tuple[str, ...]:
    """A layer's own arguments in place of those with the same names, and beside the others.

    ``--no-NAME`` stands in place of ``--NAME``, and the other way round.
    """
    names = {_meant(flag.name) for flag in flags(own)}
    replaced = frozenset(names | {f"no-{name}" for name in names})
    return (*without(args, replaced), *own)


def base(name: str) -> str:
    """The flag that is meant: ``--no-NAME`` is NAME's, and ``--NAME.key`` and ``--NAME+`` set a part of it."""
    return _meant(name).partition(".")[0].rstrip("+")


def _meant(name: str) -> str:
    return name.removeprefix("no-")


def accelerators(args: Sequence[str]) -> int | None:
    """How many accelerators one engine divides itself over, as its flags say; None when they leave it open.

    Several nodes, and ranks that are placed by something outside, are left open too: what one pod needs then is not
    written in these flags alone.
    """
    given = {flag.name: flag.value for flag in flags(args) if "parallel" in flag.name or flag.name in _OUTSIDE}
    sizes = [given.pop(name) for name in _SIZES if name in given]
    if not sizes or given.keys() & _OUTSIDE or not all(size and size.isascii() and size.isdigit() for size in sizes):
        return None
    return math.prod(int(size[:6]) for size in sizes if size)


_SIZES = ("tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size")
_OUTSIDE = frozenset(
    {"nnodes", "data-parallel-size-local", "data-parallel-rank", "data-parallel-external-lb", "data-parallel-hybrid-lb"}
    | {"data-parallel-backend", "distributed-executor-backend", "prefill-context-parallel-size"}
)
