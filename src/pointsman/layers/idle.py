"""Commands that are surely no server: an engine's image in which somebody only waits, looks around, or measures.

``[sleep, infinity]`` or ``bash -c "sleep infinity"`` of a pod to debug in, ``vllm bench``. What is not listed may start
an engine in its own way (``/start.sh``), and is taken for one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pointsman.layers.script import ends, given_by_c, words_in

__all__ = ["TOOLS", "is_idle"]

TOOLS = ("bench", "chat", "complete", "collect-env", "run-batch")
"""Commands of ``vllm`` that serve nobody (v0.23)."""
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_WAITS = frozenset({"sleep", "tail", "cat", "true", "pause", "nvidia-smi", "top", "watch", "wait", "read", "sshd"})
_QUIET = frozenset({":", "[", "date", "done", "echo", "exit", "fi", "kill", "printf", "set", "test", "trap", "ulimit"})
_BEFORE = frozenset(
    {"do", "else", "exec", "if", "nohup", "then", "time", "until", "while", "tini", "dumb-init", "--", "!"}
)


def is_idle(words: Sequence[str]) -> bool:
    """Is a container's command one of these? Without a command of its own it runs what its image does."""
    rest = list(words)
    while rest and _name(rest[0]) in _BEFORE:
        rest = rest[1:]
    if not rest:
        return False
    if _name(rest[0]) not in _SHELLS:
        return _waits(rest)
    if all(word.startswith("-") and "c" not in word for word in rest[1:]):
        return True
    script, _ = given_by_c(rest) or ("", ())
    try:
        each = list(_commands(words_in(script.replace("\n", ";"))))
    except ValueError:
        return False
    return bool(each) and all(_waits(one) or _name(one[0]) in _QUIET for one in each)


def _commands(words: Sequence[str]) -> Iterator[list[str]]:
    """Each simple command of a script, without the words that only lead it in."""
    found: list[str] = []
    for word in [*words, ";"]:
        if ends(word):
            yield from [found] if found else []
            found = []
        elif found or word not in _BEFORE:
            found.append(word)


def _waits(words: Sequence[str]) -> bool:
    name = _name(words[0])
    return name in _WAITS or (name == "vllm" and len(words) > 1 and words[1] in TOOLS)


def _name(word: str) -> str:
    return word.rpartition("/")[2]
