"""What engine arguments say against the spec, against each other, or not at all as vLLM reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pointsman.spec.arguments import MANY, OWNED, REPEATED, accelerators, flags
from pointsman.spec.contradiction import Contradiction
from pointsman.spec.document import Place
from pointsman.spec.model import Model
from pointsman.spec.words import short, shown

__all__ = ["ARGUMENT_CHECKS"]

_ARGS: Place = ("spec", "engine", "args")


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
                f"a replica gets {gpus} accelerator{'' if gpus == 1 else 's'}, and "
                f"the engine's parallel sizes multiply to {used}",
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


ARGUMENT_CHECKS: tuple[Callable[[Model], Iterator[Contradiction]], ...] = (
    _arguments,
    _joined,
    _repeated,
    _parallel,
    _positional,
)
"""Part of ``pointsman.spec.checks.CHECKS``."""
