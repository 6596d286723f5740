"""``pointsman explain``: what an error's code or a check's id means. No cluster, and no library for a code."""

from __future__ import annotations

import re
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from pointsman.cli.words import given
from pointsman.codes.table import find, near
from pointsman.errors import UsageError

__all__ = ["command"]

PAGE = "docs/errors.md"
_CHECK = re.compile(r"PM\d*", re.IGNORECASE)


class Format(StrEnum):
    """How it is printed."""

    text = "text"
    json = "json"
    yaml = "yaml"


def command(
    code: Annotated[
        str, typer.Argument(parser=given, metavar="CODE", help="A code in brackets, or a check's id: PM201.")
    ],
    output: Annotated[Format, typer.Option("--output", "-o", help="How to print it.")] = Format.text,
) -> int:
    """Say what an error's code or a check's id means, and what to do."""
    from pointsman.report.explain import check_lines, code_lines
    from pointsman.report.folding import write_folded

    word = code.strip().strip("[]`")
    said, lines = (_check(word), check_lines) if _CHECK.fullmatch(word) else (_code(word), code_lines)
    if output is Format.text:
        write_folded(sys.stdout, lines(said))
    else:
        from pointsman.report.data import write_data

        write_data(sys.stdout, said, output.value)
    return 0


def _code(word: str) -> dict[str, Any]:
    found = find(word.lower())
    if found is None:
        told = near(word.lower())
        known = f"; did you mean {', '.join(told)}?" if told else ""
        raise UsageError(
            f"there is no code {word[:60]!r}{known}",
            next_action=f"{PAGE} lists the codes, docs/move.md what a move looks at, pointsman lint --list the checks",
            code="code-unknown",
        )
    return found.as_dict() | {"page": PAGE}


def _check(word: str) -> dict[str, Any]:
    from pointsman.checks.catalogue import CHECKS, RETIRED, chosen
    from pointsman.checks.telling import entry

    known = [one.id for one in CHECKS]
    if word.upper() in {*known, *RETIRED}:
        return entry(chosen([word])[0])
    told = [one for one in known if one.startswith(word[:3].upper())] or known
    raise UsageError(
        f"there is no check {word[:60]!r}; did you mean {', '.join(told[:5])}?",
        next_action="pointsman lint --list names them",
        code="check-unknown",
    )
