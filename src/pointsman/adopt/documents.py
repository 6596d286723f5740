"""The documents of a file, each with its lines; what is broken is listed, and the rest is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.left_out import LeftOut, hides_manifest, like_manifest
from pointsman.adopt.tree import OverError, Tree
from pointsman.catalog.source import BOUNDS
from pointsman.errors import PointsmanError
from pointsman.intake.yaml import Place, Reading, read_yaml, split

__all__ = ["OF_HELM", "Document", "documents_in", "documents_of", "unreadable"]

_TEMPLATED = re.compile(r"\{\{-?\s*(?:[.$]|include|if|range|with|define|template|toYaml|printf|/\*|end)")

_FILLED_IN = re.compile(r"\{\{|\{%|<%")
"""What Jinja, Go's templates and ERB fill in, on the very line that is no YAML for it."""
_FILL_IN = "fill it in, and look at what comes out"
OF_HELM = "it is a template of Helm, which only Helm can fill in"


@dataclass(frozen=True, slots=True)
class Document:
    """One document, and where it is written."""

    path: str
    """The file, from the root on."""
    start: int
    """Offset of its text in the file's (a byte order mark not counted)."""
    above: int
    """Lines of the file before it."""
    text: str
    reading: Reading

    @property
    def data(self) -> Any:
        """What it says."""
        return self.reading.data

    def at(self, *place: str | int) -> str:
        """``serving/kserve/isvc.yaml:12``: the line of a part, or of what encloses it."""
        whole: Place = place
        while whole and whole not in self.reading.lines:
            whole = whole[:-1]
        return f"{self.path}:{self.above + self.reading.lines.get(whole, 1)}"

    @property
    def object(self) -> Mapping[str, Any] | None:
        """The manifest in it; None when it is none."""
        data = self.data
        metadata = data.get("metadata") if isinstance(data, dict) else None
        named = isinstance(metadata, dict) and isinstance(metadata.get("name") or metadata.get("generateName"), str)
        whole = named and isinstance(data.get("kind"), str) and isinstance(data.get("apiVersion"), str)
        return data if whole else None


def documents_in(tree: Tree, path: str, left_out: list[LeftOut]) -> list[Document]:
    """Every document of a file that can be read; the others are added to ``left_out``. Raises OverError."""
    try:
        text = tree.text(path)
    except OverError:
        raise
    except PointsmanError as error:
        left_out.append(unreadable(tree, path, error))
        return []
    return documents_of(path, text, left_out)


def documents_of(path: str, text: str, left_out: list[LeftOut]) -> list[Document]:
    """Every document of a text that can be read; the others are added to ``left_out``."""
    found = []
    for start, part, above in split(text):
        reading = read_yaml(part, BOUNDS, merges=True)
        if reading.faults:
            left_out.append(_fault(path, part, above, reading))
        elif reading.data is not None:
            found.append(Document(path, start, above, part, reading))
    return found


def unreadable(tree: Tree, path: str, error: PointsmanError) -> LeftOut:
    """A file whose text cannot be had."""
    hidden = hides_manifest(tree.root / path)
    return LeftOut(error.where or path, error.what, error.next_action, unread=hidden)


def _fault(path: str, text: str, above: int, reading: Reading) -> LeftOut:
    template = _TEMPLATED.search(text)
    if template:
        line = above + text.count("\n", 0, template.start()) + 1
        return LeftOut(f"{path}:{line}", OF_HELM, "needs helm")
    first = min(reading.faults)
    if _FILLED_IN.search(text.split("\n")[first.line - 1]):
        return LeftOut(f"{path}:{above + first.line}", "it is a template, which another program fills in", _FILL_IN)
    return LeftOut(
        f"{path}:{above + first.line}",
        first.what,
        first.next_action,
        unread=like_manifest(text.encode("utf-8", "replace")),
    )
