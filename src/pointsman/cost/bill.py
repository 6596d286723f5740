"""Items added up, by model, layer, namespace or node: reserved, used and idle are sums of their own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pointsman.cost.items import GPU, LOAD_BALANCER, VOLUME, Item
from pointsman.cost.lacking import COMPLETE, Lacking
from pointsman.cost.sums import total

__all__ = ["BY", "groups_of", "row_of"]

BY: Mapping[str, Callable[[Item], str]] = {
    "model": lambda one: one.owner.model,
    "layer": lambda one: one.owner.layer,
    "namespace": lambda one: one.namespace,
    "node": lambda one: one.node,
}
"""What items are put together by; an empty word is nobody's."""


def groups_of(items: Iterable[Item], by: str, lacks: Lacking = COMPLETE, *, priced: bool) -> list[dict[str, Any]]:
    """A row for each group, by its name; what belongs to none comes last."""
    found: dict[str, list[Item]] = {}
    for one in items:
        found.setdefault(BY[by](one), []).append(one)
    return [
        {by: name or None} | row_of(found[name], lacks.within(by, name), priced=priced)
        for name in sorted(found, key=lambda one: (not one, one))
    ]


def row_of(items: Sequence[Item], lacks: Lacking = COMPLETE, *, priced: bool) -> dict[str, Any]:
    """What there is to say of these together."""
    gpus = [one for one in items if one.kind == GPU]
    reserved = [one for one in gpus if one.reserved]
    volumes = [one for one in items if one.kind == VOLUME]
    entrances = [one for one in items if one.kind == LOAD_BALANCER]
    sizes = [one.gib for one in volumes]
    amounts: dict[str, Iterable[Decimal | None]] = {
        "paid": (one.hourly for one in items),
        "reserved": (one.hourly for one in reserved),
        "used": map(_used, reserved),
        "idle": map(_idle, gpus),
        "volumes": (one.hourly for one in volumes),
        "loadBalancers": (one.hourly for one in entrances),
    }
    money = {key: total(some, more=lacks.of(key)) for key, some in amounts.items()}
    return {
        "gpus": _gpus(gpus),
        "slices": _slices(gpus),
        "cache": _cache(reserved),
        "volumes": {
            "count": len(volumes),
            "gib": number(sum((one for one in sizes if one is not None), Decimal(0))),
            "sizeNotKnown": sizes.count(None),
        },
        "loadBalancers": len(entrances),
        "money": {key: one.as_dict(priced=priced) for key, one in money.items()},
        "notKnown": sorted({one.why for one in items if one.why}),
        "notSeen": lacks.told,
    }


def _gpus(items: Sequence[Item]) -> dict[str, Any]:
    """Whole GPUs; ``useNotKnown`` are reserved ones of which nobody can say whether they are used."""
    reserved = [one for one in items if one.reserved]
    used = sum((one.gpus * one.share for one in reserved if one.share is not None), Fraction(0))
    idle = sum((one.gpus * (1 - one.share) for one in items if one.share is not None), Fraction(0))
    return {
        "paid": number(sum((one.gpus for one in items), Fraction(0))),
        "reserved": number(sum((one.gpus for one in reserved), Fraction(0))),
        "used": number(used),
        "idle": number(idle),
        "useNotKnown": number(sum((one.gpus for one in reserved if one.share is None), Fraction(0))),
    }


def _slices(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Slices of GPUs, each kind by itself: they are not added to GPUs."""
    paid, reserved, used = Counter[str](), Counter[str](), dict[str, Fraction]()
    unknown = Counter[str]()
    for one in items:
        for name, count in one.devices.items():
            if "/mig-" not in name:
                continue
            paid[name] += count
            reserved[name] += count if one.reserved else 0
            unknown[name] += count if one.share is None else 0
            used[name] = used.get(name, Fraction(0)) + count * (one.share or 0)
    return [
        {
            "name": name,
            "paid": paid[name],
            "reserved": reserved[name],
            "used": number(used[name]),
            "idle": number(paid[name] - unknown[name] - used[name]),
            "useNotKnown": unknown[name],
        }
        for name in sorted(paid)
    ]


def _cache(items: Sequence[Item]) -> float | None:
    said = [one.use.cache for one in items if one.use is not None and one.use.cache is not None]
    return round(sum(said) / len(said), 4) if said else None


def _used(one: Item) -> Decimal | None:
    return None if one.hourly is None or one.share is None else one.hourly * decimal(one.share)


def _idle(one: Item) -> Decimal | None:
    return None if one.hourly is None or one.share is None else one.hourly * decimal(1 - one.share)


def decimal(part: Fraction) -> Decimal:
    """As exactly as money is."""
    return Decimal(part.numerator) / Decimal(part.denominator)


def number(value: Fraction | Decimal) -> int | float:
    """For people and programs: whole where it is."""
    return int(value) if value == int(value) else round(float(value), 4)
