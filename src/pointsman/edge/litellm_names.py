"""Which entries answer a name that a tenant asks for, as LiteLLM's router looks it up.

``model_group_alias`` comes first, so an entry of that name is never asked; then entries of the name; then patterns,
the longest first (1.106, ``pattern_match_deployments``). An alias's target is not looked up as an alias again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pointsman.edge.config_text import ConfigText

__all__ = ["aliases_of", "answered_by", "concrete", "matches", "matching"]

PROBE = "pointsman-probe"


def aliases_of(config: ConfigText) -> Mapping[str, str]:
    """``model_group_alias``: the group behind each name."""
    said = config.settings("router_settings").get("model_group_alias")
    found: dict[str, str] = {}
    for name, value in said.items() if isinstance(said, dict) else ():
        target = value.get("model") if isinstance(value, dict) else value
        if isinstance(target, str) and target:
            found[str(name)] = target
    return found


def answered_by(config: ConfigText, name: str, *, follow: bool = True) -> str | None:
    """The ``model_name`` of the entries that answer; None when there are none.

    ``follow``: a ``model_group_alias`` of that name comes first.
    """
    target = aliases_of(config).get(name, name) if follow else name
    if config.entries(target):
        return target
    return next(iter(matching(config, target)), None)


def matching(config: ConfigText, name: str) -> list[str]:
    """The patterns that a name falls under, the one that LiteLLM takes first."""
    patterns = [pattern for pattern in config.names if "*" in pattern and matches(pattern, name)]
    return sorted(patterns, key=_specific, reverse=True)


def concrete(config: ConfigText, pattern: str, middles: tuple[str, ...]) -> str | None:
    """A name that only this pattern answers, made with the first of ``middles`` in the place of ``*`` that does."""
    for middle in (*middles, PROBE):
        name = pattern.replace("*", middle)
        if answered_by(config, name) == pattern and name not in aliases_of(config):
            return name
    return None


def matches(pattern: str, name: str) -> bool:
    """As ``re.match`` of the pattern with ``.*`` for each star, so the end of the name is free; in one pass."""
    first, *others = pattern.split("*")
    if not name.startswith(first):
        return False
    position = len(first)
    for part in others:
        found = name.find(part, position)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _regex(pattern: str) -> str:
    return re.escape(pattern).replace(r"\*", "(.*)")


def _specific(pattern: str) -> tuple[int, int]:
    regex = _regex(pattern)
    return len(regex), sum(regex.count(mark) for mark in "*+?\\^$|()")
