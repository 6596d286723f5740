"""Patterns as Argo CD reads them in projects and sync windows (gobwas/glob, argo-cd 3.2).

A shell's patterns are not the same: ``*`` stops at a separator, where one is given; ``**`` does not; ``{a,b}`` means
either.
"""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["fits"]


def fits(pattern: str, text: str, separator: str = "") -> bool:
    """Does the whole text fit? A pattern that cannot be read fits nothing, as with Argo CD."""
    found = _compiled(pattern, separator)
    return found is not None and found.fullmatch(text) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str, separator: str) -> re.Pattern[str] | None:
    one = f"[^{re.escape(separator)}]" if separator else "."
    words = {"**": ".*", "*": f"{one}*", "?": one}
    made, open_braces = "", 0
    for match in _TOKEN.finditer(pattern):
        token = match[0]
        if token in words:
            made += words[token]
        elif token == "{":
            made, open_braces = f"{made}(?:", open_braces + 1
        elif token == "}" and open_braces:
            made, open_braces = f"{made})", open_braces - 1
        elif token == "," and open_braces:
            made += "|"
        elif token.startswith("[") and len(token) > 1:
            inside = _LETTERS.sub(r"\\\g<0>", token[1:-1])
            made += f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"
        else:
            made += re.escape(token[1:] if token.startswith("\\") and len(token) > 1 else token)
    try:
        return re.compile(made, re.DOTALL) if not open_braces else None
    except re.error:
        return None


_LETTERS = re.compile(r"[\[\\^&~|]|(?<=-)-")
"""What Python takes for more than a letter within brackets, or says that it will."""
_TOKEN = re.compile(r"\*\*|\\.|\[!?[^\]]+\]|.", re.DOTALL)
