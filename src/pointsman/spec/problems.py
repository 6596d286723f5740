"""A list of problems, each with its line, told in one error.

Whoever corrects a file wants all of it at once, not one error per attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pointsman.errors import SpecError

__all__ = ["MOST_TOLD", "InvalidSpecError", "Problem"]


MOST_TOLD = 50
"""Problems that one error lists; the rest are counted."""


MOST_TOLD = 50
"""Problems that one error lists."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with a file."""

    line: int
    what: str
    next_action: str
    code: str = "spec-invalid"


class InvalidSpecError(SpecError):
    """A file with one or more problems, all of them in ``problems``, by line."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(sorted(set(problems)))
        first = self.problems[0]
        if len(self.problems) == 1:
            super().__init__(first.what, where=f"{path}:{first.line}", next_action=first.next_action, code=first.code)
            return
        told = [f"{path}:{each.line}: {each.what}; {each.next_action}" for each in self.problems[:MOST_TOLD]]
        more = len(self.problems) - len(told)
        super().__init__(
            "\n  ".join([f"{len(self.problems)} problems", *told, *([f"and {more} more"] if more else [])]),
            where=str(path),
            next_action="correct the lines above",
            code="spec-invalid",
        )
