"""What a code means, for people."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["check_lines", "code_lines"]

_LINK = re.compile(r"\[([^\]]+)\]\(([a-z0-9/-]+\.md)\)")
_EXITS = {0: "a warning or note: it stops nothing"}


def code_lines(said: Mapping[str, Any]) -> list[str]:
    """An error's code."""
    exits = ", ".join(_EXITS.get(one, f"exit code {one}") for one in said["exitCodes"])
    return [
        f"{said['code']} ({said['about']})",
        *_part("means", said["means"]),
        *_part("do", said["remedy"]),
        *_part("ends with", exits),
        *_part("page", said["page"]),
    ]


def check_lines(said: Mapping[str, Any]) -> list[str]:
    """A check's id."""
    return [
        f"{said['id']} {said['name']} ({said['level']})",
        *_part("cause", said["cause"]),
        *_part("do", said["remedy"]),
        *_part("how sure", f"{said['sure']}: {said['fact']}"),
        *_part("reads", ", ".join(said["reads"])),
        *_part("page", said["page"]),
    ]


def _part(name: str, text: str) -> Iterator[str]:
    text = _LINK.sub(r"\1: docs/\2", text)
    if text:
        yield f"  {name:<10}{text}"
