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
MOVES = "docs/move.md"
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
    check = word.rpartition(".")[2]  # in a move the step stands before it: preflight.PM707
    said, lines = (_check(check), check_lines) if _CHECK.fullmatch(check) else (_code(word), code_lines)
    if output is Format.text:
        write_folded(sys.stdout, lines(said))
    else:
        from pointsman.report.data import write_data

        write_data(sys.stdout, said, output.value)
    return 0


def _code(word: str) -> dict[str, Any]:
    found = find(word.lower())
    step = None if found else _of_step(word.lower())
    if step:
        return step
    if found is None:
        told = near(word.lower())
        known = f"; did you mean {', '.join(told)}?" if told else ""
        raise UsageError(
            f"there is no code {word[:60]!r}{known}",
            next_action=f"{PAGE} lists the codes, docs/move.md what a move looks at, pointsman lint --list the checks",
            code="code-unknown",
        )
    return found.as_dict() | {"page": PAGE}


def _of_step(word: str) -> dict[str, Any] | None:
    """A check that a move makes before or between its steps, with its step or without."""
    from pointsman.move.judging import contract_gate
    from pointsman.move.plan import preflight

    said, _, id_ = word.rpartition(".")
    before = {one.id: one.holds for one in preflight.CHECKS} | {"alias-one-layer": "the alias leads to one layer"}
    within = {one.id: one.promise for one in contract_gate.CHECKS}
    for step, known, leaves, remedy in (("preflight", before, 1, _BEFORE), ("contract", within, 3, _WITHIN)):
        if id_ in known and said in ("", step):
            return {
                "code": f"{step}.{id_}",
                "about": "Checks of a move",
                "exitCodes": [leaves],
                "means": f"found not to be so: {known[id_]}",
                "remedy": remedy,
                "page": MOVES,
            }
    return None


_BEFORE = "what the message names; nothing was changed"
_WITHIN = "compare the target's engine arguments with the spec; tenants are on the source"


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
