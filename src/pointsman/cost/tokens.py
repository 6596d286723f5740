"""What a token costs: GPU hours of the engines that run now, over the tokens they have counted since they began.

Over that time and no other. Engines that ended took their counters along, and an engine that does not say since when
it counts is left out. Where prefill has pods of its own both sides count a prompt, so tokens are those of the pods
that answer; the GPU hours are those of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from pointsman.cost.items import Item
from pointsman.move.probes.pods import EnginePod

__all__ = ["tokens_of"]

MILLION = Decimal(1_000_000)
CENT = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class _Engine:
    item: Item
    began: datetime
    prompt: Decimal
    generated: Decimal
    answers: bool

    @property
    def hours(self) -> Decimal:
        """Since it began, until it was last asked."""
        assert self.item.use is not None
        return Decimal(str((self.item.use.at - self.began).total_seconds())) / 3600


def tokens_of(items: Iterable[Item], pods: Mapping[str, EnginePod]) -> list[dict[str, Any]]:
    """A row for each model and layer that has engines."""
    found: dict[tuple[str, str], list[Item]] = {}
    for one in items:
        if one.name.removeprefix("Pod ") in pods:
            found.setdefault((one.owner.model, one.owner.layer), []).append(one)
    return [{"model": model, "layer": layer} | _row(found[model, layer], pods) for model, layer in sorted(found)]


def _row(items: Sequence[Item], pods: Mapping[str, EnginePod]) -> dict[str, Any]:
    read = [one for each in items if (one := _engine(each, pods[each.name.removeprefix("Pod ")])) is not None]
    prompt = sum((one.prompt for one in read if one.answers), Decimal(0))
    generated = sum((one.generated for one in read if one.answers), Decimal(0))
    hours = sum((one.hours for one in read), Decimal(0))
    cost = _cost(read)
    return {
        "engines": len(items),
        "enginesCounted": len(read),
        "promptTokens": int(prompt),
        "generatedTokens": int(generated),
        "since": min((one.began.isoformat() for one in read), default=None),
        "engineHours": str(hours.quantize(CENT)),
        "perMillionTokens": _per(cost, prompt + generated),
        "perMillionGenerated": _per(cost, generated),
        "why": _why(items, read, cost, prompt + generated),
    }


def _engine(item: Item, pod: EnginePod) -> _Engine | None:
    look = item.use.last if item.use is not None else None
    if look is None or look.prompt is None or look.generated is None:
        return None
    began = look.began or _time(pod.since)
    if began is None or item.use is None or item.use.at <= began:
        return None
    return _Engine(item, began, Decimal(str(look.prompt)), Decimal(str(look.generated)), pod.role == "serve")


def _time(said: str) -> datetime | None:
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None


def _cost(read: Sequence[_Engine]) -> Decimal | None:
    money = Decimal(0)
    for one in read:
        if one.item.hourly is None:
            return None
        money += one.item.hourly * one.hours
    return money


def _per(cost: Decimal | None, tokens: Decimal) -> str | None:
    return str((cost / tokens * MILLION).quantize(CENT)) if cost is not None and tokens else None


def _why(items: Sequence[Item], read: Sequence[_Engine], cost: Decimal | None, tokens: Decimal) -> str:
    if not read:
        return "no engine says what it counted, and since when"
    if cost is None:
        return next(one.item.why for one in read if one.item.hourly is None)
    if not tokens:
        return "no token was counted yet"
    left = len(items) - len(read)
    return f"{left} of {len(items)} engines are left out: they do not say" if left else ""
