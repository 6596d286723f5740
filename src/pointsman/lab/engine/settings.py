"""How a simulated engine behaves: times, concurrency, faults. Read again whenever the file changes.

The file is JSON, named by POINTSMAN_SIM_CONFIG. A test changes it while the engine runs; what it says holds from
the next look, at most 0.2 s later. A file that cannot be read leaves the last good settings in force.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pointsman.lab.engine.logs import say

__all__ = ["ColdStart", "Faults", "Settings", "SettingsFile"]

_LOOK_EVERY = 0.2
_SOURCE = "settings.py:1"
_Section = TypeVar("_Section", "ColdStart", "Faults", "Settings")


@dataclass(frozen=True, slots=True)
class ColdStart:
    """Seconds of each phase of a start: weights, compilation, and the first slow requests."""

    load: float = 1.0
    compile: float = 0.5
    warmup: float = 0.5


@dataclass(frozen=True, slots=True)
class Faults:
    """What is wrong with this engine, if anything."""

    never_ready: bool = False
    ready_too_early: bool = False
    wrong_model: str = ""
    wrong_name: str = ""
    wrong_text: bool = False
    max_model_len: int = 0
    ignore_key: bool = False
    error_rate: float = 0.0
    slow: float = 1.0
    cut_stream_after: float = 0.0
    crash_after_requests: int = 0
    hf_rate_limited: bool = False
    nearby: float = 0.0
    """How far the log-probabilities of its weights are from the right ones, in the mean: a nearby revision."""
    no_likelihoods: bool = False
    """It offers no log-probabilities of prompts."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the file can say."""

    cold_start: ColdStart = field(default_factory=ColdStart)
    ttft: float = 0.05
    itl: float = 0.015
    concurrency: int = 64
    noise: float = 0.027
    """How far log-probabilities are off in the mean, in nats: the precision, the batch."""
    swing: float = 1.0
    """How much the model makes of context, against SmolLM2-135M; what little differences do to it goes along."""
    parting: float = 0.0
    """Share of the greedy answers that part from the exact ones somewhere, as those of honest engines do."""
    reasoning: bool = False
    """Answers are reasoning throughout, and their content is empty."""
    base: bool = False
    """The model has no chat template."""
    faults: Faults = field(default_factory=Faults)


class SettingsFile:
    """The file, looked at no more often than every 0.2 s."""

    def __init__(self, path: str | None) -> None:
        self._path = Path(path) if path else None
        self._looked = 0.0
        self._stamp: tuple[int, int, int] | None = None
        self._settings = Settings()

    @property
    def now(self) -> Settings:
        """The settings in force."""
        clock = time.monotonic()
        if self._path and clock - self._looked >= _LOOK_EVERY:
            self._looked = clock
            self._look(self._path)
        return self._settings

    def _look(self, path: Path) -> None:
        try:
            status = path.stat()
        except OSError:
            return
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        if stamp == self._stamp:
            return
        try:
            self._settings = _read(json.loads(path.read_text()))
        except (OSError, ValueError, TypeError, AttributeError) as problem:
            say(f"simulator settings ignored: {problem}", _SOURCE, level="WARNING")
        else:
            if self._stamp:
                say(f"simulator settings changed: {self._settings.faults}", _SOURCE)
        self._stamp = stamp


def _read(data: Mapping[str, Any]) -> Settings:
    plain = {key: value for key, value in data.items() if key not in ("cold_start", "faults")}
    return _section(
        Settings,
        plain
        | {
            "cold_start": _section(ColdStart, data.get("cold_start", {})),
            "faults": _section(Faults, data.get("faults", {})),
        },
    )


def _section(kind: type[_Section], data: Mapping[str, Any]) -> _Section:
    known = {item.name: item for item in dataclasses.fields(kind)}
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"unknown keys {', '.join(unknown)}; known are {', '.join(known)}")
    default = kind()
    for name, value in data.items():
        expected = type(getattr(default, name))
        accepted = (int, float) if expected is float else (expected,)
        if not isinstance(value, accepted) or (isinstance(value, bool) and expected is not bool):
            raise TypeError(f"{name} must be {expected.__name__}, not {value!r}")
    return kind(**data)
