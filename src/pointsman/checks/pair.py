"""6xx: what a tenant would notice between two layers of one model, and between an alias and the engines it leads to.

What does not agree is found by ``adopt.comparing``; here it gets its id, its cause and its remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.view import View

__all__ = ["CHECKS"]

_READS = frozenset({"models", "engines", "edges"})


def _of(code: str) -> Callable[[View], Iterator[Told]]:
    def run(view: View) -> Iterator[Told]:
        for one in view.disagreements(code):
            yield Told(
                None,
                one.what,
                next_action=one.next_action,
                fixes=one.fixes,
                where=one.where,
                model=one.model,
                tied=one.tied,
            )

    return run


def _check(number: int, code: str, level: Level, cause: str, remedy: str, *, fixable: bool = True) -> Check:
    return Check(
        f"PM{number}",
        code.removeprefix("adopt-"),
        level,
        _READS,
        cause=cause,
        remedy=remedy,
        sure=Sure.measured,
        fact="LiteLLM 1.106.2 and vLLM 0.32, asked in the lab",
        run=_of(code),
        fixable=fixable,
    )


CHECKS = (
    _check(
        601,
        "adopt-served-name",
        Level.error,
        "an engine answers 404 to a name that it does not serve, and LiteLLM then closes the whole alias for 5 s",
        "serve the same name on every layer",
    ),
)
