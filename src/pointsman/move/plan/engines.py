"""What runs otherwise on the target than on the source, by the model's own file: images, arguments, environment.

None of it breaks a promise, or the spec would have been refused; a person should know it before tenants feel it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pointsman.layers.engine import promised
from pointsman.move.context import Context
from pointsman.spec.arguments import values
from pointsman.spec.model import Model
from pointsman.spec.words import short

__all__ = ["engines"]

_NONE = "not set"
_SHOWN = 30
"""Characters of long values that begin alike."""


async def engines(context: Context) -> str:
    """A sentence for each difference."""
    return "; ".join(_differing(context.model, context.source.id, context.target.id)) or "the same on both layers"


def _differing(model: Model, source: str, target: str) -> Iterator[str]:
    """What differs, source first. Values of the environment are not shown: some of them are nobody's business."""
    before, after = model.on(source), model.on(target)
    for name, old, new in _unlike(_said(before), _said(after)):
        yield f"{name} is {old} on {source}, {new} on {target}"
    for name, old, new in _unlike(before.spec.engine.env, after.spec.engine.env):
        there = [layer for layer, value in ((source, old), (target, new)) if value != _NONE]
        yield f"{name} is {'set differently on both' if len(there) > 1 else f'set on {there[0]} only'}"


def _said(model: Model) -> dict[str, str]:
    spec = model.spec
    return {
        "image": spec.engine.image,
        **{f"--{name}": value for name, value in values(promised(model)).items()},
        "replicas": str(spec.replicas),
        "accelerators a replica": str(spec.accelerator.gpus_per_replica),
    }


def _unlike(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, _NONE), after.get(name, _NONE)
        if old != new:
            alike = short(old) == short(new)
            yield short(name), _end(old) if alike else short(old), _end(new) if alike else short(new)


def _end(text: str) -> str:
    """Images that differ in their digest alone differ at the end."""
    return f"…{short(text[-_SHOWN:])}"
