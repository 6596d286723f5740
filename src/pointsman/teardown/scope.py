"""What is to be taken away, and what was chosen about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pointsman.errors import RefusedError
from pointsman.move.journal.teardowns import torn

__all__ = ["ALL", "Choices", "Scope", "refuse_other_choices"]

ALL = "all"
"""Said in the place of an alias: every one."""


@dataclass(frozen=True, slots=True)
class Scope:
    """A model, a layer of every model, or everything."""

    kind: Literal["model", "layer", "all"]
    name: str = ""
    """Of the model or the layer."""

    @property
    def words(self) -> str:
        """As it is said on the command line."""
        return self.name or "--all"

    @property
    def title(self) -> str:
        """For people."""
        return {"model": f"model {self.name}", "layer": f"{self.name} of every model", "all": "everything"}[self.kind]


@dataclass(frozen=True, slots=True)
class Choices:
    """What was chosen; kept in the journal, and the same for whoever carries on."""

    keep_volumes: bool = False
    """Claims stay, with what is on them."""
    keep_gateways: bool = False
    """Gateways stay, and their addresses."""
    keep_nodes: bool = False
    """GPU nodes that nobody uses then are meant to stay: the audit does not count them."""
    take_kept: bool = False
    """What an earlier teardown was told to keep goes this time."""
    forget: bool = False
    """Journals of moves go, too, and at the very end this teardown's own."""
    withdraw: tuple[str, ...] = ()
    """Aliases whose tenants may lose their service."""
    leave: tuple[str, ...] = ()
    """Other names of the edge that may lose their engine."""
    drain_timeout: float = 600.0

    def as_dict(self) -> dict[str, Any]:
        """For the journal."""
        return {**asdict(self), "withdraw": list(self.withdraw), "leave": list(self.leave)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str = "") -> Choices:
        """As ``as_dict`` wrote them; raises NeedsPersonError for anything else, of the journal ``where``."""
        try:
            read: Choices = _choices().validate_python(dict(data))
        except ValidationError as error:
            raise torn(where, f"its choices: {error.errors()[0]['msg']}") from error
        return read

    def agrees_to(self, scope: Scope, alias: str) -> bool:
        """May this alias be withdrawn? ``all`` means every one where everything goes."""
        return alias in self.withdraw or (scope.kind == "all" and ALL in self.withdraw)


def refuse_other_choices(kept: Choices, said: Mapping[str, Any], command: str) -> None:
    """Raise RefusedError when something else was said now than was agreed to when the teardown began.

    ``said``: what the command line says, by field; what it leaves out is as it was.
    """
    kept_ones = kept.as_dict()
    for name, value in said.items():
        known = kept_ones[name]
        same = sorted(value) == sorted(known) if isinstance(known, list) else value == known
        if not same:
            option = "--" + name.replace("_", "-")
            raise RefusedError(
                f"{option} is another choice than this teardown was begun with ({_told(known)})",
                next_action=f"leave it out to go on as it was agreed; or {command} --abort, and begin anew",
                code="teardown-choices",
            )


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "given" if value else "not given"
    return ", ".join(map(str, value)) or "none" if isinstance(value, list) else f"{value:g}"


@cache
def _choices() -> TypeAdapter[Choices]:
    return TypeAdapter(Choices)
