"""How an error is told: lines for people, an object for programs. Light: help imports it too."""

from __future__ import annotations

from collections.abc import Sequence

from pointsman.errors import PointsmanError

__all__ = ["object_of", "text_of", "wants_json"]


def text_of(error: PointsmanError) -> str:
    """The lines for standard error."""
    place = f" at {error.where}" if error.where else ""
    said = f"error [{error.code}]{place}: {error.what}\n"
    return said + (f"  next: {error.next_action}\n" if error.next_action else "")


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
