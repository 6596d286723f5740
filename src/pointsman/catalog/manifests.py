"""Manifests in the repository's files: several documents in one file, each with the line it begins in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.catalog.source import BOUNDS, broken, inside, read_text
from pointsman.errors import SpecError
from pointsman.intake.yaml import Fault, Reading, read_yaml, split

__all__ = ["Written", "manifests_in", "yaml_files"]


@dataclass(frozen=True, slots=True)
class Written:
    """One manifest, and where it is written."""

    data: Mapping[str, Any]
    reading: Reading
    where: str
    above: int
    """Lines of the file before its text."""

    def at(self, *place: str | int) -> str:
        """``clusters/ai-dev/appsets/serving.yaml:12``: the line of a part, or of what encloses it."""
        whole: tuple[str | int, ...] = place
        while whole and whole not in self.reading.lines:
            whole = whole[:-1]
        return f"{self.where}:{self.above + self.reading.lines.get(whole, 1)}"

    @property
    def kind(self) -> str:
        """Its ``kind``."""
        return str(self.data.get("kind"))

    @property
    def name(self) -> str:
        """``metadata.name``."""
        return str(self.data["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """``metadata.namespace``; empty when it is not written."""
        return str(self.data["metadata"].get("namespace") or "")


def yaml_files(folder: Path, root: Path) -> list[Path]:
    """The YAML files below a folder, as Argo CD's recursive directory source reads them, in order."""
    inside(folder, root)
    found = (path for pattern in ("*.yaml", "*.yml") for path in folder.rglob(pattern))
    return sorted(path for path in found if path.is_file() or path.is_symlink())


def manifests_in(path: Path, root: Path) -> list[Written]:
    """Every manifest of a file; raises SpecError with the line for what is none."""
    source = read_text(path, root)
    found = []
    for _, text, above in split(source.text):
        reading = read_yaml(text, BOUNDS)
        if reading.faults:
            moved = [Fault(one.line + above, one.what, one.next_action, one.kind) for one in reading.faults]
            raise broken(source.where, moved)
        if reading.data is not None:
            found.append(_manifest(Written(reading.data, reading, source.where, above)))
    return found


def _manifest(written: Written) -> Written:
    data = written.data
    metadata = data.get("metadata") if isinstance(data, dict) else None
    named_so = isinstance(metadata, dict) and isinstance(metadata.get("name"), str)
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or not named_so:
        raise SpecError(
            "this is no manifest: it has no kind, or no metadata.name",
            where=written.at(),
            next_action="write one manifest a document",
            code="manifest-shape",
        )
    return written
