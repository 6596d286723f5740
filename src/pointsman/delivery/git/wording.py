"""What git and servers say, on its way to a person: without credentials, and only what was meant for people."""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["last_words", "redacted", "server_words"]

_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,20}://)[^/\s'\"<>]*@")
"""``https://user:token@host``: what stands before the last @ of the host part."""
_QUERY = re.compile(r"([?&](?:private_token|access_token|token|password|auth)=)[^&\s'\"]+", re.IGNORECASE)
_HEADER = re.compile(r"(authorization:\s*\w+\s+)\S+", re.IGNORECASE)
_OURS = re.compile(r"^(hint:|To |error: failed to push some refs|Done$|\s*$)")
"""Lines by which git itself sums up; whoever reads an error has no use for them."""
LONGEST = 600
"""Characters of foreign words that an error quotes."""


def redacted(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without what lets somebody in: userinfo of addresses, tokens in queries, values known to be secret."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return _HEADER.sub(r"\1***", _QUERY.sub(r"\1***", _USERINFO.sub(r"\1", text)))


def last_words(text: str, lines: int = 5) -> str:
    """The end of what was said, in one line."""
    found = [line.strip() for line in redacted(text).splitlines() if not _OURS.match(line)]
    return "; ".join(found[-lines:])[:LONGEST]


def server_words(text: str) -> str:
    """What the server's hooks said (``remote:`` lines), in one line; nothing when they were silent."""
    said = [line[len("remote:") :].strip() for line in redacted(text).splitlines() if line.startswith("remote:")]
    kept = [line.removeprefix("error: ") for line in said if line.strip(" =-*#") and not line.startswith("Resolving ")]
    return "; ".join(kept[:8])[:LONGEST]
