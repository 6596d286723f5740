"""What is warned of while certain groups are on: data of the platform, judged against what was resolved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.catalog.config import Config
from pointsman.catalog.gate import gate_in
from pointsman.catalog.groups import Row
from pointsman.catalog.platform import Caution, Platform
from pointsman.catalog.telling import Told

__all__ = ["advice"]


def advice(platform: Platform, config: Config, rows: Sequence[Row]) -> list[Told]:
    """Every warning, in the order of the platform's own, what was overlooked first."""
    by_name = {row.group.name: row for row in rows}
    found = [*config.odd(platform)]
    for caution in platform.spec.warnings:
        for name in caution.groups:
            if by_name[name].on and (by_name[name].origin or not caution.when_written):
                found += _of(caution, by_name[name], by_name, config)
    return found


def _of(caution: Caution, row: Row, by_name: dict[str, Row], config: Config) -> Iterator[Told]:
    name, why = row.group.name, f", {caution.because}" if caution.because else ""
    at = row.origin or config.source.at(row.group.opened_by.place)
    if caution.needs_field:
        place = tuple(caution.needs_field.split("."))
        if not config.word(place):
            at_field = config.source.at(place) if config.has(place) else at
            how = "empty" if config.has(place) else "missing"
            yield Told("warn-field", at_field, f"{name} is on and {caution.needs_field} is {how}: {_rest(why)}")
    if caution.refuses and (gate := gate_in(caution.refuses)) and config.word(gate.place) == gate.value:
        what = f"{name} is on and {gate.field} is {gate.value}: {_rest(why)}"
        yield Told("warn-value", config.source.at(gate.place), what)
    if caution.needs_group and not by_name[caution.needs_group].on:
        needed = by_name[caution.needs_group]
        yield Told(
            "warn-group", at, f"{name} is on and needs the group {needed.group.name}{why}, which is off", _on(needed)
        )
    if caution.needs_gpus:
        gpus = f"{caution.needs_gpus} GPUs"
        yield Told(
            "warn-gpus", at, f"{name} is on and needs at least {gpus}{why}; how many there are is not written here"
        )


def _rest(why: str) -> str:
    return why.removeprefix(", ") or "it does not work so"


def _on(row: Row) -> str:
    gate = row.group.opened_by
    return f"pointsman features enable {gate.feature}" if gate.feature else f"set {gate.field}: {gate.value}"
