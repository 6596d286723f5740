"""Members of aliases as checks look at them: those that LiteLLM may ask, and the lines of what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pointsman.adopt.edges import Edge, Member, located
from pointsman.adopt.roads import Road
from pointsman.checks.view import View
from pointsman.edge.config_text import child
from pointsman.edge.litellm_params import INFO, blocked

__all__ = ["COVERING", "fallbacks_of", "line_of", "open_members", "own_aliases", "setting", "writes"]


def open_members(edge: Edge) -> dict[str, list[Member]]:
    """By alias, all that are not blocked."""
    found: dict[str, list[Member]] = {}
    for one in edge.members:
        if not blocked(one.entry.section(INFO)):
            found.setdefault(one.alias, []).append(one)
    return found


def own_aliases(view: View) -> Iterator[tuple[str, list[Member], list[Road]]]:
    """Each alias that leads to an engine here: its members that are not blocked, and the roads to engines."""
    roads: dict[tuple[int, str], list[Road]] = {}
    for model in view.models:
        for road in model.roads:
            roads.setdefault((id(road.member.edge), road.member.alias), []).append(road)
    for edge in view.edges:
        for alias, members in open_members(edge).items():
            if (id(edge), alias) in roads:
                yield alias, members, roads[id(edge), alias]


def writes(member: Member) -> bool:
    """Does it answer in many words, as far as it says?"""
    return member.entry.section(INFO).get("mode") not in ("embedding", "rerank")


def line_of(member: Member, section: str, key: str) -> str:
    """The line of one value of an entry; the entry's where it has none."""
    config = member.edge.config
    found = child(child(config.items[member.entry.index], section), key)
    return located(member.edge, config.line(found)) if found is not None else member.where


def setting(edge: Edge, *path: str) -> str:
    """The line of a setting, or of what it belongs to; the list of models where none of it is written."""
    config = edge.config
    return located(edge, config.place_of(*path) if path[0] in config.data else config.place_of("model_list"))


COVERING = ("fallbacks", "default_fallbacks")
"""Settings that answer when a member fails; the others, when a prompt is too long or refused for what it says."""
_KINDS = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")


def fallbacks_of(edge: Edge) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """The name that falls back (``*`` for every one), the name it falls back to, and where that is set."""
    for section in ("router_settings", "litellm_settings"):
        settings = edge.config.settings(section)
        for kind in _KINDS:
            for one in _list(settings.get(kind)):
                for name, targets in one.items() if isinstance(one, Mapping) else ():
                    yield from ((str(name), str(to), (section, kind)) for to in _texts(targets))
        for to in _texts(settings.get("default_fallbacks")):
            yield "*", to, (section, "default_fallbacks")


def _texts(value: object) -> list[str]:
    return [one for one in _list(value) if isinstance(one, str)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
