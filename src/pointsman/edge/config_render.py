"""Values as YAML text that every reader takes for the same, YAML 1.1 and 1.2 and, where asked for, JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from math import isfinite
from typing import Any

__all__ = ["block", "flow", "scalar"]

_PLAIN = re.compile(r"[A-Za-z][-A-Za-z0-9_./]*(:[-A-Za-z0-9_./]+)*")
_BREAKS = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""What JSON lets stand and YAML breaks lines at, or does not allow."""
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}


def scalar(value: object, *, quoted: bool = False) -> str:
    """One value; ``quoted`` puts every text in quotes, as JSON wants it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if not quoted and _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return _BREAKS.sub(lambda found: f"\\u{ord(found.group()):04x}", json.dumps(text, ensure_ascii=False))


def flow(value: object, *, quoted: bool = False) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        inside = (f"{scalar(key, quoted=quoted)}: {flow(part, quoted=quoted)}" for key, part in value.items())
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(part, quoted=quoted) for part in value) + "]"
    return scalar(value, quoted=quoted)


def block(data: Mapping[str, Any]) -> list[str]:
    """A mapping as lines, one per key; what its values hold that is no value itself stands on one line."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, Mapping) and value:
            lines.append(f"{scalar(key)}:")
            lines.extend(f"  {scalar(name)}: {flow(part)}" for name, part in value.items())
        else:
            lines.append(f"{scalar(key)}: {flow(value)}")
    return lines


def _number(value: float) -> str:
    """Exactly, and never with an exponent: YAML 1.1 takes 5e-07 for text."""
    if not isfinite(value):
        return {"nan": ".nan", "inf": ".inf", "-inf": "-.inf"}[str(value)]
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"
