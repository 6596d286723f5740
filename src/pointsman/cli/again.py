"""Commands that are suggested repeat what was given: which cluster, and where the repository is.

Without ``--context`` they would look at another cluster, or change it. What to do next is mostly said deep below the
command line, where nobody knows how it was called, so it is completed where it is told. Light: help imports it too.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

__all__ = ["TAKEN", "heard", "repeated", "same", "spelled"]

_CHANGING = ("up", "down", "teardown", "plan", "move", "root", "features")
_OPEN = ("apply", "resume", "rollback", "abort", "pause", "unpause", "promote")
_VIEWS = ("render", "compare", "status", "cost", "audit", "receipt", "history", "rights", "doctor")
_CLUSTER, _CLONE = ("--kubeconfig", "--context"), ("--repo", "--env")
TAKEN: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_CHANGING, (*_CLUSTER, *_CLONE)),
    **dict.fromkeys(_OPEN, (*_CLUSTER, "--repo")),
    **dict.fromkeys(_VIEWS, _CLUSTER),
    "resolve": _CLONE,
    "sync": (*_CLUSTER, "--namespace"),
    "wait": (*_CLUSTER, *_CLONE, "--namespace"),
}
"""What each command takes of what may be given to another one. ``--namespace`` means Applications with these alone."""
_SHORT = {"-n": "--namespace"}
_COMMAND = re.compile(r"\bpointsman ([a-z]+)(?![\w-])")


class _Given:
    """What this process was given."""

    words: Sequence[str] = ()
    options: Mapping[str, str] = {}
    """By option; of those that other commands take, too."""


def heard(words: Sequence[str]) -> None:
    """Remember the command line."""
    known = TAKEN.get(words[0], ()) if words else ()
    _Given.words = tuple(words)
    _Given.options = {option: value for option, value in _options(words) if option in known}


def same(*commands: str) -> str:
    """The command line as it was given, where it is of one of these commands; questions are asked anew."""
    words = _Given.words
    if words[:1] and words[0] in commands:
        return f"pointsman {shlex.join(word for word in words if word not in ('--yes', '-y'))}"
    return ""


def _options(words: Sequence[str]) -> Iterable[tuple[str, str]]:
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, given, value = word.partition("=")
        if word == "--":
            return
        yield (name, value) if given and name.startswith("--") else (_SHORT.get(word, word), following)


def repeated(text: str) -> str:
    """A sentence in which each command of ours is said for the same cluster and the same repository."""
    parts, end = list[str](), 0
    found = list(_COMMAND.finditer(text))
    for one, following in zip_longest(found, found[1:]):
        rest = text[one.end() : following.start() if following else len(text)]
        said = set(rest.split())
        missing = {
            option: value
            for option, value in _Given.options.items()
            if option in TAKEN.get(one[1], ()) and option not in said
        }
        parts += [text[end : one.end()], *(f" {word}" for word in spelled(missing.items()))]
        end = one.end()
    return "".join([*parts, text[end:]])


def spelled(options: Iterable[tuple[str, object]]) -> list[str]:
    """Options as a command line has them: flags, seconds, and some that are repeated; none of what is not."""
    words = list[str]()
    for option, value in options:
        if value is True:
            words.append(option)
        elif isinstance(value, float):
            words.append(f"{option} {value:g}s")
        elif isinstance(value, list | tuple):
            words += [f"{option} {shlex.quote(str(one))}" for one in value]
        elif value not in (None, False):
            words.append(f"{option} {shlex.quote(str(value))}")
    return words
