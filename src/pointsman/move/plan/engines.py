"""What runs otherwise on the target than on the source, by the model's own file: images, arguments, environment.

None of it breaks a promise, or the spec would have been refused; a person should know it before tenants feel it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.spec.model import Model
from pointsman.spec.words import short

__all__ = ["engines"]

_NONE = "not set"
_WORDS = {"on": "set", "off": "turned off"}
"""Flags without a value."""
_SHOWN = 30
"""Characters of long values that begin alike."""


async def engines(context: Context) -> str:
    """A sentence for each difference."""
    return "; ".join(_differing(context.model, context.source, context.target)) or "the same on both layers"


def _differing(model: Model, source: Layer, target: Layer) -> Iterator[str]:
    """What differs, source first. Values of the environment are not shown: some of them are nobody's business."""
    before, after = source.started(model), target.started(model)
    for name, old, new in _unlike(before.said, after.said):
        yield f"{name} is {_WORDS.get(old, old)} on {source.id}, {_WORDS.get(new, new)} on {target.id}"
    for name, old, new in _unlike(before.env, after.env):
        there = [layer.id for layer, value in ((source, old), (target, new)) if value != _NONE]
        yield f"{name} is {'set differently on both' if len(there) > 1 else f'set on {there[0]} only'}"


def _unlike(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name, _NONE), after.get(name, _NONE)
        if old != new:
            alike = short(old) == short(new)
            yield short(name), _end(old) if alike else short(old), _end(new) if alike else short(new)


def _end(text: str) -> str:
    """Images that differ in their digest alone differ at the end."""
    return f"…{short(text[-_SHOWN:])}"
