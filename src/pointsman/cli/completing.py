"""``pointsman __complete WORD…``: what may stand in the place of the last word, a line each: value, tab, explanation.

The scripts of ``pointsman completion`` ask this, the same for all shells. It goes the way every command line goes: by
the first word to one module, so one command is loaded and not all of them, and for the first word itself nothing but
the text of the help. What may stand at a place is said by typer's own parameters and commands (``shell_complete``).
typer's shells are not used: they want one application that has every command in it, speak through variables of the
environment, and know no names that depend on other words (``--kubeconfig``, ``--repo``).

Whoever presses a key must never see an error: whatever goes wrong, nothing is said.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from pointsman.cli.telling import HELPERS

__all__ = ["answer"]

Candidate = tuple[str, str]
"""A value and what it is."""


def answer(words: Sequence[str]) -> int:
    """Print what may stand in the place of the last word; always 0."""
    with suppress(Exception), open(os.devnull, "w", encoding="utf-8") as silence:
        sys.stderr = silence
        *before, last = words or [""]
        before = [word for word in before if word not in HELPERS]
        found = list(_of_command(before, last) if before else _commands(last))
        sys.stdout.write("".join(f"{value}\t{_line(told)}\n" for value, told in dict(found).items()))
        sys.stdout.flush()
    return 0


def _line(text: str) -> str:
    return " ".join(text.split())


def _commands(last: str) -> Iterator[Candidate]:
    """The first word. The help has every command, and nothing is loaded for it."""
    from pointsman.cli.help import HELP

    for line in HELP.splitlines():
        if line.startswith("  "):
            name, _, told = line.strip().partition(" ")
            if name.startswith(last):
                yield name, told


def _of_command(before: Sequence[str], last: str) -> Iterator[Candidate]:
    """The words of one command."""
    from pointsman.cli.entry import command_named

    name, *words = before
    words, prefix, last = _split(words, last)
    command = command_named(name)
    while subcommands := getattr(command, "commands", None):
        if not words:
            yield from _candidates(command, words, last)
            return
        command, words = subcommands[words[0]], words[1:]
    for value, told in _of_one(name, command, words, last):
        yield prefix + value, told


def _split(words: Sequence[str], last: str) -> tuple[list[str], str, str]:
    """``--option=value`` as two words, and what stands before the value in the last one; bash has cut it already."""
    found: list[str] = []
    for word in words:
        option, equals, value = word.partition("=")
        found += [option, value] if equals and option.startswith("--") else [word] if word != "=" else []
    option, equals, value = last.partition("=")
    if equals and (option.startswith("--") or not option):
        return found + [option] * bool(option), f"{option}=" * bool(option), value
    return found, "", last


def _of_one(name: str, command: Any, words: list[str], last: str) -> Iterator[Candidate]:
    context = command.make_context(name, list(words), resilient_parsing=True)
    params = command.get_params(context)
    options = [one for one in params if one.param_type_name == "option"]
    awaited = next((one for one in options if words and words[-1] in one.opts and not getattr(one, "is_flag", 0)), None)
    if awaited is None and last.startswith("-") and "--" not in words:
        yield from _candidates(command, words, last)
        return
    place = awaited or next((one for one in params if _open(one, context)), None)
    if place is None:
        return
    yield from ((item.value, item.help or "") for item in place.shell_complete(context, last))
    from pointsman.cli.live_names import names_at

    names = names_at(name, place, context.params)
    yield from ((value, "") for value in names if value.startswith(last) and value not in words)


def _open(param: Any, context: Any) -> bool:
    """Is this an argument that still takes a word?"""
    if param.param_type_name != "argument":
        return False
    return bool(param.nargs == -1 or context.get_parameter_source(param.name).name != "COMMANDLINE")


def _candidates(command: Any, words: list[str], last: str) -> Iterator[Candidate]:
    """What typer says of a command itself: its options, or the commands in it."""
    context = command.make_context("", list(words), resilient_parsing=True)
    yield from ((item.value, item.help or "") for item in command.shell_complete(context, last))
