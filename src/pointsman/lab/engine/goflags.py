"""Command lines of Go programs: ``--name=value``, ``--name value``, ``-name``, and booleans that need no value.

An empty word is what a template leaves behind where a flag is switched off; Go takes it for a positional argument
and so it is harmless.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Sequence

__all__ = ["ZAP", "parse_flags", "truth"]

ZAP = frozenset({"v", "zap-devel", "zap-encoder", "zap-log-level", "zap-stacktrace-level", "zap-time-encoding"})


def parse_flags(
    words: Sequence[str], program: str, valued: Collection[str], switches: Collection[str]
) -> dict[str, list[str]]:
    """Every flag with the values given to it; ends the program with code 2 at one that it does not have."""
    found: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "--":
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name not in valued and name not in switches and name not in ZAP:
            sys.stderr.write(f"unknown flag: --{name}\nusage of {program}: see its documentation\n")
            raise SystemExit(2)
        if not equals:
            value = "true" if name in switches or name == "zap-devel" else _next(rest, name)
        found.setdefault(name, []).append(value)
    return found


def truth(found: dict[str, list[str]], name: str, *, default: bool) -> bool:
    """The value of a boolean flag, the last one given."""
    return found[name][-1].lower() in ("1", "t", "true") if name in found else default


def _next(rest: Iterator[str], name: str) -> str:
    value = next(rest, None)
    if value is None:
        sys.stderr.write(f"flag needs an argument: --{name}\n")
        raise SystemExit(2)
    return value
