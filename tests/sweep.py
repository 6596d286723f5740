"""A sweep: many long runs in the lab, divided among processes, gone on with later, told on a page of the docs.

What a run saw is a line of a file (``build/faults.jsonl``, ``build/soak.jsonl``); a run that has its line is not done
again. Without ``--SWEEP all`` nothing is kept, and each run is done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Sweep"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """What this process does of a sweep, and what is known from others."""

    path: Path
    whole: bool
    part: int
    """Of ``parts``, from 1."""
    parts: int
    _done: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, config: pytest.Config, name: str, file: str = "") -> Sweep:
        """As the options of that name say; ``file`` is where runs are kept when it is not called like them."""
        part, _, parts = config.getoption(f"--{name}-part").partition("/")
        path = config.rootpath / "build" / f"{file or name}.jsonl"
        return cls(path, config.getoption(f"--{name}") == "all", int(part), int(parts))

    def skip(self, run: str, place: int) -> None:
        """Leave the test when it is another process's, or was done; ``place`` says whose it is."""
        if place % self.parts != self.part - 1:
            pytest.skip("another process does it")
        if run in {one["run"] for one in self.found()}:
            pytest.skip("done in an earlier run")

    def keep(self, run: str, seen: dict[str, Any]) -> None:
        """A run is done."""
        self._done.append({"run": run, **seen})
        if self.whole:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(self._done[-1]) + "\n")

    def found(self) -> list[dict[str, Any]]:
        """All runs that are done, in the order of their ends; without ``--SWEEP all``, those of this process."""
        if not self.whole:
            return self._done
        return [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []
