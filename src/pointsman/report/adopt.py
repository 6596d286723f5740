"""What was found in a platform that others wrote, for people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from pointsman.report.counting import count_of
from pointsman.report.folding import write_folded
from pointsman.report.table import Table
from pointsman.report.text import write_lines

__all__ = ["also_lines", "diff_lines", "write_adopted"]

_PROMISES: tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...] = (
    ("served name", lambda one: ", ".join(one["names"]) or "?"),
    ("context", lambda one: str(one["maxModelLen"] or "?")),
    ("key", lambda one: one["auth"]),
    ("port", lambda one: str(one["port"])),
    ("weights", lambda one: one["weights"] or one["claim"] or "?"),
    ("GPUs", lambda one: f"{one['gpus']} × {one['replicas']}"),
    ("image", lambda one: one["image"] or "?"),
    ("application", lambda one: one["application"] or "-"),
)


def write_adopted(stream: TextIO, found: Mapping[str, Any]) -> None:
    """Models with their roads and promises, findings with what mends them, and what was not read."""
    for model in found["models"]:
        write_folded(stream, _model(model))
        _promises(stream, model)
        write_lines(stream, [""])
    write_folded(stream, _edges(found["edges"]) + _findings(found) + _left_out(found["notRead"]) + [_verdict(found)])


def _model(model: Mapping[str, Any]) -> list[str]:
    names = ", ".join(model["aliases"]) or "no alias reaches it"
    lines = [f"{model['name']}: {names}, served from {model['layer']}"]
    lines += [f"  {' '.join(name.split())} is another name of {target}" for name, target in model["otherNames"].items()]
    lines += [line for road in model["members"] for line in _road(road)]
    for road in model["others"]:
        lines.append(
            f"  {road['alias']} at {road['where']}: {road['provider']}/{road['model']}, none of ours: {road['why']}"
        )
    return lines


def _road(road: Mapping[str, Any]) -> list[str]:
    hops = [f"{hop['what']} ({hop['where']})" for hop in road["road"]]
    return [f"  {road['alias']} at {road['where']}", *(f"    → {hop}" for hop in (*hops, *road["engines"]))]


def _promises(stream: TextIO, model: Mapping[str, Any]) -> None:
    layers = model["layers"]
    table = Table(["  ", *(f"{layer}{' *' if layer == model['layer'] else ''}" for layer in layers)])
    table.add("  at", *(one["where"] for one in layers.values()))
    for name, of in _PROMISES:
        table.add(f"  {name}", *(of(one) for one in layers.values()))
    table.write(stream)


def _edges(edges: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for one in edges:
        by = f", by Application {one['application']}" if one["application"] else ""
        under = f" under {one['under']}" if one["under"] else ""
        kept = "; more may be in its database" if one["database"] else ""
        count = len(one["aliases"])
        lines.append(f"edge {one['file']}{under}{by}: {count} {'alias' if count == 1 else 'aliases'}{kept}")
    return [*lines, ""] if lines else []


def _findings(found: Mapping[str, Any]) -> list[str]:
    lines = []
    refused = {_key(one): one["why"] for one in found["notMended"]}
    untried = {_key(one) for one in found["notTried"]}
    for one in found["findings"]:
        lines += [f"{one['where']}: {one['what']} [{one['code']}]"]
        mends = ""
        if one["fixable"]:
            why = refused.get(_key(one))
            mends = f"; --fix does not: {why}" if why else "; --fix does it"
            mends = "; not tried yet, for want of time; --fix tries it" if _key(one) in untried else mends
        lines.append(f"  next: {one['next']}{mends}")
    return [*lines, *diff_lines(found["diff"]), *also_lines(found["alsoChanged"]), ""] if lines else []


def _key(one: Mapping[str, Any]) -> tuple[str, str, str]:
    return one["code"], one["where"], one["what"]


def diff_lines(diffs: Sequence[Mapping[str, str]]) -> list[str]:
    """Diffs, as they are read elsewhere too."""
    return [line for one in diffs for line in one["diff"].splitlines()]


def also_lines(found: Mapping[str, Sequence[str]]) -> list[str]:
    """What else is built from files that would be changed."""
    return [f"note: {path} is a part of {', '.join(folders)}, too" for path, folders in found.items()]


def _left_out(found: Sequence[Mapping[str, str]]) -> list[str]:
    lines = [f"  {one['where']}: {one['why']}" + (f"; {one['next']}" if one["next"] else "") for one in found[:100]]
    more = [f"  and {len(found) - 100} more"] if len(found) > 100 else []
    return ["not read, or not known:", *lines, *more, ""] if lines else []


def _verdict(found: Mapping[str, Any]) -> str:
    models, findings = len(found["models"]), len(found["findings"])
    said = count_of(findings, "finding") if findings else "nothing to correct"
    return f"{count_of(models, 'model')}, {said}"
