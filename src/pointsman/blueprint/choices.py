"""What whoever starts a platform has to choose, and what of it cannot be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pointsman.errors import UsageError
from pointsman.intake.file import read_file
from pointsman.spec.document import LARGEST
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model
from pointsman.spec.words import shown

__all__ = ["QWEN", "Choices", "branch_named", "environment_named", "model_in"]

FILES = Path(__file__).parent / "files"
QWEN = FILES / "models" / "qwen.yaml"
"""The Model of a platform whose owner has none yet."""
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]{0,62}")
_BRANCH = re.compile(r"[A-Za-z0-9][-_A-Za-z0-9]*(?:[./][-_A-Za-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Choices:
    """Everything that the files depend on."""

    environment: str
    repository: str
    """The URL that Argo CD reads."""
    branch: str
    model: Model
    text: bytes
    """The model's file, with its comments."""


def environment_named(word: str) -> str:
    """A name that folders can have; raises UsageError."""
    if not _ENVIRONMENT.fullmatch(word):
        raise UsageError(
            f"--environment {shown(word)} is not a name of an environment",
            next_action="use at most 63 letters, digits and '-', '.', '_', a letter or digit first: ai-dev",
            code="init-environment",
        )
    return word


def branch_named(word: str) -> str:
    """A branch; raises UsageError."""
    if not _BRANCH.fullmatch(word) or word.endswith(".lock") or len(word) > 200:
        raise UsageError(
            f"--branch {shown(word)} is not a name of a branch",
            next_action="use letters, digits, '-', '_', and '.' or '/' between them: main",
            code="init-branch",
        )
    return word


def model_in(path: Path) -> tuple[Model, bytes]:
    """The model in a file, and the file; raises SpecError with the line of what is wrong."""
    model = load_model(path)
    return model, read_file(path, LARGEST)
