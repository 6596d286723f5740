"""What an operator does who knows the messages and nothing else: what the last one says, until the move has ended."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.conftest import RunningLab
from tests.move.messages import ENDING, commands_in
from tests.move.others import scene
from tests.move.others.journey import command

__all__ = ["Obedient", "open_move"]

ROUNDS = 10
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
    files: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """The edge's objects as the operator has them in files, ``scene.kept``."""
    did: list[str] = field(default_factory=list)
    """Commands and what came of them."""

    def end(self, said: str) -> None:
        """Act on what was said, and on what is said then, until no move is open; fails when that does not happen."""
        last = ""
        for number in range(ROUNDS):
            if open_move(self.lab) is None:
                return
            told = commands_in(said)
            by_hand = [one for one in told if one.startswith("kubectl") and one != last]
            ours = [one for one in told if not one.startswith("kubectl")]
            # A message that names no command of ours leaves those that everybody knows.
            last = self.draw.choice(by_hand or ours or [f"pointsman {ENDING[number % 2]} {scene.model().name}"])
            said = self._run(last) or said
        assert open_move(self.lab) is None, "a dead end: " + "\n".join(self.did)

    def _run(self, words: str) -> str:
        program, *rest = shlex.split(words)
        if program == "kubectl":
            self.did.append(f"{words}: {self._kubectl(rest)}")
            return ""
        sure = ["--yes"] if rest[0] in ("rollback", "abort") else []
        done = command(self.lab, *rest, *sure)
        self.did.append(f"{words}: exit {done.returncode}: {done.stderr[-600:]}")
        return done.stderr

    def _kubectl(self, words: Sequence[str]) -> str:
        """What a person does who was told this; returns what came of it."""
        if words[0] == "edit":
            (mine,) = [one for one in self.files if one in words]
            scene.put_back(self.lab, self.files[mine])
        elif words[0] == "apply":
            for one in self.files.values():
                scene.put_back(self.lab, one, missing=True)
        else:
            done = self.lab.kubectl(*words, check=False)
            return f"exit {done.returncode}: {done.stderr[-600:]}"
        return "done"
