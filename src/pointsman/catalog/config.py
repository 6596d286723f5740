"""The configuration of an environment, read as leniently as the platform's own script reads it.

A feature may be missing, quoted or followed by a comment; what is neither ``true`` nor ``false`` counts as missing, and
so does a whole ``features`` that is no mapping. Lenient is not silent: whatever was overlooked is told, with its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from pointsman.catalog.gate import FEATURES
from pointsman.catalog.platform import Platform
from pointsman.catalog.repository import Repository
from pointsman.catalog.source import Source, read_source
from pointsman.catalog.telling import Told
from pointsman.errors import SpecError
from pointsman.intake.yaml import Place
from pointsman.spec.words import short, shown

__all__ = ["Config", "read_config"]


@dataclass(frozen=True, slots=True)
class Config:
    """What an environment's configuration says."""

    source: Source

    def switch(self, place: Place) -> bool | None:
        """``true`` or ``false``, quoted or not, as it stands there; None for anything else."""
        value = self.value(place)
        if isinstance(value, bool):
            return value if self._written(place) in ("true", "false") else None
        return {"true": True, "false": False}.get(value) if isinstance(value, str) else None

    def value(self, place: Place) -> Any:
        """The value at a place; None when nothing is there."""
        found = self.source.data
        for part in place:
            found = found.get(part) if isinstance(found, dict) else None
        return found

    def word(self, place: Place) -> str:
        """A value as text; empty when nothing is there, or no single value is."""
        value = self.value(place)
        if isinstance(value, bool | int | float):
            return self._written(place)
        return value.strip() if isinstance(value, str) else ""

    def has(self, place: Place) -> bool:
        """Does it stand there, whatever its value?"""
        return place in self.source.reading.lines

    def odd(self, platform: Platform) -> Iterator[Told]:
        """What was overlooked: values that mean the default, and features that no group knows."""
        features = self.value((FEATURES,))
        if self.has((FEATURES,)) and not isinstance(features, dict | None):
            what = f"features is {shown(features)}, not a mapping, so every feature has its default"
            yield Told("feature-value", self.source.at((FEATURES,)), what)
        if not isinstance(features, dict):
            return
        known = {each.opened_by.feature: each for each in platform.spec.groups if each.opened_by.feature}
        for name in features:
            place = (FEATURES, name)
            if name not in known:
                yield Told("feature-stray", self.source.at(place), _stray(str(name), list(known)))
            elif self.switch(place) is None:
                value = features[name]
                seen = self._written(place) if isinstance(value, bool) else shown(value)
                means = "true" if known[name].default else "false"
                what = f"features.{name} is {seen}, neither true nor false, so it has its default: {means}"
                yield Told("feature-value", self.source.at(place), what)

    def _written(self, place: Place) -> str:
        """A plain value as it stands in the text, without an anchor or a tag before it."""
        start, end = self.source.reading.spans.get(place, (0, 0))
        words = self.source.text[start:end].split()
        return words[-1] if words else ""


def _stray(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"no group is turned on by features.{short(name)}{hint}"


def read_config(repository: Repository) -> Config:
    """Read it; SpecError with its line when it is no mapping, or cannot be read."""
    source = read_source(repository.config, repository.root)
    if not isinstance(source.data, dict):
        empty = source.reading.empty or source.data is None
        raise SpecError(
            "the configuration is empty" if empty else "the configuration is not a mapping",
            where=source.at(()),
            next_action="write fields into it, such as features: {kserve: true}",
            code="platform-not-a-mapping",
        )
    return Config(source)
