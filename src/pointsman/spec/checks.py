"""What only shows when two fields are read together.

One function per check in an explicit tuple; each yields where, what and the way out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pointsman.spec.argument_checks import ARGUMENT_CHECKS
from pointsman.spec.arguments import flags, values
from pointsman.spec.contradiction import Contradiction
from pointsman.spec.document import Place
from pointsman.spec.model import LAYER_IDS, Model
from pointsman.spec.words import amount

__all__ = ["CHECKS", "contradictions"]

_ENV: Place = ("spec", "engine", "env")
_OWNED_ENV = {
    "VLLM_API_KEY": "spec.contract.auth renders it",
    "VLLM_ADDITIONAL_ARGS": "spec.engine.args renders it",
    "HF_TOKEN": "spec.weights.huggingFace.token renders it",
    "PYTHONPATH": "KServe refuses it",
}
_LONGEST = {"raw-vllm": 57, "kserve": 48, "llm-d": 38}
"""Names that controllers derive ('-kserve-router-scheduler', '-predictor') have to fit, or are cut and hashed."""


def contradictions(model: Model) -> list[Contradiction]:
    """Everything ``CHECKS`` has to say about a model that is well formed by itself."""
    return [found for check in CHECKS for found in check(model)]


def _environment(model: Model) -> Iterator[Contradiction]:
    own = [(("spec", "layers", layer, "env"), model.spec.layers.block(layer).env) for layer in LAYER_IDS]
    places: list[tuple[Place, dict[str, str]]] = [(_ENV, model.spec.engine.env), *own]
    for place, env in places:
        for name in env:
            if name in _OWNED_ENV:
                yield Contradiction(
                    (*place, name), f"{name} cannot be set here: {_OWNED_ENV[name]}", "remove it", "spec-owned-variable"
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


def _asked_for(model: Model) -> Iterator[Contradiction]:
    """What tenants ask for, against what only another kind of model gives."""
    api, said = model.spec.contract.api, values(model.spec.engine.args)
    if api != "chat" and model.spec.contract.tool_calls:
        yield Contradiction(
            ("spec", "contract", "toolCalls"),
            f"tools are called in conversations, and tenants ask for {api}",
            "write toolCalls: false, or api: chat",
            "spec-api",
        )
    if api != "embeddings" and (said.get("runner") == "pooling" or said.get("convert") == "embed"):
        yield Contradiction(
            ("spec", "contract", "api"),
            f"the engine's arguments make it answer with vectors, and tenants ask for {api}",
            "write api: embeddings, or take --runner and --convert out of spec.engine.args",
            "spec-api",
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
    *ARGUMENT_CHECKS,
    _environment,
    _tool_calls,
    _asked_for,
    _resources,
    _name_lengths,
    _same_place,
    _same_address,
    _aliases,
)
"""Every check, in the order of the fields."""
