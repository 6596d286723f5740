"""What checks found, for people and for other programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from pointsman.report.counting import count_of
from pointsman.report.data import write_data
from pointsman.report.folding import write_folded
from pointsman.report.junit import junit_of
from pointsman.report.sarif import sarif_of
from pointsman.report.table import Table

__all__ = ["write_catalogue", "write_outcome"]

_MANY = 40
"""Things that were not read, of which more are counted only; and findings, of which more begin with a summary."""
_EACH = 5
"""Findings of one check that are told where there are more than ``_MANY`` altogether."""


_LOOKED = {"objects": "object", "configurations": "LiteLLM file", "models": "Model"}
"""What was looked at, and what one of it is called."""


def write_outcome(stream: TextIO, said: Mapping[str, Any], output: str, *, whole: bool = False) -> None:
    """``text``, ``json``, ``yaml``, ``sarif`` or ``junit``; of text all of it (``whole``), however much that is."""
    if output == "text":
        write_folded(stream, list(_lines(said, whole=whole or len(said["findings"]) <= _MANY)))
    elif output == "sarif":
        stream.write(json.dumps(sarif_of(said), indent=2) + "\n")
    elif output == "junit":
        stream.write(junit_of(said))
    else:
        write_data(stream, said, output)


def write_catalogue(stream: TextIO, entries: Sequence[Mapping[str, Any]], output: str) -> None:
    """Every check there is."""
    if output != "text":
        write_data(stream, {"checks": list(entries)}, "yaml" if output == "yaml" else "json")
        return
    table = Table(["ID", "LEVEL", "NAME", "CAUSE"], names=["ID", "NAME"])
    for one in entries:
        table.add(one["id"], one["level"], one["name"], one["cause"])
    table.write(stream)


def _lines(said: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    yield from _not_read("not read, so not checked:", [one for one in said["notRead"] if one.get("unread")])
    yield from _findings(said["findings"], whole=whole)
    for one in said["broken"]:
        yield f"broken {one['id']} {one['name']}: {one['error']}; it says nothing, and that is a bug of ours"
    if said["notChecked"]:
        yield "not checked:"
        yield from (f"  {one['id']} {one['name']}: {one['why']}" for one in said["notChecked"])
    yield from _not_read("not read, or not known:", [one for one in said["notRead"] if not one.get("unread")])
    yield _verdict(said)


def _not_read(title: str, found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if found:
        yield title
    for one in found[:_MANY]:
        yield f"  {one['where']}: {one['why']}" + (f"; {one['next']}" if one["next"] else "")
    if len(found) > _MANY:
        yield f"  and {len(found) - _MANY} more"


def _findings(found: Sequence[Mapping[str, Any]], *, whole: bool) -> Iterator[str]:
    """All of them; or how many each check has, and the first ones of each."""
    of = Counter((one["level"], one["id"], one["name"]) for one in found)
    if not whole:
        yield from (f"{count:>6}  {level} {id_} {name}" for (level, id_, name), count in of.items())
        yield ""
    told = Counter[str]()
    for one in found:
        told[one["id"]] += 1
        if whole or told[one["id"]] <= _EACH:
            yield from _finding(one)
        elif told[one["id"]] == of[one["level"], one["id"], one["name"]]:
            left = told[one["id"]] - _EACH
            yield f"{one['level']} {one['id']} {one['name']}: {left} more; --check {one['id']} tells all"


def _finding(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['level']} {one['id']} {one['name']}" + (f" at {one['where']}" if one["where"] else "")
    yield f"  {one['what']}"
    mends = "; --fix can do it" if one["fixable"] else ""
    mends = f"; --fix does not: {one['notMended']}" if one["notMended"] else mends
    yield f"  next: {one['next']}{mends}"
    yield f"  why:  pointsman explain {one['id']}"


def _verdict(said: Mapping[str, Any]) -> str:
    levels = [one["level"] for one in said["findings"]]
    counts = [count_of(levels.count(level), level) for level in ("error", "warning") if level in levels]
    counts += [f"{levels.count('info')} of information"] if "info" in levels else []
    unread = sum(one.get("unread", False) for one in said["notRead"])
    clean = (
        f"no problems found in what could be read, and {count_of(unread, 'manifest')} could not be"
        if unread
        else "no problems found"
    )
    told = ", ".join(counts) or (clean if unread or any(said[one] for one in _LOOKED) else "nothing here to check")
    more = [f"{len(said['ignored'])} ignored"] if said["ignored"] else []
    more += [f"{count_of(unread, 'manifest')} not read"] if unread and counts else []
    more += [f"{said['notShown']} not shown"] if said["notShown"] else []
    more += [f"{len(said['notChecked'])} checks not run everywhere"] if said["notChecked"] else []
    more += [count_of(said["calls"], "list call")] if "calls" in said else []
    things = [count_of(said[one], thing) for one, thing in _LOOKED.items() if said[one]]
    looked = f"{count_of(said['checks'], 'check')} on {' and '.join(things) or count_of(0, 'object')}"
    return f"{told} ({looked}{''.join(f'; {one}' for one in more)})"
