"""The words that a container is started with, each with its place in the object, whatever way they are written.

Arguments are a list, or a shell's script in one text (``sh -c "vllm serve … --max-model-len 8192"``); a word may be a
variable of the container (``$(NAME)``, ``${NAME}``) whose value stands elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.layers.script import ends, prints, words_in
from pointsman.spec.arguments import Flag, flags

__all__ = ["Place", "Said", "Word", "flag_said", "source_said", "values_said", "words_of"]

Place = tuple[str | int, ...]

_SHELLS = frozenset({"sh", "bash", "ash", "/bin/sh", "/bin/bash", "/usr/bin/env"})
_VARIABLE = re.compile(r"\$\((\w+)\)|\$\{(\w+)(?::?-[^${}]*)?\}|\$(\w+)")
_ENTRY = ("vllm.entrypoints.openai.api_server", "vllm.entrypoints.openai", "vllm.entrypoints.api_server")
_MORE = "VLLM_ADDITIONAL_ARGS"


@dataclass(frozen=True, slots=True)
class Word:
    """One word."""

    text: str
    """What the engine is given, variables filled in where their values are known."""
    place: Place
    """Where it stands in the container."""
    token: str
    """The piece of the text that says so: the word itself, or a variable's value."""
    known: bool = True
    """False: a variable in it has no value that stands here."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a flag is given, or the engine's first word."""

    value: str
    place: Place
    token: str
    known: bool = True


def words_of(container: Mapping[str, Any], *, preset: bool = False) -> list[Word]:
    """The words after the engine's own name: what ``vllm serve`` is given; a preset adds those of a variable."""
    env = _environment(container)
    words = [*_listed(container, "command"), *_listed(container, "args")]
    if words and words[0].text in _SHELLS:
        script = next((word for word in words if "vllm" in word.text and any(map(str.isspace, word.text))), None)
        words = _split(script) if script is not None else words
    place, more = env.get(_MORE, ((), "")) if preset else ((), "")
    return [_filled(word, env) for word in [*_after_entry(words), *_split(Word(more, place, more))]]


def _listed(container: Mapping[str, Any], key: str) -> Iterator[Word]:
    found = container.get(key)
    for at, one in enumerate(found if isinstance(found, list) else []):
        if isinstance(one, str | int | float) and not isinstance(one, bool):
            yield Word(str(one), (key, at), str(one))


def _split(script: Word) -> list[Word]:
    try:
        found = words_in(script.text)
    except ValueError:
        found = script.text.split()
    return [Word(one, script.place, one, known=not prints(one)) for one in found]


def _after_entry(words: Sequence[Word]) -> list[Word]:
    """From behind ``vllm serve``, or the module, up to the command's end."""
    texts = [word.text for word in words]
    start = 0
    for at, text in enumerate(texts):
        if text in _ENTRY or (text == "serve" and at and texts[at - 1].rpartition("/")[2] == "vllm"):
            start = at + 1
            break
    else:
        if texts and texts[0].rpartition("/")[2] in ("vllm", "python", "python3"):
            start = 1
    end = next((at for at in range(start, len(texts)) if ends(texts[at])), len(texts))
    return list(words[start:end])


def _environment(container: Mapping[str, Any]) -> dict[str, tuple[Place, str]]:
    found: dict[str, tuple[Place, str]] = {}
    env = container.get("env")
    for at, one in enumerate(env if isinstance(env, list) else []):
        if isinstance(one, dict) and isinstance(one.get("name"), str) and isinstance(one.get("value"), str):
            found[one["name"]] = (("env", at, "value"), one["value"])
    return found


def _filled(word: Word, env: Mapping[str, tuple[Place, str]]) -> Word:
    """With its variables' values; a word that is one variable alone stands where the value does."""
    matches = list(_VARIABLE.finditer(word.text))
    if not matches:
        return word
    text, known = word.text, word.known
    for match in matches:
        name = next(group for group in match.groups() if group)
        if name in env:
            text = text.replace(match[0], env[name][1], 1)
        else:
            known = False
    names = [next(group for group in match.groups() if group) for match in matches]
    if known and len(names) == 1:
        place, value = env[names[0]]
        return Word(text, place, value)
    return Word(text, word.place, word.token, known)


def flag_said(words: Sequence[Word], name: str) -> Said | None:
    """What a flag is given; the last one counts, as for the engine. Of several values the first."""
    texts = [word.text for word in words]
    found: Flag | None = None
    for flag in flags(texts):
        if flag.name == name:
            found = flag
    if found is None:
        return None
    first = words[found.start]
    if "=" in first.text:
        value = first.text.partition("=")[2]
        token = first.token if "=" in first.token or first.token == value else value
        return Said(value, first.place, token, first.known)
    if found.end > found.start + 1:
        second = words[found.start + 1]
        return Said(second.text, second.place, second.token, second.known)
    return Said("", first.place, first.token, first.known)


def values_said(words: Sequence[Word], name: str) -> list[Said]:
    """Every value of a flag that takes several."""
    texts = [word.text for word in words]
    found = [flag for flag in flags(texts) if flag.name == name][-1:]
    said = []
    for flag in found:
        first = flag_said(words, name)
        if first is not None and first.value:
            said.append(first)
        rest = range(flag.start + (1 if "=" in texts[flag.start] else 2), flag.end)
        said += [Said(words[at].text, words[at].place, words[at].token, words[at].known) for at in rest]
    return said


def source_said(words: Sequence[Word]) -> Said | None:
    """The model that is loaded: the first word that belongs to no flag, or ``--model``."""
    flag = flag_said(words, "model")
    if flag is not None and flag.value:
        return flag
    texts = [word.text for word in words]
    covered = {at for one in flags(texts) for at in range(one.start, one.end)}
    for at, word in enumerate(words):
        if at not in covered and not word.text.startswith("-"):
            return Said(word.text, word.place, word.token, word.known)
    return None
