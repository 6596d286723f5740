"""What an operator does who knows the messages and nothing else: what the last one says, until the move has ended."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import RunningLab
from tests.move.messages import ENDING, commands_in
from tests.move.others import scene
from tests.move.others.journey import command

__all__ = ["Obedient", "open_move"]

ROUNDS = 8
"""Commands after which a move that has not ended is a dead end."""


def open_move(lab: RunningLab) -> Mapping[str, Any] | None:
    """The model's open move, as status tells it."""
    done = command(lab, "status", scene.MODEL, "--output", "json")
    assert done.returncode == 0, done.stderr
    found: Mapping[str, Any] | None = json.loads(done.stdout)["models"][0]["move"]
    return found


@dataclass(slots=True)
class Obedient:
    """An operator; ``draw`` chooses where a message leaves a choice."""

    lab: RunningLab
    draw: random.Random
    did: list[str] = field(default_factory=list)
    """Commands and what came of them."""

    def end(self, said: str) -> None:
        """Act on what was said, and on what is said then, until no move is open; fails when that does not happen."""
        for number in range(ROUNDS):
            if open_move(self.lab) is None:
                return
            told = commands_in(said)
            # A message that names no command leaves those that everybody knows.
            words = self.draw.choice(told) if told else f"pointsman {ENDING[number % 2]} {scene.model().name}"
            said = self._run(words)
        assert open_move(self.lab) is None, "a dead end: " + "\n".join(self.did)

    def _run(self, words: str) -> str:
        program, *rest = shlex.split(words)
        if program == "kubectl":
            done = self.lab.kubectl(*rest, check=False)
            scene.rolled(self.lab)
        else:
            sure = ["--yes"] if rest[0] in ("rollback", "abort") else []
            done = command(self.lab, *rest, *sure)
        self.did.append(f"{words}: exit {done.returncode}: {done.stderr[-600:]}")
        return done.stderr
