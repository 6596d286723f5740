"""What ``lint`` and ``doctor`` have in common: their options, how findings are written, and the exit code."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pointsman.checks.check import Check
    from pointsman.checks.finding import Outcome

__all__ = [
    "BROKEN",
    "NOT_CHECKED",
    "Fail",
    "Failing",
    "Format",
    "Listing",
    "Only",
    "Show",
    "Threshold",
    "Write",
    "ended",
    "tell",
]

BROKEN = 101
NOT_CHECKED = 5
"""Exit code where nothing failed, but not everything could be looked at: neither findings nor a clean run."""


class Format(StrEnum):
    """How findings are written."""

    text = "text"
    json = "json"
    yaml = "yaml"
    sarif = "sarif"
    junit = "junit"


class Threshold(StrEnum):
    """How bad a finding has to be."""

    info = "info"
    warning = "warning"
    error = "error"


class Failing(StrEnum):
    """How bad a finding has to be for exit code 1."""

    info = "info"
    warning = "warning"
    error = "error"
    never = "never"


Show = Annotated[Threshold, typer.Option("--show", help="The least level that is shown.")]
Fail = Annotated[Failing, typer.Option("--fail", help="The least level that fails.")]
Only = Annotated[
    list[str] | None, typer.Option("--check", metavar="ID", help="Only this check, or hundred (PM2); repeat.")
]
Listing = Annotated[bool, typer.Option("--list", help="List the checks there are, and leave.")]
Write = Annotated[Format, typer.Option("--output", "-o", help="How to print it.")]


def tell(checks: Sequence[Check], output: Format) -> int:
    """List the checks there are."""
    from pointsman.checks.telling import entry
    from pointsman.report.checks import write_catalogue

    write_catalogue(sys.stdout, [entry(one) for one in checks], output.value)
    return 0


def ended(
    said: Mapping[str, Any], made: Outcome, fail: Failing, output: Format, *, looked: bool, whole: bool = False
) -> int:
    """Write what was found; the exit code.

    Args:
        said: what was found.
        made: the same, with what is not shown.
        fail: the least level that fails.
        output: how it is printed.
        looked: was there anything to look at?
        whole: are all findings of a check printed, however many there are?
    """
    from pointsman.checks.check import Level
    from pointsman.report.checks import write_outcome

    write_outcome(sys.stdout, {**said, "fail": fail.value}, output.value, whole=whole)
    if made.broken:
        return BROKEN
    if fail is not Failing.never and made.at_least(Level(fail.value)):
        return 1
    return NOT_CHECKED if made.skipped or not looked else 0
