"""Specs as text for tests: the example, and the example with one thing changed."""

from __future__ import annotations

from pathlib import Path

from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from pointsman.spec.problems import InvalidSpecError, Problem

EXAMPLE = Path(__file__).parents[2] / "examples/platform/models/qwen.yaml"
TEXT = EXAMPLE.read_text(encoding="utf-8")


def edited(old: str, new: str) -> str:
    """The example's text with one passage replaced."""
    assert TEXT.count(old) == 1, f"{old!r} stands {TEXT.count(old)} times in the example"
    return TEXT.replace(old, new)


def line_of(text: str, part: str) -> int:
    """1-based line of the first line that contains ``part``."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def loaded(folder: Path, text: str) -> Model:
    """The model in ``text``."""
    path = folder / "model.yaml"
    path.write_text(text, encoding="utf-8")
    return load_model(path)


def problems(folder: Path, text: str) -> tuple[Problem, ...]:
    """Everything that is said against ``text``; empty when it loads."""
    try:
        loaded(folder, text)
    except InvalidSpecError as error:
        return error.problems
    return ()
