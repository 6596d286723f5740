"""The words of a shell's script; what a command in it prints stays one piece, since nobody can know it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

__all__ = ["ends", "given_by_c", "prints", "words_in"]

_PRINTED = re.compile(r"\$\((?:[^()]++|\((?:[^()]++|\([^()]*+\))*+\))*+\)|`[^`]*+`")
"""``$(command)``, ``$((sum))`` and the old form in backquotes, over two levels of brackets inside."""
_NAME = re.compile(r"\$\([\w.-]+\)")
_HELD = re.compile("\ue000([0-9]+)\ue001")
_END = re.compile(r"[;&|]+|[0-9]*(?:>>?|<)(?:&[0-9]|/\S*)?")


def words_in(script: str) -> list[str]:
    """Every word, ``;``, ``&`` and ``|`` as words of their own; backquotes are given as ``$(command)``.

    Raises ValueError for quotes that nobody closes.
    """
    held: list[str] = []

    def kept(found: re.Match[str]) -> str:
        text = found.group()
        held.append(f"$({text[1:-1]})" if text[0] == "`" else text)
        return f"\ue000{len(held) - 1}\ue001"

    lexer = shlex.shlex(_PRINTED.sub(kept, script.replace("\\\n", " ")), posix=True, punctuation_chars=";&|")
    lexer.whitespace_split = True
    return [_HELD.sub(lambda found: held[int(found[1])], word) for word in lexer]


def given_by_c(words: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """The script that a shell is given by ``-c`` (``-lc``), and what follows it; None where it is given none."""
    for index, word in enumerate(words[1:], 1):
        if word.startswith("-") and not word.startswith("--") and word.endswith("c") and index + 1 < len(words):
            return words[index + 1], words[index + 2 :]
    return None


def prints(word: str) -> bool:
    """Does it hold what a command prints? A name alone, ``$(NAME)``, is a variable of the container."""
    return any(not _NAME.fullmatch(found.group()) for found in _PRINTED.finditer(word))


def ends(word: str) -> bool:
    """Does a command end there, or is its output led elsewhere from there on?"""
    return bool(_END.fullmatch(word))
