"""One trap of somebody else's platform: it bites on the real programs of a lab, and a check calls it before.

A test lets the trap bite without the check (``bit`` says what was seen), shows what the check says of the same files
or objects (``lint``, ``doctor``), and that it says nothing of sound ones (``quiet``). The test names the fact and the
checks in ``@pytest.mark.bites(fact, "PM201")``; one whose checks were not all heard, and seen quiet, fails.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import Pointsman, RunningLab
from tests.docs.schemas.holding import held

__all__ = ["Trap"]


@dataclass
class Trap:
    """What a test saw of one."""

    fact: str
    checks: tuple[str, ...]
    lab: RunningLab
    state: Path
    happened: str = ""
    """What the real programs did, without the check: a sentence for the table."""
    heard: dict[str, str] = field(default_factory=dict)
    """By check: who said it (``lint`` or ``doctor``), and of what."""
    called: dict[str, str] = field(default_factory=dict)
    """Names that this run alone has, and what the table says for them."""
    silent: set[str] = field(default_factory=set)
    """Checks that said nothing of a sound one."""

    def bit(self, what: str) -> None:
        """The trap was seen to bite: say how, with what was measured. Call it after the assertion that proves it."""
        self.happened = self._plainly(what)

    def lint(self, *files: Path | str, name: str = "lint") -> list[dict[str, Any]]:
        """Findings of the trap's checks in these files; they are remembered as heard."""
        found = [one for file in files for one in self._asked("lint", str(file))]
        self._hear(name, found)
        return found

    def doctor(self, *words: str, of: str = "") -> list[dict[str, Any]]:
        """Findings of the trap's checks on the cluster; ``words`` are options such as ``-n SPACE``.

        Those alone whose sentence has the name ``of``, where a namespace is everybody's.
        """
        found = [one for one in self._of_the_cluster(*words) if of in one["what"]]
        self._hear("doctor", found)
        return found

    def quiet(self, found: Sequence[dict[str, Any]]) -> None:
        """Of the trap's checks none may have found anything here: what they were asked of is sound."""
        assert found == [], found
        self.silent |= set(self.checks)

    def sound(self, *files: Path | str) -> None:
        """``quiet`` of files, without taking what is said for a warning of the trap."""
        self.quiet([one for file in files for one in self._asked("lint", str(file))])

    def healthy(self, *words: str, of: str = "") -> None:
        """``quiet`` of the cluster."""
        self.quiet([one for one in self._of_the_cluster(*words) if of in one["what"]])

    def written(self, folder: Path, name: str, *objects: dict[str, Any]) -> Path:
        """These objects as a file that somebody could have written."""
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / name
        file.write_text(yaml.safe_dump_all(objects, sort_keys=False), encoding="utf-8")
        return file

    def missed(self) -> list[str]:
        """Of the trap's checks, those that were not heard, or were not seen to be quiet."""
        return [one for one in self.checks if one not in self.heard or one not in self.silent]

    def _of_the_cluster(self, *words: str) -> list[dict[str, Any]]:
        return self._asked("doctor", "--kubeconfig", str(self.lab.kubeconfig), *words)

    def _asked(self, command: str, *words: str) -> list[dict[str, Any]]:
        only = [word for one in self.checks for word in ("--check", one)]
        done = Pointsman(self.state)(command, *words, *only, "-o", "json")
        assert done.returncode in (0, 1), (done.returncode, done.stderr)
        told: dict[str, Any] = json.loads(done.stdout)
        held(command, told)
        assert told["broken"] == []
        found: list[dict[str, Any]] = told["findings"]
        return found

    def _hear(self, name: str, found: Sequence[dict[str, Any]]) -> None:
        for one in found:
            self.heard.setdefault(one["id"], self._plainly(f"{name}: {one['what']}"))

    def _plainly(self, text: str) -> str:
        for name, word in self.called.items():
            text = text.replace(name, word)
        return text
