"""Finds and reads a Model, and writes back the one field that a move changes."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pointsman.errors import SpecError, UsageError
from pointsman.spec.checks import contradictions
from pointsman.spec.document import Document, read_document
from pointsman.spec.judging import judge
from pointsman.spec.model import LAYER_IDS, Model
from pointsman.spec.problems import InvalidSpecError, Problem

__all__ = ["FOLDERS", "find_model", "load_model", "set_layer"]

FOLDERS = ("models", "examples/platform/models")
"""Where a bare model name is looked up, below the working directory."""


def load_model(path: Path) -> Model:
    """The model in ``path``; raises SpecError that lists every problem with its line."""
    document = _document(path, _text(path))
    judged = judge(document)
    if not isinstance(judged, Model):
        raise InvalidSpecError(path, judged)
    wrong = [
        Problem(document.line(each.place), each.what, each.next_action, each.code) for each in contradictions(judged)
    ]
    if wrong:
        raise InvalidSpecError(path, wrong)
    return judged


def find_model(name_or_path: str, root: Path) -> Path:
    """The file meant by MODEL on the command line: a path, or the name of a model in one of ``FOLDERS``."""
    direct = root / Path(name_or_path).expanduser()
    if direct.suffix in (".yaml", ".yml") or os.sep in name_or_path or direct.is_file():
        return direct
    known = list(_known(root))
    for path in known:
        if path.stem == name_or_path:
            return path
    names = ", ".join(sorted({path.stem for path in known})) or "none found"
    raise UsageError(
        f"no model is called {name_or_path!r} (looked in {', '.join(f'{folder}/' for folder in FOLDERS)})",
        where=str(root),
        next_action=f"name a spec file, or one of the known models: {names}",
        code="model-unknown",
    )


def set_layer(path: Path, layer: str) -> None:
    """Write ``spec.layer`` and change no other byte; the file is replaced in one step."""
    if layer not in LAYER_IDS:
        raise UsageError(f"there is no layer {layer!r}", next_action=f"use one of: {', '.join(LAYER_IDS)}")
    text = _text(path)
    span = _document(path, text).spans.get(("spec", "layer"))
    if span is None:
        raise SpecError("spec.layer is not set", where=str(path), next_action="add the field layer below spec")
    _replace(path, text[: span[0]] + layer + text[span[1] :])


def _known(root: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((root / folder).glob("*.yaml"))


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise SpecError(
            "there is no such file",
            where=str(path),
            next_action="name a spec file, or a model by its name",
            code="spec-missing",
        ) from None
    except OSError as error:
        raise SpecError(
            f"the file cannot be read: {(error.strerror or str(error)).lower()}",
            where=str(path),
            next_action="name a readable file",
            code="spec-unreadable",
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _binary(path, data[: error.start].count(b"\n") + 1) from None
    if "\0" in text:
        raise _binary(path, text[: text.index("\0")].count("\n") + 1)
    return text


def _binary(path: Path, line: int) -> SpecError:
    return SpecError(
        "the file is not UTF-8 text",
        where=f"{path}:{line}",
        next_action="name a spec file, or save it as UTF-8",
        code="spec-not-text",
    )


def _document(path: Path, text: str) -> Document:
    document = read_document(text)
    if document.problems:
        raise InvalidSpecError(path, document.problems)
    if not isinstance(document.data, dict):
        raise SpecError(
            "a spec is a mapping, and this is not one",
            where=f"{path}:{document.line(())}",
            next_action="start the file with apiVersion: pointsman.dev/v1alpha1",
            code="spec-not-a-mapping",
        )
    return document


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
    ) as file:
        file.write(text)
    temporary = Path(file.name)
    try:
        temporary.chmod(path.stat().st_mode & 0o7777)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
