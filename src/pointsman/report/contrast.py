"""What differs between the layers of a model, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from pointsman.report.counting import count_of
from pointsman.report.data import write_data
from pointsman.report.folding import write_folded

__all__ = ["contrast_lines", "write_contrast"]

NAME, LAYER = 18, 10
"""Columns of a row's name, and of a layer's."""


def write_contrast(stream: TextIO, said: Mapping[str, Any], output: str) -> None:
    """``text``, ``json`` or ``yaml``."""
    if output == "text":
        write_folded(stream, contrast_lines(said))
    else:
        write_data(stream, said, output)


def contrast_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """What tenants would notice first, then every row; ``*`` where layers differ, ``!`` where tenants can tell."""
    yield f"{said['model']}: {', '.join(said['layers'])}"
    for layer, notices in said["notices"].items():
        yield ""
        yield from _notices(said["from"], layer, notices)
    yield ""
    for row in said["rows"]:
        yield from _row(row)
    yield ""
    yield "! tenants could tell the layers apart by it   * the layers differ"
    if said["unknown"]:
        yield ""
        yield "not known:"
        yield from (f"  - {one}" for one in said["unknown"])


def _notices(source: str, target: str, notices: list[Mapping[str, Any]]) -> Iterator[str]:
    if not notices:
        yield f"{source} to {target}: by their manifests, tenants would notice nothing"
        return
    count = count_of(len(notices), "thing")
    yield f"{source} to {target}: {count} that tenants would notice, the worst first"
    for number, one in enumerate(notices, 1):
        check = f" [{one['check']}]" if one["check"] else ""
        yield f"  {number}. {one['what']}{check}"
        if one["next"]:
            yield f"     next: {one['next']}"


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    mark = ("!" if row["tenants"] else "*") if row["differs"] else " "
    head = f"{mark} {row['name']:<{NAME - 2}}"
    if not row["differs"]:
        yield f"{head}{next(iter(row['values'].values()))}".rstrip()
        return
    for layer, value in row["values"].items():
        yield f"{head}{layer:<{LAYER}}{value}".rstrip()
        head = " " * NAME
