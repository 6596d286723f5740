"""What things cost, for people: a table, and below it what has to be known to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from pointsman.report.counting import count_of
from pointsman.report.folding import write_folded
from pointsman.report.table import Table, note

__all__ = ["money", "print_account"]

MANY = 20
"""Lines of one kind, of which more are only counted: a thousand models have thousands."""
_NOBODY = {"model": "of no model", "layer": "of no layer", "namespace": "in no namespace", "node": "on no node"}
_KINDS = {"Model": "models that the cluster keeps"}


def print_account(stream: TextIO, said: Mapping[str, Any]) -> None:
    """All of it."""
    prices, by = said["prices"], said["by"]
    for one in said["unseen"]:
        note(stream, f"not seen, so sums may be too small: {_KINDS.get(one['what'], one['what'])}: {one['why']}")
    for line in _few(said["warnings"], "warnings"):
        note(stream, line)
    table = Table(
        [by.upper(), "GPUS", "USED", "IDLE", "VOLUMES", "LB", "RESERVED/H", "USED/H", "IDLE/H", "ALL/H", "ALL/MONTH"],
        names=[by.upper()],
    )
    table.add("all", *_cells(said["total"]))
    for one in sorted(said["rows"], key=_idle_first):
        table.add(one[by] or _NOBODY[by], *_cells(one))
    table.write(stream)
    write_folded(stream, ["", *_about(said, prices), *_lists(said)])


def _idle_first(row: Mapping[str, Any]) -> tuple[float, float]:
    """What idles most first, since that is what somebody can do something about."""
    return -row["gpus"]["idle"], -row["gpus"]["paid"]


def _few(lines: Sequence[str], what: str) -> Iterator[str]:
    """The first ones, and how many there are besides."""
    yield from lines[:MANY]
    if len(lines) > MANY:
        yield f"and {len(lines) - MANY} more {what}: -o json has them all"


_PARTS = {
    "reserved": {"Pod", "Model"},
    "gpus": {"Pod", "Node", "Model"},
    "volumes": {"PersistentVolumeClaim", "PersistentVolume", "Model"},
    "loadBalancers": {"Service", "Gateway", "Ingress", "Model"},
}
"""Kinds without which a count is too small."""


def money(said: Mapping[str, Any], key: str = "perHour") -> str:
    """An amount; ``≥`` where a part of it is not known."""
    if said[key] is not None:
        return str(said[key])
    return f"≥ {said['atLeast'][key]}" if said.get("atLeast") else "not known"


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    gpus, amounts = row["gpus"], row["money"]
    unknown = gpus["useNotKnown"]
    slices = "".join(f" + {one['reserved']} of {one['paid']} {one['name']}" for one in row["slices"])
    least = {what: "" if kinds.isdisjoint(row["notSeen"]) else "≥ " for what, kinds in _PARTS.items()}
    yield f"{least['reserved']}{gpus['reserved']} of {least['gpus']}{gpus['paid']}{slices}"
    yield f"{least['reserved']}{gpus['used']}" + (f" (+ {unknown} not known)" if unknown else "")
    yield f"{least['gpus']}{gpus['idle']}"
    volumes = row["volumes"]
    yield least["volumes"] + (f"{volumes['count']} ({volumes['gib']} GiB)" if volumes["count"] else "0")
    yield f"{least['loadBalancers']}{row['loadBalancers']}"
    yield from (money(amounts[key]) for key in ("reserved", "used", "idle", "paid"))
    yield money(amounts["paid"], "perMonth")


def _about(said: Mapping[str, Any], prices: Mapping[str, Any] | None) -> Iterator[str]:
    if prices is None:
        yield "Money is not known: no prices were given (--prices FILE; docs/cost.md)."
    else:
        about = f"Prices of {prices['date']}, {prices['basis']}: {prices['source']}"
        yield f"Money in {prices['currency']}; a month is 730 h. {about}"
    seconds = said["used"]["seconds"]
    over = f"over {seconds:g} s" if seconds else "one look, a picture of a moment; --over TIME looks longer"
    if silent := said["used"]["notAsked"]:
        yield f"{count_of(silent, 'engine')} not asked what they do, which is a call each: --over 1m asks them."
    yield f"Used ({over}): {said['used']['meaning']}."
    if (cache := said["total"]["cache"]) is not None:
        yield f"KV cache in use, mean of the engines: {100 * cache:.1f} %"
    for why in said["total"]["notKnown"] if prices else ():
        yield f"not known: {why}"


def _lists(said: Mapping[str, Any]) -> Iterator[str]:
    yield from _part("Parked, and still paid for:", said["parked"])
    yield from _part("GPU nodes without GPU pods:", said["idleNodes"])
    yield from _few([_waiting(one) for one in said["waiting"]], "pods that wait")
    yield from _few([_token(one) for one in said["tokens"]], "prices of tokens")
    yield from _few(said["notes"], "notes")
    calls = said["calls"]
    words = {"lists": "list call", "engines": "engine", "edges": "edge"}
    yield f"asked: {', '.join(count_of(calls[key], word) for key, word in words.items())}"


def _part(title: str, items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if items:
        yield title
    yield from _few([_thing(one) for one in items], "of them")


def _thing(one: Mapping[str, Any]) -> str:
    whose = f", {one['model']} on {one['layer']}" if one["model"] else ""
    has = "".join(f", {count} {name}" for name, count in one["devices"].items())
    return f"  {one['name']}{whose}{has}: {money(one['money'])}/h, {money(one['money'], 'perMonth')}/month"


def _waiting(one: Mapping[str, Any]) -> str:
    asks = count_of(one["accelerators"], "accelerator")
    return f"waits for a node, nothing is reserved for it: Pod {one['pod']} ({asks})"


def _token(one: Mapping[str, Any]) -> str:
    name = f"{one['model']} on {one['layer']}"
    if one["since"] is None:
        return f"{name}: price of a token not known: {one['why']}"
    counted = f"{one['promptTokens']} tokens of prompts and {one['generatedTokens']} of answers since {one['since']}"
    both, answers = (one[key] or "not known" for key in ("perMillionTokens", "perMillionGenerated"))
    each = f"{both} a million tokens ({answers} a million of answers)"
    why = f"; {one['why']}" if one["why"] else ""
    return f"{name}: {each}: {counted}, {one['engineHours']} engine hours{why}"
