"""Finds and reads a Model, and writes back the one field that a move changes."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from pathlib import Path

from pointsman.errors import SpecError, UsageError, reason_of
from pointsman.intake.file import expanded, read_file
from pointsman.intake.replacement import replace_file
from pointsman.spec.checks import contradictions
from pointsman.spec.document import LARGEST, Document, read_document
from pointsman.spec.judging import judge
from pointsman.spec.model import LAYER_IDS, Model
from pointsman.spec.problems import InvalidSpecError, Problem

__all__ = ["FOLDERS", "document_in", "file_named", "known_files", "load_model", "model_in", "names_file", "set_layer"]

FOLDERS = ("models", "examples/platform/models")
"""Where a bare model name is looked up, below the working directory."""
BOM = "\ufeff"


def load_model(path: Path) -> Model:
    """The model in ``path``; raises SpecError that lists every problem with its line."""
    return model_in(path, document_in(path, _text(path)))


def model_in(path: Path, document: Document) -> Model:
    """The model that a document of ``path`` is; raises SpecError that lists every problem with its line."""
    judged = judge(document)
    if not isinstance(judged, Model):
        raise InvalidSpecError(path, judged)
    wrong = [
        Problem(document.line(each.place), each.what, each.next_action, each.code) for each in contradictions(judged)
    ]
    if wrong:
        raise InvalidSpecError(path, wrong)
    return judged


def file_named(name_or_path: str, root: Path) -> Path | None:
    """The file meant by MODEL on the command line: a path, or the name of one in ``FOLDERS``; None when neither is."""
    direct = root / expanded(Path(name_or_path))
    if names_file(name_or_path) or _is_file(direct):
        return direct
    return next((path for path in known_files(root) if path.stem == name_or_path), None)


def names_file(name_or_path: str) -> bool:
    """Can only a file be meant?"""
    return name_or_path.endswith((".yaml", ".yml")) or os.sep in name_or_path


def _is_file(path: Path) -> bool:
    """A name that is too long for a file, or holds what no file's name can, is none."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def set_layer(path: Path, layer: str) -> None:
    """Write ``spec.layer`` and change no other byte; the file is replaced in one step."""
    if layer not in LAYER_IDS:
        raise UsageError(f"there is no layer {layer!r}", next_action=f"use one of: {', '.join(LAYER_IDS)}")
    text = _text(path)
    span = document_in(path, text).spans.get(("spec", "layer"))
    if span is None:
        raise SpecError("spec.layer is not set", where=str(path), next_action="add the field layer below spec")
    after = text[: span[0]] + layer + text[span[1] :]
    _refuse_drift(path, text, after, layer)
    mark = BOM if path.read_bytes().startswith(BOM.encode()) else ""
    try:
        replace_file(path, (mark + after).encode())
    except OSError as error:
        raise SpecError(
            f"the file cannot be written: {reason_of(error)}",
            where=str(path),
            next_action=f"write layer: {layer} there by hand",
            code="spec-unwritable",
        ) from None


def _refuse_drift(path: Path, before: str, after: str, layer: str) -> None:
    """Read the result back: the layer is what was asked for, everything else is what it was."""
    meant = copy.deepcopy(document_in(path, before).data)
    meant["spec"]["layer"] = layer
    if read_document(after).data != meant:
        raise SpecError(
            "spec.layer cannot be replaced without changing more",
            where=str(path),
            next_action=f"write layer: {layer} there by hand, without an anchor or a tag",
        )


def known_files(root: Path) -> Iterator[Path]:
    """Every spec in ``FOLDERS``."""
    for folder in FOLDERS:
        yield from sorted((root / folder).glob("*.yaml"))


def _text(path: Path) -> str:
    try:
        data = read_file(path, LARGEST)
    except FileNotFoundError:
        raise SpecError(
            "there is no such file",
            where=str(path),
            next_action="name a spec file, or a model by its name",
            code="spec-missing",
        ) from None
    except OSError as error:
        raise SpecError(
            f"the file cannot be read: {reason_of(error)}",
            where=str(path),
            next_action="name a spec in a file of its own",
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


def document_in(path: Path, text: str) -> Document:
    """The document that a spec's text is; raises SpecError when it is none."""
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
