"""The one base of every mapping in a spec: closed, frozen, strict, camelCase in the file."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

__all__ = ["Block"]


class Block(BaseModel):
    """Unknown fields are errors, values do not change type on the way in, nothing changes afterwards."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        alias_generator=to_camel,
        populate_by_name=True,
    )
    page: ClassVar[str] = "docs/model.md"
    """Where the fields of the whole document are told of."""
