"""Models of this program among a repository's files: what they say, or what is wrong where they cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pointsman.adopt.survey import Survey
from pointsman.adopt.taking import taken
from pointsman.errors import PointsmanError
from pointsman.spec.document import Document
from pointsman.spec.loading import document_in, model_in
from pointsman.spec.model import LAYER_IDS, Model
from pointsman.spec.problems import InvalidSpecError

__all__ = ["Declared", "Wrong", "declared_in"]

_OURS = re.compile(r"""^\s*["']?apiVersion["']?\s*:\s*["']?pointsman\.dev/""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Wrong:
    """What keeps a file from being a Model."""

    where: str
    what: str
    next_action: str


@dataclass(frozen=True, slots=True)
class Declared:
    """A file that says it is a Model."""

    path: str
    """From the repository's root on."""
    document: Document | None
    """Its lines; None where it is none at all."""
    model: Model | None
    wrong: tuple[Wrong, ...] = ()


def declared_in(survey: Survey | None) -> list[Declared]:
    """Every file of ours in a repository; never raises for what one holds."""
    if survey is None:
        return []
    pages = [one for one in survey.pages.values() if "Model" in one.kinds and _OURS.search(one.text)]
    return [_read(survey.tree.root, one.path, one.text) for one in pages if not survey.templated(one.path)]


def _read(root: Path, path: str, text: str) -> Declared:
    file, document = root / path, None
    try:
        document = document_in(file, text)
        model = model_in(file, document)
        if any(model.spec.layers.block(layer).written for layer in LAYER_IDS):
            model = taken(model, file)
    except InvalidSpecError as error:
        told = [Wrong(f"{path}:{one.line}", one.what, one.next_action) for one in error.problems]
        return Declared(path, document, None, tuple(told))
    except PointsmanError as error:
        return Declared(path, document, None, (_wrong(error, file, path),))
    return Declared(path, document, model)


def _wrong(error: PointsmanError, file: Path, path: str) -> Wrong:
    """At a line of the file, whatever place the error names."""
    line = error.where.removeprefix(f"{file}:") if error.where.startswith(f"{file}:") else ""
    if line.isdigit():
        return Wrong(f"{path}:{line}", error.what, error.next_action)
    said = f"{error.what} ({error.where})" if error.where and error.where != str(file) else error.what
    return Wrong(f"{path}:1", said, error.next_action)
