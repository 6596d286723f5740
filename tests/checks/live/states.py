"""States of a cluster that are brought about by applying objects, and what doctor is asked of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.checks.grid import promised
from tests.checks.live.asking import doctor, told, until
from tests.checks.live.placing import called
from tests.conftest import RunningLab

__all__ = ["LONG", "QUICK", "SLOW", "State", "Watch", "bring_about", "states_in"]

QUICK = Path(__file__).with_name("states.yaml")
SLOW = Path(__file__).with_name("states-slow.yaml")
_SOUND = re.compile(r"sound: ((?:PM[0-9]{3}[, ]*)+)")
_HOW = re.compile(r"^# how: (.*)$", re.MULTILINE)
_REPOSITORY = "REPOSITORY"
LONG = {"PM716": 1000.0, "PM729": 1000.0}
"""Seconds until the check counts it as settled; five minutes and a bit for the others of the slow file."""


@dataclass(frozen=True, slots=True)
class State:
    """What a check is asked of an object."""

    check: str
    object: str
    sound: bool
    slow: bool = False
    how: str = ""
    """How it is brought about, for the page."""


def states_in(path: Path) -> Iterator[State]:
    """What the comments of a file promise, of each object."""
    for text in re.split(r"^---$", path.read_text("utf-8"), flags=re.MULTILINE):
        name, slow = called(yaml.safe_load(text)), path == SLOW
        how = _HOW.search(text)
        yield from (State(one, name, sound=False, slow=slow, how=how[1] if how else "") for one in promised(text))
        for match in _SOUND.finditer(text):
            yield from (State(one, name, sound=True, slow=slow) for one in re.findall("PM[0-9]{3}", match[1]))


def bring_about(lab: RunningLab, path: Path) -> None:
    """Apply a file of states."""
    text = path.read_text("utf-8").replace(_REPOSITORY, lab.config.remote.as_uri())
    lab.kubectl("apply", "-f", "-", given=text, timeout=120)


@dataclass(slots=True)
class Watch:
    """What doctor tells of the cluster itself; asked again when what is wanted is not there yet."""

    lab: RunningLab
    state: Path
    found: dict[tuple[str, str], str] = field(default_factory=dict)
    """The sentence, by check and object."""
    at: float = 0.0

    def look(self, *words: str) -> dict[tuple[str, str], str]:
        """Ask it now; ``words`` are further ones of the command."""
        said = doctor(self.lab, self.state, "--check", "PM7", *words)
        assert said["notChecked"] == [], said["notChecked"]
        self.found, self.at = {(one["id"], told(one)): one["what"] for one in said["findings"]}, time.monotonic()
        return self.found

    def sentence(self, check: str, what: str, seconds: float) -> str:
        """What is told at last of this object."""
        if (check, what) not in self.found:
            until(lambda: (check, what) in self.look(), seconds)
        return self.found[check, what]

    def silent(self, check: str, what: str) -> bool:
        """Is nothing told of it now?"""
        return (check, what) not in (self.found if time.monotonic() - self.at < 5 else self.look())


def live(lab: RunningLab, *words: str) -> dict[str, Any]:
    """An object, or a list of them."""
    found: dict[str, Any] = json.loads(lab.kubectl("get", *words, "-o", "json").stdout)
    return found
