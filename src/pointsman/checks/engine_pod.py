"""An engine as checks look at it: its container, its pod, and the words it is started with.

What an engine is, and what it promises, is read by ``adopt``. Here it is put together with the manifest around it, and
said how much of that is known: where a value may come from what nobody has read, a check has to say nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.promise import Engine
from pointsman.adopt.words import Place, Said, Word, flag_said, words_of
from pointsman.checks.check import Told
from pointsman.checks.view import View, get, listed, mapped
from pointsman.layers.command import Command, behind_preset, command_of, in_script, starts_engine
from pointsman.spec.arguments import flags

__all__ = ["EnginePod", "engine_pods", "own_pods", "tag_of"]

_PUBLISHED = frozenset({"vllm-openai", "vllm-openai-cpu", "vllm-openai-rocm", "vllm-cpu-release-repo"})
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.|\b)")


@dataclass(frozen=True, slots=True)
class EnginePod:
    """One engine in its pod."""

    engine: Engine
    pod: Mapping[str, Any]
    pod_place: Place
    container: Mapping[str, Any]
    words: tuple[Word, ...]
    """What the engine is given, one word each."""
    command: Command
    own: bool
    """Is all of it written here: neither a preset nor a runtime adds to it?"""
    whole: bool
    """Are all flags known, so that one that is not there is not given?"""
    given: Mapping[str, Said]
    """What each flag is given that is there."""
    env: Mapping[str, Any]
    """Variables by name; None where the value stands elsewhere."""

    @property
    def place(self) -> Place:
        """Where the container stands."""
        return self.engine.container

    @property
    def scripted(self) -> bool:
        """Is it started by a shell's script?"""
        return in_script(self.container)

    @property
    def plain(self) -> bool:
        """Does each item of ``args`` reach vLLM as it is written?"""
        return self.own and not self.scripted and (not self.container.get("command") or starts_engine(self.container))

    @property
    def from_elsewhere(self) -> bool:
        """May it have variables that nobody sees here?"""
        return bool(self.container.get("envFrom"))

    @property
    def version(self) -> tuple[int, int] | None:
        """vLLM's version by the tag of its own image; None where that says none: other images count otherwise."""
        found = _VERSION.match(tag_of(self.engine.image)) if self.of_vllm else None
        return (int(found[1]), int(found[2])) if found else None

    @property
    def of_vllm(self) -> bool:
        """Is it an image that vLLM itself publishes, whose contents are known?"""
        return self.engine.image.partition("@")[0].rpartition("/")[2].partition(":")[0] in _PUBLISHED

    def flag(self, name: str) -> Said | None:
        """What a flag is given."""
        return self.given.get(name)

    def at(self, said: Said | None) -> Place:
        """Where a flag stands; the container where it does not."""
        return (*self.place, *said.place) if said else self.place

    def told(self, what: str, place: Place, next_action: str = "", fixes: tuple[Any, ...] = ()) -> Told:
        """A finding of this engine's object."""
        return Told(self.engine.standing, what, place, next_action, fixes)


def engine_pods(view: View) -> list[EnginePod]:
    """Every engine; those of one view are put together once."""
    engines = view.engines
    made: list[EnginePod] | None = view.kept.get("engine_pods")
    if made is None:
        made = view.kept["engine_pods"] = [_pod_of(one) for one in engines]
    return made


def own_pods(view: View) -> Iterator[EnginePod]:
    """Those alone whose pods nobody else writes a part of."""
    return (one for one in engine_pods(view) if one.own)


def tag_of(image: str) -> str:
    """The tag of an image; empty when it has none."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[2]


def _pod_of(engine: Engine) -> EnginePod:
    data, place = engine.standing.data, engine.container
    preset = engine.layer == "llm-d"
    own = not preset and "containers" in place
    at = place[: place.index("containers")] if "containers" in place else ("spec", "predictor")
    container = mapped(data, *place)
    command = behind_preset(container) if preset else command_of(container)
    words = words_of(container, preset=preset)
    return EnginePod(
        engine,
        mapped(data, *at),
        at,
        container,
        tuple(words),
        command,
        own,
        _whole(engine, command, own=own),
        {flag.name: said for flag in flags([one.text for one in words]) if (said := flag_said(words, flag.name))},
        {str(one.get("name")): one.get("value") for one in listed(container, "env")},
    )


def _whole(engine: Engine, command: Command, *, own: bool) -> bool:
    layered = not own and (engine.layer != "llm-d" or bool(get(engine.standing.data, "spec", "baseRefs")))
    started = not own or command.model is not None
    return started and not layered and not command.open
