"""The smallest values of a spec: names, quantities, image references, each with its own message.

A value that could be wrong in a way Kubernetes only notices later is refused here, with what is allowed.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

__all__ = ["Arguments", "EnvName", "Image", "Key", "LayerId", "Name", "Path", "Quantity", "Repo", "amount"]

_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_QUANTITY = re.compile(r"(?P<number>\d+(\.\d+)?|\.\d+)(?P<unit>m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_IMAGE = re.compile(
    r"(?P<name>[a-z0-9]([-._:a-zA-Z0-9]*[a-z0-9])?(/[a-z0-9]([-._a-z0-9]*[a-z0-9])?)*)"
    r"(:(?P<tag>[A-Za-z0-9_][-.\w]{0,127}))?(@sha256:(?P<digest>[0-9a-f]{64}))?"
)
_REPO = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]*/[A-Za-z0-9][-._A-Za-z0-9]*")
_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"[^\s/.][^\s]*")
_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000) ** power for power, unit in enumerate("kMGTP", 1)},
    **{f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTP", 1)},
}


def _refuse(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("pointsman", "{what}", {"what": what, "allowed": allowed})


def amount(quantity: str) -> Decimal:
    """A Kubernetes quantity as a number: ``500m`` is 0.5, ``1Gi`` is 1073741824."""
    match = _QUANTITY.fullmatch(quantity)
    if match is None:
        raise ValueError(quantity)
    return Decimal(match["number"]) * _UNITS[match["unit"] or ""]


def _name(value: str) -> str:
    if not _NAME.fullmatch(value) or len(value) > 63:
        raise _refuse(
            f"{value!r} is not a name KServe and Kubernetes accept",
            "use at most 63 lowercase letters, digits and '-', starting with a letter, not ending with '-'",
        )
    return value


def _quantity_text(value: Any) -> Any:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return str(value) if plain else value


def _quantity(value: str) -> str:
    if not _QUANTITY.fullmatch(value) or amount(value) <= 0:
        raise _refuse(f"{value!r} is not a quantity", "use a number above 0 with an optional unit: 500m, 2, 4Gi, 500M")
    return value


def _image(value: str) -> str:
    match = _IMAGE.fullmatch(value)
    if match is None:
        raise _refuse(f"{value!r} is not an image reference", "use registry/name:tag or registry/name@sha256:…")
    if not (match["tag"] or match["digest"]):
        raise _refuse(
            f"{value!r} has neither a tag nor a digest, so it means another image every day",
            "add a tag (:v0.23.0) or, better, a digest (@sha256:…)",
        )
    return value


def _matching(pattern: re.Pattern[str], noun: str, allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise _refuse(f"{value!r} is not {noun}", allowed)
        return value

    return AfterValidator(check)


def _path(value: str) -> str:
    if not _PATH.fullmatch(value) or ".." in value.split("/"):
        raise _refuse(f"{value!r} is not a folder inside a volume", "use a relative path without '..': qwen")
    return value


def _arguments(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Name = Annotated[str, AfterValidator(_name)]
"""DNS-1035 label: what Services and InferenceServices may be called."""

LayerId = Literal["raw-vllm", "kserve", "llm-d"]
"""A serving layer."""

Quantity = Annotated[str, BeforeValidator(_quantity_text), AfterValidator(_quantity)]
"""Kubernetes quantity, kept as text; see ``amount``."""

Image = Annotated[str, AfterValidator(_image)]
"""Image reference with a tag or a digest."""

Repo = Annotated[str, _matching(_REPO, "a Hugging Face repository", "use owner/name: Qwen/Qwen2.5-0.5B-Instruct")]
"""Hugging Face repository, ``owner/name``."""

Key = Annotated[str, _matching(_KEY, "a key of a Secret or ConfigMap", "use letters, digits, '-', '_' and '.'")]
"""Key inside a Secret or ConfigMap."""

EnvName = Annotated[
    str, _matching(_ENV, "a name of an environment variable", "use letters, digits and '_', no digit first")
]
"""Name of an environment variable."""

Path = Annotated[str, AfterValidator(_path)]
"""Relative folder inside a volume."""

Arguments = Annotated[tuple[str, ...], BeforeValidator(_arguments), Field(strict=False)]
"""Command line arguments, one list item each."""
