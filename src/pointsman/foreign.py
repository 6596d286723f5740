"""Text that others wrote, on its way to a person: it can be read, and does nothing.

An engine's answer, a container's last words, a journal or a name may hold whatever its writer liked: sequences that
move a terminal's cursor, retitle its window or write to its clipboard (ESC, CSI, OSC), a carriage return that hides
what stands before it, marks that turn the direction of writing (CVE-2021-42574). What people read goes through here,
once, where errors, happenings and lines are made. JSON needs none of it: it escapes by itself.
"""

from __future__ import annotations

import re

__all__ = ["harmless"]

_ACTS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
"""Control characters but tab and line feed, marks of direction, line separators, halves of a pair."""


def harmless(text: str) -> str:
    """The text, with every character that acts instead of being seen spelled out: ``\\x1b``.

    A line end of two characters becomes one.
    """
    return text if text.isprintable() else _ACTS.sub(_spelled, text.replace("\r\n", "\n"))


def _spelled(found: re.Match[str]) -> str:
    number = ord(found.group())
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"
