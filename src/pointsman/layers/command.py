"""The command line of an engine, as a container of somebody's manifest has it.

vLLM is started in many ways: ``vllm serve``, its Python module, a shell's ``-c``, or by the image's own entry point
with arguments alone. All of them end in one list of arguments; what cannot be told is said and never guessed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pointsman.layers.idle import TOOLS, is_idle
from pointsman.layers.script import ends, given_by_c, words_in
from pointsman.spec.arguments import OWNED, PROMISED, Flag, base, flags

__all__ = ["Command", "behind_preset", "command_of", "in_script", "is_engine", "starts_engine"]

_SHELLS = {"sh", "bash", "ash", "dash"}
_MODULES = ("vllm.entrypoints.openai.api_server", "vllm.entrypoints.cli.main")
_VARIABLE = re.compile(
    r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::?-([^${}]*))?\}|\$([A-Za-z_][A-Za-z0-9_]*)"
)
_SETS = re.compile(r"(?:(?:^|[\s;&|(])(?=[A-Za-z_]\w*=)|\b(?:read|for)\s+(?:-\w+\s+)*)([A-Za-z_]\w*)")
"""Variables that a script sets itself."""
_WEIGHTS = re.compile(r"\$[({]?(\w+_)?(MODEL|WEIGHTS)(_(ID|NAME|PATH|DIR|URI|REPO|REPOSITORY))?[)}]?|.*/.*")
"""A variable in the place of the weights, by its name or as a part of a path; any other may hold flags."""
_SWITCH = re.compile(r"(enable|disable|no|use|skip|return|trust|enforce|async|log|calculate)-.*|headless|.*-only")
"""Flags of vLLM that take no value: what follows one is another word of its own (v0.23)."""
_STARTS = re.compile(rf"(^|[\s/])vllm(\s(?!\s*(?:{'|'.join(TOOLS)})\b)|$)")
_IMAGE = re.compile(r"vllm|llm-d|huggingfaceserver", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Command:
    """What an engine is started with."""

    model: str | None
    """The weights it is given: a repository of the hub, or a path; None when it does not say."""
    args: tuple[str, ...] = ()
    """Everything behind that, one word an item."""
    unknown: str = ""
    """Why the rest cannot be told, as a sentence; empty when nothing is missing."""

    def value(self, name: str) -> str | None:
        """The value of a flag, as vLLM takes it: the last one counts. None when it is not given."""
        found = [flag.value for flag in flags(self.args) if flag.name == name]
        return found[-1] if found else None

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a flag that takes several."""
        found: tuple[str, ...] = ()
        for flag in flags(self.args):
            if flag.name == name:
                head = self.args[flag.start].partition("=")[2]
                found = (*([head] if head else ()), *self.args[flag.start + 1 : flag.end])
        return found

    @property
    def hidden(self) -> frozenset[str]:
        """Flags whose values are filled in when it starts, or may stand where nobody can read them (``open``)."""
        listed = list(flags(self.args))
        filled = {flag.name for flag in listed if any("$" in word for word in self.args[flag.start : flag.end])}
        if not self.open:
            return frozenset(filled)
        return frozenset(filled | ({*OWNED, *PROMISED} - {base(flag.name) for flag in listed}))

    @property
    def open(self) -> bool:
        """May there be flags that do not stand here? A variable within a flag's value hides that value alone."""
        if self.model is None and not self.args:
            return bool(self.unknown)
        return bool(self.loose) or self.given("config")

    @property
    def loose(self) -> str:
        """A word that is filled in when it starts, and may hold any flag; empty when there is none."""
        listed = list(flags(self.args))
        held = {at for flag in listed for at in _holding(self.args, flag)}
        found = [word for at, word in enumerate(self.args) if "$" in word and at not in held]
        return next(iter(found), self.model or "" if _anything(self.model, listed) else "")

    def given(self, name: str) -> bool:
        """Is the flag there at all?"""
        return any(flag.name == name for flag in flags(self.args))


def _anything(model: str | None, listed: Sequence[Flag]) -> bool:
    """May a variable that stands where the weights do hold flags, too? Not as the value of ``--model``."""
    of_flag = any(flag.name == "model" and flag.value == model for flag in listed)
    return "$" in (model or "") and not of_flag and not _WEIGHTS.fullmatch(model or "")


def _holding(args: Sequence[str], flag: Flag) -> Iterator[int]:
    """Where words stand that hold a value of this flag, and nothing else."""
    name, equals, _ = args[flag.start].partition("=")
    if equals and "$" not in name:
        yield flag.start
    if not _SWITCH.fullmatch(flag.name):
        yield from range(flag.start + 1, flag.end)


def command_of(container: Mapping[str, Any]) -> Command:
    """What the container starts vLLM with."""
    words = [str(one) for one in [*_listed(container, "command"), *_listed(container, "args")]]
    env = [one for one in _listed(container, "env") if isinstance(one, dict)]
    known = {str(one.get("name")): str(one["value"]) for one in env if "value" in one}
    shell = _in_shell(words)
    if shell is None:
        found = [_filled(word, known, shell=False) for word in words]
        return _read(found, "" if _listed(container, "command") else "image")
    script, passed = shell
    set_there = set(_SETS.findall(script))
    known = {name: value for name, value in known.items() if name not in set_there}
    elsewhere = set_there | {str(one.get("name")) for one in env if "value" not in one}
    return _scripted(script, passed, known, None if _listed(container, "envFrom") else elsewhere)


def behind_preset(container: Mapping[str, Any]) -> Command:
    """What is laid over a preset's command line: arguments, each of which passes a shell, and VLLM_ADDITIONAL_ARGS."""
    env = [one for one in _listed(container, "env") if isinstance(one, dict)]
    more = [str(one.get("value", "")) for one in env if one.get("name") == "VLLM_ADDITIONAL_ARGS"]
    try:
        words = [word for text in [*_listed(container, "args"), *more] for word in shlex.split(str(text))]
    except ValueError as error:
        return Command(None, unknown=f"its arguments cannot be read: {str(error).lower()}")
    return Command(None, tuple(words))


def is_engine(container: Mapping[str, Any]) -> bool:
    """Does it run vLLM, by its command or by its image, unless its command is surely another?"""
    if starts_engine(container):
        return True
    own = _listed(container, "command")
    idle = bool(own) and is_idle([str(one) for one in [*own, *_listed(container, "args")]])
    return not idle and bool(_IMAGE.search(str(container.get("image", ""))))


def starts_engine(container: Mapping[str, Any]) -> bool:
    """Does its command name vLLM?"""
    words = " ".join(str(one) for one in [*_listed(container, "command"), *_listed(container, "args")])
    return bool(_STARTS.search(words)) or any(module in words for module in _MODULES)


def in_script(container: Mapping[str, Any]) -> bool:
    """Does a shell's script start it?"""
    return _in_shell([str(one) for one in [*_listed(container, "command"), *_listed(container, "args")]]) is not None


def _listed(container: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = container.get(key)
    return value if isinstance(value, list) else []


def _in_shell(words: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """The script that a shell is given, and what follows it; None when no shell runs."""
    return given_by_c(words) if words and words[0].rpartition("/")[2] in _SHELLS else None


def _scripted(
    script: str, passed: Sequence[str], known: Mapping[str, str], elsewhere: Container[str] | None = None
) -> Command:
    """The engine's words of a script; everything after them up to the next command.

    ``elsewhere``: variables that may have a value which is not known; None when any may.
    """
    try:
        words = words_in(script)
    except ValueError as error:
        return Command(None, unknown=f"its shell script cannot be read: {str(error).lower()}")
    at = next((index for index, word in enumerate(words) if _begins(words, index)), None)
    if at is None:
        return Command(None, unknown="its shell script names no vllm serve")
    end = next((index for index, word in enumerate(words) if index > at and ends(word)), len(words))
    own = [_filled(word, known, shell=True, elsewhere=elsewhere) for word in words[at:end]]
    if "$@" in own:
        place = own.index("$@")
        own[place : place + 1] = list(passed[1:])
    return _read(own, "script")


def _begins(words: Sequence[str], index: int) -> bool:
    word = words[index].rpartition("/")[2]
    return (word == "vllm" and words[index + 1 : index + 2] == ["serve"]) or word in _MODULES


def _read(words: Sequence[str], how: str) -> Command:
    """The weights and the arguments of a list of words that starts vLLM, or goes behind an image's own entry point."""
    rest = list(words)
    for index, word in enumerate(rest):
        if word.rpartition("/")[2] == "vllm" and rest[index + 1 : index + 2] == ["serve"]:
            return _taken(rest[index + 2 :])
        if word in _MODULES:
            return _taken(rest[index + 1 :])
    if how == "image":
        return _taken(rest[1:] if rest[:1] == ["serve"] else rest)
    return Command(None, unknown="its command does not name vLLM")


def _taken(words: Sequence[str]) -> Command:
    named = [flag.value for flag in flags(words) if flag.name == "model"]
    if words and not words[0].startswith("-"):
        found = Command(words[0], tuple(words[1:]))
    else:
        found = Command(named[-1] if named else None, tuple(words))
    return replace(found, unknown=_unsaid(found))


def _unsaid(found: Command) -> str:
    """What cannot be told: flags that nobody can read come before values of those that stand there."""
    if found.loose:
        return f"{found.loose} is filled in when it starts, and may hold any flag: which ones it has is not known"
    unknown = next((word for word in (found.model or "", *found.args) if "$" in word), "")
    if unknown:
        return f"{unknown} is filled in when it starts"
    return "what stands in the file that its --config names is not known" if found.given("config") else ""


def _filled(word: str, known: Mapping[str, str], *, shell: bool, elsewhere: Container[str] | None = None) -> str:
    """Variables that the manifest itself gives a value, or a default; others stay as they are written."""

    def value(found: re.Match[str]) -> str:
        if found.group() == "$$":
            return "$$" if shell else "$"
        name = found.group(1) or (found.group(2) or found.group(4) if shell else None)
        if not name:
            return found.group()
        default = found.group(3) if shell and elsewhere is not None and name not in elsewhere else None
        said = known.get(name)
        empty = said == "" and f"{name}:-" in found.group()
        if said is None or empty:
            return found.group() if default is None else default
        return said

    return _VARIABLE.sub(value, word)
