"""Words written for a container, made true on this machine.

A container sees its volumes under mount paths and itself as ``localhost``. Here its volumes are directories
somewhere else and its loopback is the pod's own 127.x address, so both are rewritten in commands, arguments,
environment values and scripts. Each text is rewritten once, in one pass: a host path may itself start with a
mount path (``/tmp``), and must not be rewritten again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

__all__ = ["Rewriter"]

_BEFORE = r"(?:(?<=file://)|(?<![\w.}/-]))"
_AFTER = r"(?![\w-])(?!\.\w)"
_LOCAL = r"(?<![\w.-])(?:localhost|127\.0\.0\.1)(?=:\d)|(?<![\w.-])0\.0\.0\.0(?![\w.-])"


@dataclass(frozen=True, slots=True)
class Rewriter:
    """Mount paths of one container (container path to host path), and its pod's loopback address."""

    mounts: Mapping[str, str]
    address: str
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        longest_first = sorted(self.mounts, key=len, reverse=True)
        paths = "|".join(re.escape(path) for path in longest_first)
        mounted = f"|{_BEFORE}(?P<mount>{paths}){_AFTER}" if paths else ""
        object.__setattr__(self, "_pattern", re.compile(f"(?P<local>{_LOCAL}){mounted}"))

    def text(self, words: str) -> str:
        """``words`` with every mount path and loopback name replaced."""
        return self._pattern.sub(self._replace, words)

    def texts(self, words: Iterable[str]) -> list[str]:
        """Each of ``words``, rewritten."""
        return [self.text(word) for word in words]

    def path(self, path: str) -> str:
        """One absolute path of the container, on this machine; unchanged when no volume holds it."""
        for mount in sorted(self.mounts, key=len, reverse=True):
            if path == mount or path.startswith(mount.rstrip("/") + "/"):
                return self.mounts[mount] + path[len(mount.rstrip("/")) :]
        return path

    def _replace(self, found: re.Match[str]) -> str:
        return self.address if found.lastgroup == "local" else self.mounts[found.group("mount")]
