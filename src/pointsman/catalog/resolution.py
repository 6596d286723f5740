"""A configuration, resolved: the groups, the file as it should be and as it is, and what is warned of."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from pointsman.catalog.advice import advice
from pointsman.catalog.config import read_config
from pointsman.catalog.groups import Row, groups_text, resolved
from pointsman.catalog.repository import Repository
from pointsman.catalog.source import bytes_of, write_source
from pointsman.catalog.telling import Told

__all__ = ["Resolution", "resolve"]


@dataclass(frozen=True, slots=True)
class Resolution:
    """One environment's groups."""

    repository: Repository
    rows: tuple[Row, ...]
    told: tuple[Told, ...]
    after: bytes
    """The groups file as it should be."""
    before: bytes | None
    """As it is; None when there is none."""

    @property
    def path(self) -> Path:
        """The groups file."""
        return self.repository.groups_file

    def write(self) -> None:
        """Put it there; refused when somebody else wrote it meanwhile."""
        write_source(self.path, self.repository.root, self.after, self.before)

    def diff(self) -> str:
        """From what is there to what should be, as ``diff -u`` shows it; empty when there is none."""
        if self.before == self.after:
            return ""
        name = self.repository.named(self.path)
        old, new = (_lines(text) for text in (self.before, self.after))
        return "".join(
            _ended(line)
            for line in unified_diff(old, new, f"a/{name}" if self.before is not None else "/dev/null", f"b/{name}")
        )


def resolve(repository: Repository) -> Resolution:
    """Decide every group of an environment; reads its configuration and its groups file."""
    config = read_config(repository)
    rows = resolved(repository, config)
    before = bytes_of(repository.groups_file, repository.root)
    told = advice(repository.platform, config, rows)
    return Resolution(repository, tuple(rows), tuple(told), groups_text(rows).encode(), before)


def _lines(text: bytes | None) -> list[str]:
    return (text or b"").decode("utf-8", "backslashreplace").splitlines(keepends=True)


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
