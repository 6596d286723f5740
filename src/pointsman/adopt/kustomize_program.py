"""Kustomize itself, where our own reading is not enough: on copies of the files it may read, and nothing else.

The closure was looked at before: nothing remote, no plugin, no chart. The program still gets a folder of its own with
those files alone, no home, no git on its path, and proxies that lead nowhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pointsman.adopt.documents import Document, documents_of
from pointsman.adopt.kustomization import NeedsProgramError
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.objects import Deployed, expanded, key_of
from pointsman.adopt.tree import Tree
from pointsman.errors import PointsmanError

__all__ = ["LONGEST", "PROGRAM", "built_by_program", "program"]

PROGRAM = "POINTSMAN_KUSTOMIZE"
"""Environment variable that names a kustomize, or a kubectl."""
LONGEST = 5.0
"""Seconds that a build may take."""
_LARGEST = 8 << 20
"""Bytes of what it may make."""


def program() -> list[str]:
    """The words that build a folder; none when there is no such program."""
    named = os.environ.get(PROGRAM)
    if named is not None:
        found = shutil.which(named)
        return _words(found) if found else []
    for name in ("kustomize", "kubectl"):
        if found := shutil.which(name):
            return _words(found)
    return []


def _words(found: str) -> list[str]:
    whole = str(Path(found).absolute())
    return [whole, "kustomize"] if "kubectl" in Path(found).name else [whole, "build"]


def built_by_program(
    tree: Tree, folder: str, files: Sequence[str], documents: Sequence[Document], why: NeedsProgramError
) -> tuple[list[Deployed], list[LeftOut]]:
    """The objects that it makes, and what was left out."""
    words = program()
    if not words:
        action = f"put kustomize or kubectl on the PATH, or name one in {PROGRAM}"
        return [], [LeftOut(why.where, f"{why.what}, and there is no such program here", action)]
    with tempfile.TemporaryDirectory(prefix="pointsman-") as name:
        top = Path(name)
        try:
            _copied(tree, files, top / "tree")
            text = _run([*words, str(top / "tree" / folder)], top)
        except (OSError, subprocess.SubprocessError, PointsmanError, ValueError) as error:
            return [], [LeftOut(folder or ".", f"kustomize does not build it: {_said(error, name)}")]
    return _placed(text, documents)


def _copied(tree: Tree, files: Sequence[str], top: Path) -> None:
    for path in files:
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(tree.text(path), encoding="utf-8")


def _run(words: Sequence[str], top: Path) -> str:
    nowhere = "http://127.0.0.1:9"
    (top / "bin").mkdir()
    env = {
        **{"HOME": str(top), "TMPDIR": str(top), "PATH": str(top / "bin"), "LC_ALL": "C"},
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), nowhere),
    }
    with (top / "out").open("wb") as out, (top / "err").open("wb") as err:
        code = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=top, timeout=LONGEST, check=False
        ).returncode
    if code:
        raise ValueError((top / "err").read_text(errors="replace")[:4000])
    if (top / "out").stat().st_size > _LARGEST:
        raise ValueError("it makes more than 8 MiB")
    return (top / "out").read_text(encoding="utf-8")


def _said(error: Exception, folder: str) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took more than {LONGEST:g} s"
    lines = [line for line in str(error).replace(f"{folder}/tree/", "").splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__


def _placed(text: str, documents: Sequence[Document]) -> tuple[list[Deployed], list[LeftOut]]:
    """Each object, with the documents of the same kind and name: those it comes from."""
    left_out: list[LeftOut] = []
    written: dict[tuple[str, str], list[Document]] = {}
    for document in documents:
        for one in expanded(document):
            written.setdefault((one.kind, one.name), []).append(document)
    found: list[Deployed] = []
    for built in documents_of("", text, left_out):
        found += [Deployed(one.data, tuple(_of(one.data, written))) for one in expanded(built)]
    return found, left_out


def _of(data: Mapping[str, object], written: Mapping[tuple[str, str], list[Document]]) -> list[Document]:
    _, kind, _, name = key_of(data)
    exact = written.get((kind, name))
    if exact:
        return exact
    near = [one for (of_kind, said), some in written.items() if of_kind == kind and said in name for one in some]
    return near if len(near) == 1 else []
