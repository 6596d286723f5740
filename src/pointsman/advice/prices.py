"""What an accelerator costs an hour: said on the command line, in a file with its source and date, or in the spec.

No price is built in: they differ by provider, contract and month. A file says where its numbers are from and of when.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pointsman.advice.gpus import gpu_called
from pointsman.errors import SpecError, UsageError, reason_of
from pointsman.intake.file import expanded, read_file

__all__ = ["Price", "prices_in", "prices_said"]

_OLD = 90
"""Days after which a price is called old."""


@dataclass(frozen=True, slots=True)
class Price:
    """Of one accelerator."""

    per_hour: Decimal
    source: str

    def of(self, gpus: int) -> Decimal:
        """So many of them."""
        return self.per_hour * gpus


def prices_said(words: Iterable[str]) -> dict[str, Price]:
    """``L4=0.71``, each; raises UsageError."""
    found = {}
    for word in words:
        name, equals, text = word.partition("=")
        amount = _amount(text) if equals else None
        if amount is None:
            raise UsageError(
                f"--price {word[:40]!r} is no price", next_action="write --price L4=0.71, an hour of one GPU"
            )
        found[gpu_called(name).name] = Price(amount, "--price")
    return found


def prices_in(path: Path, today: date) -> dict[str, Price]:
    """A file ``{source: …, date: 2026-11-01, perHour: {L4: 0.71}}``; raises SpecError ``prices-invalid``."""
    path = expanded(path)
    data = _read(path)
    listed, source, when = data.get("perHour"), data.get("source"), data.get("date")
    if not isinstance(source, str) or not isinstance(when, date) or not isinstance(listed, Mapping):
        raise _refused(path, "it does not say source, date and perHour")
    age = (today - when).days
    old = f", {age} days old" if age > _OLD else ""
    found = {}
    for name, text in listed.items():
        amount = _amount(str(text))
        if amount is None:
            raise _refused(path, f"{str(text)[:40]!r} is no price of {str(name)[:40]}")
        found[gpu_called(str(name)).name] = Price(amount, f"{source}, {when}{old} ({path})")
    return found


def _read(path: Path) -> Mapping[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(read_file(path, 1 << 18))
    except OSError as error:
        raise _refused(path, f"it cannot be read: {reason_of(error)}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise _refused(path, "it is no YAML") from None
    return data if isinstance(data, dict) else {}


def _refused(path: Path, what: str) -> SpecError:
    return SpecError(
        f"prices cannot be taken from there: {what}",
        where=str(path),
        next_action="write source: NAME, date: 2026-11-01, perHour: {L4: 0.71}",
        code="prices-invalid",
    )


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text) if re.fullmatch(r"\d{1,6}(\.\d{1,6})?", text.strip()) else None
    except InvalidOperation:
        return None
