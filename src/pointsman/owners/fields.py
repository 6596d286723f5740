"""Fields of an object: paths to them, JSON pointers, and who is known to declare one."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic_core import from_json

__all__ = [
    "Path",
    "as_pointer",
    "changed",
    "declares",
    "has",
    "leaves",
    "may_declare",
    "pointer_path",
    "simple_jq",
    "value_at",
]

Path = tuple[str, ...]
"""Keys from the top of an object down; never into a list."""

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
"""What a client-side apply declared: kubectl's, and Argo CD's without ServerSideApply."""
_STEP = re.compile(r'\.?\["((?:[^"\\])*)"\]|\.([A-Za-z_][A-Za-z0-9_]*)|\."((?:[^"\\])*)"')
"""One plain step of a jq path: ``.data``, ``["config.yaml"]``, ``."config.yaml"``."""
_OUR_METADATA = (("metadata", "labels"), ("metadata", "annotations"))


def as_pointer(path: Path) -> str:
    """RFC 6901: ``/metadata/annotations/example.com~1key``."""
    return "".join(f"/{part.replace('~', '~0').replace('/', '~1')}" for part in path)


def pointer_path(pointer: str) -> Path:
    """The path that a JSON pointer names."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def simple_jq(expression: str) -> tuple[Path, bool]:
    """The plain keys that a jq path begins with, and whether that is all of it."""
    rest, found = expression.strip(), []
    while match := _STEP.match(rest):
        found.append(next(part for part in match.groups() if part is not None))
        rest = rest[match.end() :]
    return tuple(found), rest in ("", "?")


def leaves(body: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    """Paths of all values that are no mappings; a list is one value."""
    for key, value in body.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, (*above, str(key)))
        else:
            yield (*above, str(key))


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[Path, Any]:
    """What of ``after`` is otherwise before: paths and new values. What the API server writes itself is left out."""
    found = {}
    for path in leaves({key: value for key, value in after.items() if key != "status"}):
        if (path[:1] != ("metadata",) or path[1:2] in _OUR_METADATA) and value_at(before, path) != value_at(
            after, path
        ):
            found[path] = value_at(after, path)
    return found


def value_at(found: Any, path: Path) -> Any:
    """The value there; None when there is none."""
    for part in path:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def has(found: Any, path: Path) -> bool:
    """Is there such a field?"""
    return isinstance(value_at(found, path[:-1]), Mapping) and path[-1] in value_at(found, path[:-1])


def declares(live: Mapping[str, Any], path: Path, managers: Collection[str]) -> bool | None:
    """Does the text that one of these field managers applied have this field? None when the object does not tell.

    A field that somebody else changed since is not the manager's any more in ``managedFields``, although it may still
    stand in its text (kubernetes 1.34, structured-merge-diff).
    """
    entries = [one for one in live["metadata"].get("managedFields") or [] if isinstance(one, Mapping)]
    theirs = [one for one in entries if one.get("manager") in managers]
    applied = any(one.get("operation") == "Apply" for one in theirs)
    last = _last_applied(live)
    if last is not None and not applied:
        return has(last, path)
    if not theirs:
        return None
    if any(_owns(one, path) for one in theirs):
        return True
    return None if any(_owns(one, path) for one in entries) else False


def may_declare(live: Mapping[str, Any], path: Path, managers: Collection[str]) -> bool:
    """``declares``, and where the object does not tell: yes, but for annotations.

    Those that a move writes are the program's own or KServe's, which nobody has in a text of theirs.
    """
    known = declares(live, path, managers)
    return "annotations" not in path if known is None else known


def _last_applied(live: Mapping[str, Any]) -> Any:
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        return from_json(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _owns(entry: Mapping[str, Any], path: Path) -> bool:
    return has(entry.get("fieldsV1"), tuple(f"f:{part}" for part in path))
