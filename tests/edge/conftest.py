"""The installed LiteLLM, for what is said of it to be held against it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Told:
    """What LiteLLM did with a configuration."""

    rows: list[dict[str, Any]]
    """``data`` of ``GET /model/info``."""
    picked: list[dict[str, int]]
    """Requests by deployment id, or by error, for each name that was asked."""
    asked: dict[str, list[str]]
    """Model names that each engine was asked for."""
    failed: list[str]
    """What went wrong with completions; empty text: nothing."""


@dataclass(frozen=True)
class Ask:
    """Requests for one name."""

    name: str
    requests: int = 200
    extra: Mapping[str, object] | None = None

    def said(self) -> dict[str, object]:
        return {"name": self.name, "requests": self.requests, "extra": dict(self.extra or {})}


class LiteLLM:
    """A process that has imported LiteLLM."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.edge.litellm_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, text: str, pick: Sequence[Ask] = (), complete: Sequence[Ask] = ()) -> Told:
        """Load the configuration, let the router pick and complete; fixed random numbers."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        question = {"text": text, "pick": [one.said() for one in pick], "complete": [one.said() for one in complete]}
        print(json.dumps(question), file=self.process.stdin, flush=True)
        told = json.loads(self.process.stdout.readline())
        assert "error" not in told, told["error"]
        return Told(**told)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture(scope="session")
def litellm() -> Iterator[LiteLLM]:
    one = LiteLLM()
    yield one
    one.close()
