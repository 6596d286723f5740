"""What things cost, for people: a table, and below it what has to be known to read it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from pointsman.report.counting import count_of
from pointsman.report.table import Table, note
from pointsman.report.text import write_lines

__all__ = ["money", "print_account"]

WIDTH = 100
_NOBODY = {"model": "of no model", "layer": "of no layer", "namespace": "in no namespace", "node": "on no node"}
_KINDS = {"Model": "models that the cluster keeps"}


def print_account(stream: TextIO, said: Mapping[str, Any]) -> None:
    """All of it."""
    prices, by = said["prices"], said["by"]
    table = Table(
        [by.upper(), "GPUS", "USED", "IDLE", "VOLUMES", "LB", "RESERVED/H", "USED/H", "IDLE/H", "ALL/H", "ALL/MONTH"],
        names=[by.upper()],
    )
    for one in said["rows"]:
        table.add(one[by] or _NOBODY[by], *_cells(one))
    table.add("all", *_cells(said["total"]))
    table.write(stream)
    write_lines(stream, ["", *_about(said, prices), *_lists(said)])
    for one in said["warnings"]:
        note(stream, one)
    for one in said["unseen"]:
        note(stream, f"not seen, so sums may be too small: {_KINDS.get(one['what'], one['what'])}: {one['why']}")


def money(said: Mapping[str, Any], key: str = "perHour") -> str:
    """An amount; ``≥`` where a part of it is not known."""
    if said[key] is not None:
        return str(said[key])
    return f"≥ {said['atLeast'][key]}" if said.get("atLeast") else "not known"


def _cells(row: Mapping[str, Any]) -> Iterator[str]:
    gpus, amounts = row["gpus"], row["money"]
    unknown = gpus["useNotKnown"]
    slices = "".join(f" + {one['reserved']} of {one['paid']} {one['name']}" for one in row["slices"])
    yield f"{gpus['reserved']} of {gpus['paid']}{slices}"
    yield f"{gpus['used']}" + (f" (+ {unknown} not known)" if unknown else "")
    yield f"{gpus['idle']}"
    volumes = row["volumes"]
    yield f"{volumes['count']} ({volumes['gib']} GiB)" if volumes["count"] else "0"
    yield str(row["loadBalancers"])
    yield from (money(amounts[key]) for key in ("reserved", "used", "idle", "paid"))
    yield money(amounts["paid"], "perMonth")


def _about(said: Mapping[str, Any], prices: Mapping[str, Any] | None) -> Iterator[str]:
    if prices is None:
        yield "Money is not known: no prices were given (--prices FILE; docs/cost.md)."
    else:
        about = f"Prices of {prices['date']}, {prices['basis']}: {prices['source']}"
        yield f"Money in {prices['currency']}; a month is 730 h. {about}"
    seconds = said["used"]["seconds"]
    over = f"over {seconds:g} s" if seconds else "one look, a picture of a moment; --watch SECONDS looks longer"
    yield from textwrap.wrap(f"Used ({over}): {said['used']['meaning']}.", WIDTH)
    if (cache := said["total"]["cache"]) is not None:
        yield f"KV cache in use, mean of the engines: {100 * cache:.1f} %"
    for why in said["total"]["notKnown"] if prices else ():
        yield f"not known: {why}"


def _lists(said: Mapping[str, Any]) -> Iterator[str]:
    yield from _part("Parked, and still paid for:", said["parked"])
    yield from _part("GPU nodes without GPU pods:", said["idleNodes"])
    for one in said["waiting"]:
        asks = count_of(one["accelerators"], "accelerator")
        yield f"waits for a node, nothing is reserved for it: Pod {one['pod']} ({asks})"
    for one in said["tokens"]:
        yield from textwrap.wrap(_token(one), WIDTH, subsequent_indent="  ")
    yield from said["notes"]
    calls = said["calls"]
    words = {"lists": "list call", "engines": "engine", "edges": "edge"}
    yield f"asked: {', '.join(count_of(calls[key], word) for key, word in words.items())}"


def _part(title: str, items: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if items:
        yield title
    for one in items:
        whose = f", {one['model']} on {one['layer']}" if one["model"] else ""
        has = "".join(f", {count} {name}" for name, count in one["devices"].items())
        yield f"  {one['name']}{whose}{has}: {money(one['money'])}/h, {money(one['money'], 'perMonth')}/month"


def _token(one: Mapping[str, Any]) -> str:
    name = f"{one['model']} on {one['layer']}"
    if one["since"] is None:
        return f"{name}: price of a token not known: {one['why']}"
    counted = f"{one['promptTokens']} tokens of prompts and {one['generatedTokens']} of answers since {one['since']}"
    both, answers = (one[key] or "not known" for key in ("perMillionTokens", "perMillionGenerated"))
    each = f"{both} a million tokens ({answers} a million of answers)"
    why = f"; {one['why']}" if one["why"] else ""
    return f"{name}: {each}: {counted}, {one['engineHours']} engine hours{why}"
