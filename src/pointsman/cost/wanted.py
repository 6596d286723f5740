"""What an account is asked for: what its rows are, how long engines are watched, and what of a cluster is meant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pointsman.cost.items import Item
from pointsman.cost.models import Owners
from pointsman.move.records import Record

__all__ = ["Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything in a cluster, one look at engines, a row for each model, unless something else is said."""

    by: str = "model"
    seconds: float = 0.0
    """For so long engines are watched."""
    model: str = ""
    layer: str = ""
    namespace: str = ""
    alias: str = ""
    attention: bool = False
    """Only rows with GPUs that idle, or with something that is parked and still paid for."""

    @property
    def whole(self) -> bool:
        """Is it about all of the cluster?"""
        return not (self.model or self.layer or self.namespace or self.alias)

    def has(self, record: Record) -> bool:
        """Is this model meant?"""
        tenant = record.model.spec.tenant if record.model is not None else None
        aliases = (tenant.alias, *tenant.aliases) if tenant is not None else ()
        return self.model in ("", record.name) and self.alias in ("", *aliases)

    def of(self, items: Iterable[Item], owners: Owners) -> list[Item]:
        """What of these is meant."""
        return [
            one
            for one in items
            if (not (self.model or self.alias) or one.owner.model in owners.names)
            and self.layer in ("", one.owner.layer)
            and self.namespace in ("", one.namespace)
        ]
