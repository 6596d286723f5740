"""What engine arguments say against the spec, against each other, or not at all as vLLM reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from pointsman.spec.arguments import MANY, OWNED, PROMISED, REPEATED, accelerators, base, flags
from pointsman.spec.contradiction import Contradiction
from pointsman.spec.document import Place
from pointsman.spec.model import LAYER_IDS, Model
from pointsman.spec.words import short, shown

__all__ = ["ARGUMENT_CHECKS"]

_OfList = Callable[[Model, Place, Sequence[str]], Iterator[Contradiction]]
_ARGS: Place = ("spec", "engine", "args")
_GPUS: Place = ("spec", "accelerator", "gpusPerReplica")


def _lists(model: Model) -> Iterator[tuple[Place, Sequence[str]]]:
    """Every list of arguments, and where it stands."""
    yield _ARGS, model.spec.engine.args
    for layer in LAYER_IDS:
        yield ("spec", "layers", layer, "args"), model.spec.layers.block(layer).args


def _of_each(check: _OfList) -> Callable[[Model], Iterator[Contradiction]]:
    """A check of one list of arguments, made of all of them."""

    def checked(model: Model) -> Iterator[Contradiction]:
        for place, args in _lists(model):
            yield from check(model, place, args)

    return checked


def _arguments(model: Model, place: Place, args: Sequence[str]) -> Iterator[Contradiction]:
    length = model.spec.contract.max_model_len
    for flag in flags(args):
        if flag.name not in OWNED:
            continue
        same = flag.name == "max-model-len" and flag.value == str(length)
        if not same:
            yield Contradiction(
                (*place, flag.start),
                f"--{flag.name} is rendered from {OWNED[flag.name]}, and a second source could disagree with it",
                f"remove it, and set {OWNED[flag.name]}" if OWNED[flag.name].startswith("spec.") else "remove it",
                "spec-owned-argument",
            )


def _promised(model: Model, place: Place, args: Sequence[str]) -> Iterator[Contradiction]:
    for flag in flags(args) if place != _ARGS else ():
        changed = PROMISED.get(base(flag.name))
        if changed:
            yield Contradiction(
                (*place, flag.start),
                f"--{short(flag.name)} on one layer changes {changed}, and tenants would notice a move",
                "move it to spec.engine.args, so that every layer has it",
                "spec-layer-argument",
            )


def _joined(model: Model, place: Place, args: Sequence[str]) -> Iterator[Contradiction]:
    for index, arg in enumerate(args):
        name = arg.partition("=")[0]
        if not name.startswith("-") or not any(letter.isspace() for letter in name.strip()):
            continue
        flag, value = name.strip().split(maxsplit=1)
        yield Contradiction(
            (*place, index),
            f"{shown(arg)} is a flag and its value in one item, and the engine would take all of it for a flag",
            f"write {short(flag)}={short(value)}, or make two items of it",
            "spec-joined-argument",
        )


def _repeated(model: Model, place: Place, args: Sequence[str]) -> Iterator[Contradiction]:
    seen: set[str] = set()
    for flag in flags(args):
        if flag.name in seen and flag.name not in {*REPEATED, *OWNED} and not flag.name.endswith("+"):
            yield Contradiction(
                (*place, flag.start),
                f"--{short(flag.name)} is given twice, and the engine keeps only the last",
                f"write all values behind one --{flag.name}, an item each" if flag.name in MANY else "keep one",
                "spec-repeated-argument",
            )
        seen.add(flag.name)


def _parallel(model: Model) -> Iterator[Contradiction]:
    told: set[tuple[Place, int]] = set()
    for layer in LAYER_IDS:
        own, there = model.spec.layers.block(layer), model.on(layer).spec
        used, gpus = accelerators(there.engine.args), there.accelerator.gpus_per_replica
        of_layer: Place = ("spec", "layers", layer)
        place: Place = (*of_layer, "accelerator", "gpusPerReplica") if own.accelerator else _GPUS
        if accelerators(own.args) is not None:
            place = (*of_layer, "args")
        if used is None or gpus in (0, used) or (place, gpus) in told:
            continue
        told.add((place, gpus))
        yield Contradiction(
            place,
            f"a replica gets {gpus} accelerator{'' if gpus == 1 else 's'}, and "
            f"the engine's parallel sizes multiply to {used}",
            f"set gpusPerReplica to {used}, or leave the sizes out: tensor parallelism then takes all",
            "spec-parallel",
        )


def _positional(model: Model, place: Place, args: Sequence[str]) -> Iterator[Contradiction]:
    covered = {at for flag in flags(args) for at in range(flag.start, flag.end)}
    for index, arg in enumerate(args):
        if index not in covered and not arg.startswith("-"):
            before = args[index - 1] if index else ""
            of_short = before.startswith("-") and not before.startswith("--") and "=" not in before
            if not of_short:
                yield Contradiction(
                    (*place, index),
                    f"{shown(arg)} belongs to no flag, and the engine would take it for the model",
                    "write arguments as --flag=value, one per list item",
                    "spec-stray-argument",
                )


ARGUMENT_CHECKS: tuple[Callable[[Model], Iterator[Contradiction]], ...] = (
    _of_each(_arguments),
    _of_each(_promised),
    _of_each(_joined),
    _of_each(_repeated),
    _parallel,
    _of_each(_positional),
)
"""Part of ``pointsman.spec.checks.CHECKS``."""
