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
    """Each reason that holds."""
    on, at = f"{row.group.name} is on", row.origin or config.source.at(row.group.opened_by.place)
    if caution.needs_field and not config.word(place := tuple(caution.needs_field.split("."))):
        there = config.has(place)
        what = f"{on} and {caution.needs_field} is {'empty' if there else 'missing'}"
        yield Told("warn-field", config.source.at(place) if there else at, what + _because(caution))
    if caution.refuses and (gate := gate_in(caution.refuses)) and config.word(gate.place) == gate.value:
        what = f"{on} and {gate.field} is {gate.value}"
        yield Told("warn-value", config.source.at(gate.place), what + _because(caution))
    if caution.needs_group and not (needed := by_name[caution.needs_group]).on:
        what = f"{on} and the group {needed.group.name} is off"
        yield Told("warn-group", at, what + _because(caution), _turn_on(needed))
    if caution.needs_gpus:
        what = f"{on} and needs at least {_gpus(caution.needs_gpus)}; how many there are is not written here"
        yield Told("warn-gpus", at, what + _because(caution))


def _gpus(gpus: int) -> str:
    """``2 GPUs``."""
    return f"{gpus} GPU{'' if gpus == 1 else 's'}"


def _because(caution: Caution) -> str:
    return f": {caution.because}" if caution.because else ""


def _turn_on(row: Row) -> str:
    gate = row.group.opened_by
    return f"pointsman features enable {gate.feature}" if gate.feature else f"write {gate.field}: {gate.value}"
