"""How an error is told: lines for people, an object for programs. Light: help imports it too."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from pointsman.errors import PointsmanError

__all__ = ["HELPERS", "object_of", "text_of", "wanted_data"]

HELPERS = ("help", "--help", "-h")
"""Words in the place of a command that ask what there is."""


def text_of(error: PointsmanError) -> str:
    """The lines for standard error."""
    return "".join(f"{line}\n" for line in error.lines())


def object_of(error: PointsmanError, output: str) -> str:
    """What goes to standard output when ``json`` (a line) or ``yaml`` was asked for."""
    from pointsman.report.data import data_text

    return data_text({"error": error.as_dict()}, output)


def wanted_data(words: Sequence[str]) -> str:
    """``json`` or ``yaml`` where these words ask for one of them, the last one where they do twice; else nothing.

    ``plan -o`` names a file.
    """
    found = ""
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        if word == "--output" or (word == "-o" and words[0] != "plan"):
            found = following
        elif word.startswith("--output="):
            found = word.partition("=")[2]
        elif word.startswith("-o") and words[0] != "plan":
            found = word[2:]
    return found if found in ("json", "yaml") else ""
