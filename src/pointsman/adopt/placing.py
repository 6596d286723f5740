"""Putting texts into a repository: all of them or none, and never over what somebody else wrote meanwhile."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pointsman.adopt.taking import taken_from
from pointsman.adopt.tree import Tree
from pointsman.catalog.source import BOM, bytes_of, write_source
from pointsman.errors import PointsmanError, RefusedError, SpecError
from pointsman.spec.loading import load_model
from pointsman.spec.model import Model

__all__ = ["Placed", "model_of", "place_edits", "place_new"]


@dataclass(frozen=True, slots=True)
class Placed:
    """A file that was to be written."""

    path: str
    how: str
    """``written``, ``replaced`` or ``same``."""


def place_edits(tree: Tree, read: Mapping[str, str]) -> list[Placed]:
    """Write every edit of a tree; ``read``: the texts that they were made from.

    Raises RefusedError when a file is not what it was, and SpecError when one cannot be written; then none is.
    """
    before, after = {}, {}
    for path, text in tree.edits.items():
        data = bytes_of(tree.root / path, tree.root) or b""
        if data.decode(errors="replace").removeprefix(BOM) != read[path]:
            raise RefusedError(
                "somebody else changed the file meanwhile",
                where=path,
                next_action="run this again",
                code="platform-changed",
            )
        mark = BOM if data.startswith(BOM.encode()) else ""
        before[path], after[path] = data, (mark + text).encode()
    _all_or_none(tree.root, after, before)
    return [Placed(path, "replaced") for path in after]


def place_new(root: Path, texts: Mapping[str, str], *, overwrite: bool) -> list[Placed]:
    """Write new files; one that is there with another text is refused unless ``overwrite`` says so."""
    have = {path: bytes_of(root / path, root) for path in texts}
    differ = [path for path, data in have.items() if data is not None and data != texts[path].encode()]
    if differ and not overwrite:
        raise RefusedError(
            f"{', '.join(differ)} {'is' if len(differ) == 1 else 'are'} there, and not what would be written",
            where=differ[0],
            next_action="move it away, or --overwrite",
            code="adopt-exists",
        )
    wanted = {path: text.encode() for path, text in texts.items() if have[path] != text.encode()}
    _all_or_none(root, wanted, have)
    return [
        Placed(path, "same" if path not in wanted else "written" if have[path] is None else "replaced")
        for path in texts
    ]


def model_of(path: str, text: str, root: Path) -> Model:
    """The Model that a file would hold, its folders read; raises SpecError for one that does not load."""
    with tempfile.TemporaryDirectory(prefix="pointsman-") as folder:
        file = Path(folder) / path.rpartition("/")[2]
        file.write_text(text, encoding="utf-8")
        try:
            found = load_model(file)
        except SpecError as error:
            what = error.what.replace(f"{file}:", "line ")
            raise SpecError(what, where=path, next_action=error.next_action, code=error.code) from None
    return taken_from(found, root)


def _all_or_none(root: Path, after: Mapping[str, bytes], before: Mapping[str, bytes | None]) -> None:
    done: list[str] = []
    try:
        for path, data in after.items():
            write_source(root / path, root, data, before[path])
            done.append(path)
    except PointsmanError:
        for path in reversed(done):
            _put_back(root, path, before[path], after[path])
        raise


def _put_back(root: Path, path: str, before: bytes | None, after: bytes) -> None:
    """As it was, unless somebody else changed it since."""
    with suppress(PointsmanError, OSError):
        if before is not None:
            write_source(root / path, root, before, after)
        elif bytes_of(root / path, root) == after:
            (root / path).unlink()
