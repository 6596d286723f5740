"""Comments that say that a finding is known: ``# pointsman:ignore PM201 the GPU is ours, day and night``.

One counts for the line it stands on; on a line of its own, for the next line that is no comment. It names one id and a
reason. It never hides another finding of the object, and one that is malformed hides nothing: that, an ignore without a
reason, and one that hides nothing are findings themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pointsman.checks.check import Check, Told
from pointsman.checks.finding import Finding, Outcome

__all__ = ["Ignore", "ignored", "ignores_in"]

_NAME = re.compile("pointsman", re.IGNORECASE)
_WORD = re.compile(r"#\s*pointsman\s*[:\-]?\s*ignore\b", re.IGNORECASE)
_NEAR = re.compile(
    r"(?:^|(?<=\s))#.*?\bpointsman\b\W{0,3}(?:ignore|ignoring|disable|skip|nolint|noqa)\w*\W.*?\bPM[0-9]", re.IGNORECASE
)
"""What was meant for one: an id behind the program's name and a word for leaving out, anywhere in a comment."""
_ID = re.compile(r"\bPM[0-9]{3}\b", re.IGNORECASE)
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
    meant: str = ""
    """The id in one that is malformed; empty where there is none."""

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.path}:{self.line}"


def ignores_in(path: str, text: str) -> Iterator[Ignore]:
    """Every one of a file, malformed ones too."""
    if _NAME.search(text) is None:
        return
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        found = _begun(line) if _NAME.search(line) else None
        if found is None:
            continue
        whole = _WHOLE.match(line[found:])
        counts = number if line[:found].strip() else _next(lines, number)
        if whole:
            yield Ignore(path, number, counts, whole[1], whole[2] or "")
        else:
            meant = _ID.search(line, found)
            yield Ignore(path, number, counts, "", "", meant[0].upper() if meant else "")


def _begun(line: str) -> int | None:
    """Where the comment with one begins, or with what was meant for one."""
    for pattern in (_WORD, _NEAR):
        for found in pattern.finditer(line):
            if _comment(line, found.start()):
                return found.start()
    return None


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
    made: Outcome,
    texts: Mapping[str, str],
    known: Iterable[str],
    about: tuple[Check, Check, Check],
    retired: Mapping[str, str],
    unread: Collection[str] = (),
) -> Outcome:
    """The same; findings that are ignored have their reasons, and ignores that are wrong are findings.

    ``about``: the checks for an ignore that is malformed, that has no reason, that hides nothing. One of an id that
    could not be looked at everywhere is not called unused. ``retired``: ids that are used no more, with why.
    ``unread``: files in which there may be findings that nobody could look for.
    """
    malformed, bare, unused = about
    ids = set(known)
    blind = {one.check.id for one in made.skipped} | {one.check.id for one in made.broken}
    for path, text in texts.items():
        for one in ignores_in(path, text):
            if not one.id or one.id not in ids:
                made.findings.append(_malformed(malformed, one, retired))
                continue
            hit = [found for found in made.findings if found.check.id == one.id and found.where == _line(one)]
            if not one.reason:
                made.findings.append(_about(bare, one, f"{one.id} is ignored without a reason, so it still counts"))
            elif hit:
                kept = [replace(found, ignored=one.reason) if found in hit else found for found in made.findings]
                made.findings = kept
            elif one.id not in blind and path not in unread:
                made.findings.append(_about(unused, one, f"{one.id} is not found there, so nothing is ignored"))
    return made


def _line(one: Ignore) -> str:
    return f"{one.path}:{one.counts}"


def _malformed(check: Check, one: Ignore, retired: Mapping[str, str]) -> Finding:
    if not one.id:
        action = (
            f"write # pointsman:ignore {one.meant or 'ID'} why it is so, with nothing else before it in the comment"
        )
        return _about(check, one, "an ignore that cannot be read hides nothing", action)
    if one.id in retired:
        what = f"the check {one.id} was retired, so nothing is ignored; {retired[one.id]}"
        return _about(check, one, what, "take it out, or name the id of the finding that it is to hide")
    return _about(check, one, f"there is no check {one.id}", "take it out, or name an id of pointsman lint --list")


def _about(check: Check, one: Ignore, what: str, action: str = "") -> Finding:
    return Finding(check, one.where, "", Told(None, what, next_action=action, where=one.where))
