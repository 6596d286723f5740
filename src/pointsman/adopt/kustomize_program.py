"""Kustomize itself, where our own reading is not enough: on copies of the files it may read, and nothing else.

The closure was looked at before: nothing remote, no plugin, no chart. The program still gets a folder of its own with
those files alone, no home, no git on its path, and proxies that lead nowhere.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pointsman.adopt.closure import kustomization_in
from pointsman.adopt.documents import Document, documents_of
from pointsman.adopt.kustomization import NeedsProgramError
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.objects import Deployed, expanded
from pointsman.adopt.origins import Origins, asking
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
        return [], [LeftOut(why.where, f"{why.what}, and there is no such program here", action, unread=True)]
    own = kustomization_in(tree, folder, [])
    with tempfile.TemporaryDirectory(prefix="pointsman-") as name:
        top = Path(name)
        try:
            _copied(tree, files, top / "tree", own)
            text = _run([*words, str(top / "tree" / folder)], top)
        except (OSError, subprocess.SubprocessError, PointsmanError, ValueError) as error:
            said = f"kustomize does not build it: {_said(error, name)}"
            return [], [LeftOut(own.at() if own else folder or ".", said, fails=isinstance(error, _RefusedError))]
    left_out: list[LeftOut] = []
    origins = Origins(tree, folder, documents)
    built = [one for each in documents_of("", text, left_out) for one in expanded(each)]
    return [origins.of(one) for one in built], left_out


class _RefusedError(ValueError):
    """What the program says where it does not build."""


def _copied(tree: Tree, files: Sequence[str], top: Path, own: Document | None) -> None:
    """Copies of the files; that of the kustomization itself asks where its objects come from."""
    for path in files:
        target = top / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = tree.text(path)
        target.write_text(asking(own, text) if own and path == own.path else text, encoding="utf-8")


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
        raise _RefusedError((top / "err").read_text(errors="replace")[:4000])
    if (top / "out").stat().st_size > _LARGEST:
        raise ValueError("it makes more than 8 MiB")
    return (top / "out").read_text(encoding="utf-8")


def _said(error: Exception, folder: str) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"it took more than {LONGEST:g} s"
    lines = [line for line in str(error).replace(f"{folder}/tree/", "").splitlines() if line.strip()]
    return lines[-1][:300] if lines else type(error).__name__
