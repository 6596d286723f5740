"""What only shows when two fields are read together.

One function per check in an explicit tuple; each yields where, what and the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pointsman.spec.arguments import MANY, OWNED, REPEATED, accelerators, flags
from pointsman.spec.document import Place
from pointsman.spec.model import Model
from pointsman.spec.words import amount, short, shown

__all__ = ["CHECKS", "Contradiction", "contradictions"]

_ARGS: Place = ("spec", "engine", "args")
_ENV: Place = ("spec", "engine", "env")
_OWNED_ENV = {
    "VLLM_API_KEY": "spec.contract.auth renders it",
    "VLLM_ADDITIONAL_ARGS": "spec.engine.args renders it",
    "HF_TOKEN": "spec.weights.huggingFace.token renders it",
    "PYTHONPATH": "KServe refuses it",
}
_LONGEST = {"raw-vllm": 57, "kserve": 48, "llm-d": 38}
"""Names that controllers derive ('-kserve-router-scheduler', '-predictor') have to fit, or are cut and hashed."""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two fields that cannot both be meant."""

    place: Place
    what: str
    next_action: str
    code: str


def contradictions(model: Model) -> list[Contradiction]:
    """Everything ``CHECKS`` has to say about a model that is well formed by itself."""
    return [found for check in CHECKS for found in check(model)]


def _arguments(model: Model) -> Iterator[Contradiction]:
    length = model.spec.contract.max_model_len
    for flag in flags(model.spec.engine.args):
        if flag.name not in OWNED:
            continue
        same = flag.name == "max-model-len" and flag.value == str(length)
        if not same:
            yield Contradiction(
                (*_ARGS, flag.start),
                f"--{flag.name} is rendered from {OWNED[flag.name]}, and a second source could disagree with it",
                f"remove it, and set {OWNED[flag.name]}" if OWNED[flag.name].startswith("spec.") else "remove it",
                "spec-owned-argument",
            )


def _joined(model: Model) -> Iterator[Contradiction]:
    for index, arg in enumerate(model.spec.engine.args):
        name = arg.partition("=")[0]
        if not name.startswith("-") or not any(letter.isspace() for letter in name.strip()):
            continue
        flag, value = name.strip().split(maxsplit=1)
        yield Contradiction(
            (*_ARGS, index),
            f"{shown(arg)} is a flag and its value in one item, and the engine would take all of it for a flag",
            f"write {short(flag)}={short(value)}, or make two items of it",
            "spec-joined-argument",
        )


def _repeated(model: Model) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for flag in flags(model.spec.engine.args):
        if flag.name in seen and flag.name not in {*REPEATED, *OWNED} and not flag.name.endswith("+"):
            yield Contradiction(
                (*_ARGS, flag.start),
                f"--{short(flag.name)} is given twice, and the engine keeps only the last",
                f"write all values behind one --{flag.name}, an item each" if flag.name in MANY else "keep one",
                "spec-repeated-argument",
            )
        seen.add(flag.name)


def _parallel(model: Model) -> Iterator[Contradiction]:
    used = accelerators(model.spec.engine.args)
    if used is None:
        return
    places: dict[int, Place] = {}
    for layer in ("raw-vllm", "kserve", "llm-d"):
        own = model.spec.layers.block(layer).accelerator
        place: Place = ("spec", "layers", layer, "accelerator") if own else ("spec", "accelerator")
        places.setdefault(model.on(layer).spec.accelerator.gpus_per_replica, (*place, "gpusPerReplica"))
    for gpus, place in places.items():
        if gpus not in (0, used):
            yield Contradiction(
                place,
                f"a replica gets {gpus} accelerators, and the engine's parallel sizes multiply to {used}",
                f"set it to {used}, or leave the sizes out of spec.engine.args: tensor parallelism then takes all",
                "spec-parallel",
            )


def _positional(model: Model) -> Iterator[Contradiction]:
    args = model.spec.engine.args
    covered = {at for flag in flags(args) for at in range(flag.start, flag.end)}
    for index, arg in enumerate(args):
        if index not in covered and not arg.startswith("-"):
            before = args[index - 1] if index else ""
            of_short = before.startswith("-") and not before.startswith("--") and "=" not in before
            if not of_short:
                yield Contradiction(
                    (*_ARGS, index),
                    f"{shown(arg)} belongs to no flag, and the engine would take it for the model",
                    "write arguments as --flag=value, one per list item",
                    "spec-stray-argument",
                )


def _environment(model: Model) -> Iterator[Contradiction]:
    for name in model.spec.engine.env:
        if name in _OWNED_ENV:
            yield Contradiction(
                (*_ENV, name), f"{name} cannot be set here: {_OWNED_ENV[name]}", "remove it", "spec-owned-variable"
            )


def _tool_calls(model: Model) -> Iterator[Contradiction]:
    given = any(flag.name == "tool-call-parser" for flag in flags(model.spec.engine.args))
    if model.spec.contract.tool_calls and not given:
        yield Contradiction(
            ("spec", "contract", "toolCalls"),
            "tool calls are promised, but no parser is chosen",
            "add --tool-call-parser=… to spec.engine.args",
            "spec-tool-parser",
        )


def _resources(model: Model) -> Iterator[Contradiction]:
    requests, limits = model.spec.resources.requests, model.spec.resources.limits
    for name, asked, allowed in (
        ("cpu", requests.cpu, limits.cpu),
        ("memory", requests.memory, limits.memory),
    ):
        if amount(asked) > amount(allowed):
            yield Contradiction(
                ("spec", "resources", "requests", name),
                f"{asked} is requested, above the limit of {allowed}",
                f"raise spec.resources.limits.{name}, or lower the request",
                "spec-request-above-limit",
            )


def _name_lengths(model: Model) -> Iterator[Contradiction]:
    layers = model.spec.layers
    for layer, block in (("raw-vllm", layers.raw_vllm), ("kserve", layers.kserve), ("llm-d", layers.llm_d)):
        name = block.name or model.name
        place: Place = ("spec", "layers", layer, "name") if block.name else ("metadata", "name")
        if len(name) > _LONGEST[layer]:
            yield Contradiction(
                place,
                f"{name!r} has {len(name)} characters, and names derived from it on {layer} have to fit",
                f"use at most {_LONGEST[layer]} characters in spec.layers.{layer}.name",
                "spec-name-too-long",
            )
    name = layers.kserve.name or model.name
    host = f"{name}-predictor-{layers.kserve.namespace}"
    if len(host) > 63 and len(name) <= _LONGEST["kserve"]:
        yield Contradiction(
            ("spec", "layers", "kserve", "namespace"),
            f"KServe makes the host name label {host!r}, which is longer than 63 characters",
            "shorten spec.layers.kserve.name or its namespace",
            "spec-name-too-long",
        )


def _same_place(model: Model) -> Iterator[Contradiction]:
    layers = model.spec.layers
    seen: dict[tuple[str, str], str] = {}
    for layer, block in (("raw-vllm", layers.raw_vllm), ("kserve", layers.kserve), ("llm-d", layers.llm_d)):
        place = (block.namespace, block.name or model.name)
        if place in seen:
            yield Contradiction(
                ("spec", "layers", layer, "namespace"),
                f"{layer} and {seen[place]} would both be {'/'.join(place)}, and share objects",
                "give one of them another name or namespace",
                "spec-same-place",
            )
        seen[place] = layer


def _same_address(model: Model) -> Iterator[Contradiction]:
    seen: dict[str, str] = {}
    layers = model.spec.layers
    for layer, block in (("raw-vllm", layers.raw_vllm), ("kserve", layers.kserve), ("llm-d", layers.llm_d)):
        if block.address is None:
            continue
        if block.address in seen:
            yield Contradiction(
                ("spec", "layers", layer, "address"),
                f"{layer} and {seen[block.address]} would be reached at one address, so nobody could tell who answers",
                "give each layer an address of its own",
                "spec-same-place",
            )
        seen[block.address] = layer


def _aliases(model: Model) -> Iterator[Contradiction]:
    seen = {model.spec.tenant.alias: "spec.tenant.alias"}
    for index, alias in enumerate(model.spec.tenant.aliases):
        if alias in seen:
            yield Contradiction(
                ("spec", "tenant", "aliases", index),
                f"{alias!r} is named already, as {seen[alias]}",
                "remove it",
                "spec-same-alias",
            )
        seen.setdefault(alias, f"spec.tenant.aliases[{index}]")


CHECKS: tuple[Callable[[Model], Iterator[Contradiction]], ...] = (
    _arguments,
    _joined,
    _repeated,
    _parallel,
    _positional,
    _environment,
    _tool_calls,
    _resources,
    _name_lengths,
    _same_place,
    _same_address,
    _aliases,
)
"""Every check, in the order of the fields."""
