"""What was not read, and why: said instead of guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["LeftOut", "hides_manifest", "like_manifest"]

_MANIFEST = re.compile(rb"""^(?:- |\xef\xbb\xbf|\{)?\s*["']?(?:apiVersion|kind)["']?\s*:\s*["']?(\w*)""", re.MULTILINE)
_DEFINITIONS = b"CustomResourceDefinition"
_HEAD = 1 << 16
"""Bytes of a file by which it is told what it seems to be."""


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """One thing that was not read, or not understood."""

    where: str
    """``serving/kserve/kustomization.yaml:4``."""
    why: str
    next_action: str = ""
    fails: bool = field(default=False, compare=False)
    """Is it sure that Kustomize, and so Argo CD, refuses to build it?"""
    unread: bool = field(default=False, compare=False)
    """Is it a manifest, as far as can be seen, that nobody could look at?"""

    def as_dict(self) -> dict[str, str]:
        """The fields under stable names."""
        return {"where": self.where, "why": self.why, "next": self.next_action}


def like_manifest(text: bytes) -> bool:
    """Does it begin as manifests do? Definitions of kinds are none that anything runs by."""
    said = _MANIFEST.findall(text[:_HEAD])
    return bool(said) and _DEFINITIONS not in said


def hides_manifest(path: Path) -> bool:
    """May a file that cannot be read be a manifest? One that may not be opened, or is no text, may be anything."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return True
    return b"\0" in head or like_manifest(head)
