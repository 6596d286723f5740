"""8xx: files that say that they are Models of this program."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View

__all__ = ["CHECKS"]


def _invalid(view: View) -> Iterator[Told]:
    for one in view.declared:
        for wrong in one.wrong:
            yield Told(None, f"no Model: {wrong.what}", next_action=wrong.next_action, where=wrong.where)


CHECKS = (
    Check(
        "PM801",
        "model-invalid",
        Level.error,
        frozenset({"declared"}),
        cause="a Model that cannot be read is rendered, moved and checked by nobody",
        remedy="correct the line",
        sure=Sure.measured,
        fact="how this program reads them: docs/model.md",
        run=_invalid,
        sources=frozenset({Source.files}),
    ),
)
