"""The text of the others' configuration, taken apart by its list's entries: whose line is it?"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import yaml

from tests.move.others.scene import CLOUD

__all__ = ["cloud_share", "line_of", "of_the_cloud", "pointing_at", "without"]

BEGINS = re.compile(r"""^  - model_name:\s*['"]?(?P<name>[^'"#\s]+)""")
ENDS = re.compile(r"^(?:  #|\S|$)")
"""A comment of the list, the next block of the file, an empty line."""


def _owners(text: str) -> list[str]:
    """For each line the alias in whose entry it lies; empty: in none."""
    owners, now = [], ""
    for line in text.split("\n"):
        if begun := BEGINS.match(line):
            now = begun["name"]
        elif ENDS.match(line):
            now = ""
        owners.append(now)
    return owners


def without(text: str, aliases: Collection[str]) -> str:
    """The text without the entries of these aliases: what nobody asked us to change."""
    kept = zip(text.split("\n"), _owners(text), strict=True)
    return "\n".join(line for line, owner in kept if owner not in aliases)


def of_the_cloud(text: str) -> list[str]:
    """The entry of the cloud behind our alias, without its weight."""
    entry: list[str] = []
    found: list[list[str]] = []
    for line, owner in zip(text.split("\n"), _owners(text), strict=True):
        if BEGINS.match(line):
            entry = []
            found += [entry] if owner == "qwen-local" else []
        entry += [line] if owner else []
    return [line for one in found if any(CLOUD in line for line in one) for line in one if "weight:" not in line]


def line_of(text: str, name: str) -> int:
    """The number, from 1, of the line that makes the name one of the edge's: its entry's first, or the alias's own."""
    for number, line in enumerate(text.split("\n"), 1):
        begun = BEGINS.match(line)
        if (begun and begun["name"] == name) or ("model_group_alias" in line and f'"{name}":' in line):
            return number
    raise AssertionError(f"no line is of {name}")


def cloud_share(text: str) -> float:
    """The share of alias ``qwen-local`` that the cloud has by declaration, as LiteLLM reads the file."""
    weights = {_params(one)["api_base"]: float(_params(one)["weight"]) for one in _entries(text, "qwen-local")}
    return weights[CLOUD] / sum(weights.values())


def pointing_at(text: str) -> Mapping[str, set[str]]:
    """Where every alias goes, by its entries' addresses."""
    names = {str(one["model_name"]) for one in yaml.safe_load(text)["model_list"]}
    return {name: {str(_params(one)["api_base"]).rstrip("/") for one in _entries(text, name)} for name in names}


def _entries(text: str, alias: str) -> Sequence[Mapping[str, Any]]:
    return [one for one in yaml.safe_load(text)["model_list"] if one["model_name"] == alias]


def _params(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = entry["litellm_params"]
    return found
