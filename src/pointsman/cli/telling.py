"""How an error is told: lines for people, an object for programs. Light: help imports it too."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.errors import PointsmanError

__all__ = ["HELPERS", "object_of", "text_of", "wants_json"]

HELPERS = ("help", "--help", "-h")
"""Words in the place of a command that ask what there is."""


def text_of(error: PointsmanError) -> str:
    """The lines for standard error."""
    return "".join(f"{line}\n" for line in error.lines())


def object_of(error: PointsmanError) -> str:
    """The line for standard output, when JSON was asked for."""
    import json

    return json.dumps({"error": error.as_dict()}) + "\n"


def wants_json(words: Sequence[str]) -> bool:
    """Do these words ask for JSON? ``plan -o`` names a file."""
    short = words[:1] != ["plan"]
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == "--output=json" or (word == "--output" and following == "json"):
            return True
        if short and (word == "-ojson" or (word == "-o" and following == "json")):
            return True
    return False
