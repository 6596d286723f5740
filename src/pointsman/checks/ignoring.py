"""Comments that say that a finding is known: ``# pointsman:ignore PM201 the GPU is ours, day and night``.

One counts for the line it stands on; on a line of its own, for the next line that is no comment. It names one id and a
reason. It never hides another finding of the object, and one that is malformed hides nothing: that, an ignore without a
reason, and one that hides nothing are findings themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pointsman.checks.check import Check, Told
from pointsman.checks.finding import Finding, Outcome

__all__ = ["Ignore", "ignored", "ignores_in"]

_WORD = re.compile(r"#\s*pointsman\s*[:\-]?\s*ignore\b(.*)$")
_WHOLE = re.compile(r"^#\s*pointsman:ignore\s+(PM[0-9]{3})(?:\s+(\S.*?))?\s*$")


@dataclass(frozen=True, slots=True)
class Ignore:
    """One."""

    path: str
    line: int
    """Where it stands."""
    counts: int
    """The line that it counts for."""
    id: str
    """Empty when it is malformed."""
    reason: str

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.path}:{self.line}"


def ignores_in(path: str, text: str) -> Iterator[Ignore]:
    """Every one of a file, malformed ones too."""
    if "pointsman" not in text:
        return
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        found = _WORD.search(line)
        if found is None or not _comment(line, found.start()):
            continue
        whole = _WHOLE.match(line[found.start() :])
        counts = number if line[: found.start()].strip() else _next(lines, number)
        yield Ignore(path, number, counts, whole[1] if whole else "", (whole[2] or "") if whole else "")


def _comment(line: str, at: int) -> bool:
    """Does a comment begin there? In YAML one begins a line, or follows white space."""
    return at == 0 or line[at - 1].isspace()


def _next(lines: list[str], number: int) -> int:
    """The first line after it that says something."""
    for later in range(number, len(lines)):
        said = lines[later].strip()
        if said and not said.startswith("#"):
            return later + 1
    return number


def ignored(
    made: Outcome, texts: Mapping[str, str], known: Iterable[str], about: tuple[Check, Check, Check]
) -> Outcome:
    """The same; findings that are ignored have their reasons, and ignores that are wrong are findings.

    ``about``: the checks for an ignore that is malformed, that has no reason, that hides nothing. One of an id that
    could not be looked at everywhere is not called unused.
    """
    malformed, bare, unused = about
    ids = set(known)
    blind = {one.check.id for one in made.skipped} | {one.check.id for one in made.broken}
    for path, text in texts.items():
        for one in ignores_in(path, text):
            if not one.id or one.id not in ids:
                why = f"there is no check {one.id}" if one.id else "an ignore that cannot be read hides nothing"
                made.findings.append(_about(malformed, one, why))
                continue
            hit = [found for found in made.findings if found.check.id == one.id and found.where == _line(one)]
            if not one.reason:
                made.findings.append(_about(bare, one, f"{one.id} is ignored without a reason, so it still counts"))
            elif hit:
                kept = [replace(found, ignored=one.reason) if found in hit else found for found in made.findings]
                made.findings = kept
            elif one.id not in blind:
                made.findings.append(_about(unused, one, f"{one.id} is not found there, so nothing is ignored"))
    return made


def _line(one: Ignore) -> str:
    return f"{one.path}:{one.counts}"


def _about(check: Check, one: Ignore, what: str) -> Finding:
    return Finding(check, one.where, "", Told(None, what, where=one.where))
