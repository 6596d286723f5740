"""The words of a commit that changes aliases: what a person would have written, by layers and with the reason."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from pointsman.delivery.git.wording import redacted
from pointsman.edge.contract import CLOSED, Member
from pointsman.foreign import harmless
from pointsman.layers.registry import LAYERS

__all__ = ["body_of", "subject_of"]

_TITLES: Mapping[str, str] = {**{layer.id: layer.title for layer in LAYERS}, CLOSED: "closed"}
_WIDTH = 72
_LONGEST = 1200
"""Characters of a reason, which may quote what others said."""


def subject_of(names: Sequence[str], members: Sequence[Member], back: bool) -> str:
    """``qwen-local: raw vLLM 90, KServe 10``; aliases that are split alike share it."""
    told: dict[str, list[str]] = {}
    for name in names:
        of = [one for one in members if (one.alias or names[0]) == name]
        told.setdefault(_split(of), []).append(name)
    parts = [f"{', '.join(alike)}: {'back to ' if back else ''}{split}" for split, alike in told.items()]
    return harmless("; ".join(parts))


def body_of(reason: str) -> str:
    """The reason in lines of a width that ``git log`` shows well; without what lets somebody in."""
    words = " ".join(harmless(redacted(reason)).split())
    return textwrap.fill(words[:_LONGEST], _WIDTH, break_long_words=False, break_on_hyphens=False)


def _split(members: Sequence[Member]) -> str:
    """Members of one alias with their weights; a member that has nobody beside it needs none."""
    ours = [one for one in members if one.ours]
    named = [*ours, *(one for one in members if not one.ours)]
    if not named:
        return "nobody"
    if len(named) == 1:
        return f"{_title(named[0])} alone" if named[0].layer != CLOSED else "closed"
    return ", ".join(f"{_title(one)} {one.weight:g}" for one in named)


def _title(member: Member) -> str:
    return _TITLES.get(member.layer, member.layer) if member.ours else member.served_name
