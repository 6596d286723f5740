"""What turns a group on: nothing (it is always on), a feature, or a field of the configuration with a certain value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from pointsman.spec.words import shown

__all__ = ["ALWAYS", "FEATURES", "ChoiceText", "Dotted", "Gate", "GateText", "gate_in"]

ALWAYS = "always"
FEATURES = "features"
"""The mapping of the configuration that features stand in."""
_FEATURE = re.compile(rf"{FEATURES}\.([A-Za-z0-9][-_A-Za-z0-9]*)")
_CHOICE = re.compile(r"([A-Za-z][-_A-Za-z0-9]*(?:\.[A-Za-z][-_A-Za-z0-9]*)*)=([A-Za-z0-9][-_.A-Za-z0-9]*)")
_DOTTED = re.compile(r"[A-Za-z][-_A-Za-z0-9]*(\.[A-Za-z][-_A-Za-z0-9]*)*")


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate, taken apart. Both empty: always on."""

    feature: str = ""
    """Name below ``features``; the group is on when it is ``true``."""
    field: str = ""
    """Dotted field of the configuration."""
    value: str = ""
    """The value of ``field`` that turns the group on."""

    @property
    def name(self) -> str:
        """What people call it: ``kserve``, ``gpu_stack``."""
        return self.feature or self.field

    @property
    def place(self) -> tuple[str, ...]:
        """Where it stands in the configuration; empty for what is always on."""
        if self.feature:
            return (FEATURES, self.feature)
        return tuple(self.field.split(".")) if self.field else ()


def gate_in(text: str) -> Gate | None:
    """The gate that is written ``always``, ``features.NAME`` or ``FIELD=VALUE``; None when it is none of them."""
    if text == ALWAYS:
        return Gate()
    if found := _FEATURE.fullmatch(text):
        return Gate(feature=found[1])
    if found := _CHOICE.fullmatch(text):
        return Gate(field=found[1], value=found[2])
    return None


def _gate(text: str) -> str:
    if gate_in(text) is None:
        what = f"{shown(text)} is not a gate"
        raise PydanticCustomError("pointsman", "{what}", {"what": what, "allowed": _ALLOWED})
    return text


def _choice(text: str) -> str:
    if not _CHOICE.fullmatch(text):
        what = f"{shown(text)} is not a field with a value"
        raise PydanticCustomError(
            "pointsman", "{what}", {"what": what, "allowed": "use FIELD=VALUE: dns.provider=none"}
        )
    return text


def _dotted(text: str) -> str:
    if not _DOTTED.fullmatch(text):
        what = f"{shown(text)} is not a field of the configuration"
        allowed = "use a field's name, with a '.' between a mapping and its field: dns.provider"
        raise PydanticCustomError("pointsman", "{what}", {"what": what, "allowed": allowed})
    return text


_ALLOWED = "use always, features.NAME, or FIELD=VALUE"

GateText = Annotated[str, AfterValidator(_gate)]
"""A gate as a platform declares it."""

ChoiceText = Annotated[str, AfterValidator(_choice)]
"""A field and one of its values."""

Dotted = Annotated[str, AfterValidator(_dotted)]
"""A field of the configuration: ``domain``, ``dns.provider``."""
