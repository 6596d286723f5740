"""No secret value comes into a commit: neither into a file, nor into a message, nor encoded as Kubernetes does it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

from pointsman.delivery.git.changes import Change, Made
from pointsman.errors import RefusedError

__all__ = ["disclosed", "refuse_message", "refuse_secrets"]

SHORTEST = 6
"""Characters below which a value is no secret: ``true`` or ``8000`` stands in every file."""


def refuse_secrets(path: str, before: Made, after: Made, secrets: Iterable[str]) -> None:
    """Raise RefusedError when the new bytes hold a secret value more often than the old ones did."""
    if line := disclosed(before or b"", after or b"", secrets):
        raise RefusedError(
            "the change would put a secret value into git, where everybody who can read it keeps it for ever",
            where=f"{path}:{line}",
            next_action="refer to it by the name of a Secret instead",
            code="git-secret",
        )


def refuse_message(change: Change) -> None:
    """Raise RefusedError when the message holds one."""
    if disclosed(b"", change.message.encode(), change.secrets):
        raise RefusedError(
            "the commit's message would hold a secret value",
            next_action="say it without the value",
            code="git-secret",
        )


def disclosed(before: bytes, after: bytes, secrets: Iterable[str]) -> int:
    """The line (from 1) where a secret value was added; 0 when none was. The value as it is, and in base64."""
    for value in secrets:
        for form in _forms(value):
            if after.count(form) > before.count(form):
                return _line(before, after, form)
    return 0


def _forms(value: str) -> Iterator[bytes]:
    """The value; its base64; of one with several lines each long line, since YAML indents them."""
    parts = [value, *(line.strip() for line in value.splitlines() if len(line.strip()) >= 16)]
    for part in dict.fromkeys(part for part in parts if len(part) >= SHORTEST):
        yield part.encode()
    if len(value) >= SHORTEST:
        yield base64.b64encode(value.encode())


def _line(before: bytes, after: bytes, form: bytes) -> int:
    """The first line with it that is new; where no line is (it was repeated as a whole), the last one with it."""
    old, found = set(before.splitlines()), 0
    for number, line in enumerate(after.splitlines(), 1):
        if form.splitlines()[0] in line:
            found = number
            if line not in old:
                break
    return found
