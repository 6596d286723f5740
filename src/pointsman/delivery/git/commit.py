"""Making one commit with plumbing, as the user's ``git commit`` would: their name, signature and ``commit-msg`` hook.

``pre-commit`` is not run: it looks at the work tree and the index, which are not what is committed here. What it guards
is guarded again by whoever takes the push.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pointsman.delivery.git.changes import Change
from pointsman.delivery.git.program import HOOK, Git, Said, run
from pointsman.delivery.git.wording import last_words
from pointsman.errors import RefusedError

__all__ = ["Person", "commit", "hook"]

_OWN_NAME = ("-c", "user.useConfigOnly=true")
"""No identity is made up from the machine's name."""


@dataclass(frozen=True, slots=True)
class Person:
    """How the user's commits are made in this repository."""

    git: Git
    signs: bool

    @classmethod
    async def of(cls, git: Git) -> Person:
        """Read it from git's configuration; raises RefusedError when there is no name or no address."""
        for who in ("AUTHOR", "COMMITTER"):
            said = await git.run(*_OWN_NAME, "var", f"GIT_{who}_IDENT")
            if not said.ok:
                raise RefusedError(
                    f"git does not know who makes the commit: {_reason(said)}",
                    where=str(git.folder),
                    next_action="git config user.name 'YOUR NAME' and git config user.email YOU@EXAMPLE.ORG",
                    code="git-identity",
                )
        signs = await git.run("config", "--type=bool", "--get", "commit.gpgSign")
        return cls(git, signs.out.strip() == b"true")


async def commit(person: Person, change: Change, tree: str, parent: str, index: Mapping[str, str]) -> str:
    """The id of a new commit; raises RefusedError when the hook or the signing program says no."""
    message = await _through_hook(person.git, change, index)
    sign = ("-S",) if person.signs else ("--no-gpg-sign",)
    words = (*_OWN_NAME, "-c", "i18n.commitEncoding=UTF-8", "commit-tree", *sign, "-p", parent, tree)
    said = await person.git.run(*words, given=message, seconds=HOOK)
    if said.ok:
        return said.out.decode().strip()
    if person.signs:
        raise RefusedError(
            f"the commit cannot be signed: {'no answer in time' if said.late else last_words(said.err)}",
            where=str(person.git.folder),
            next_action="make git commit -S work here without typing (an agent holds the key), then run it again",
            code="git-signing",
        )
    raise person.git.failed(words, said)


async def hook(git: Git, name: str) -> Path | None:
    """The user's hook of that name, where there is one that git would run."""
    path = git.folder / await git.text("rev-parse", "--git-path", f"hooks/{name}")
    return path if path.is_file() and os.access(path, os.X_OK) else None


async def _through_hook(git: Git, change: Change, index: Mapping[str, str]) -> bytes:
    """The message after ``commit-msg`` had it, which may add to it and may refuse."""
    path = await hook(git, "commit-msg")
    if path is None:
        return change.message.encode()
    with tempfile.TemporaryDirectory(prefix="pointsman-message-") as folder:
        file = Path(folder) / "COMMIT_EDITMSG"
        file.write_bytes(change.message.encode())
        said = await _run_hook(git, path, file, index)
        message = file.read_bytes()
    if not said.ok:
        words = last_words(f"{said.out.decode('utf-8', 'replace')}\n{said.err}")
        raise _refused(f"it refuses the message: {words or 'without a word'}", path, "see what it asks for")
    if change.mark.line.encode() not in message.splitlines():
        raise _refused(
            f"it takes the line {change.mark.line!r} away, by which the commit is found", path, "let it stand"
        )
    return message


async def _run_hook(git: Git, path: Path, file: Path, index: Mapping[str, str]) -> Said:
    """In the folder and environment where git commit runs it."""
    env = {**index, "GIT_EDITOR": ":", **({"GIT_DIR": "."} if git.bare else {})}
    try:
        return await run((str(path), str(file)), seconds=HOOK, env=env, folder=git.folder)
    except OSError as error:
        if error.errno == errno.ENOEXEC:
            return await run(("sh", str(path), str(file)), seconds=HOOK, env=env, folder=git.folder)
        raise _refused(f"it cannot be run: {error.strerror}", path, "correct its first line, or remove it") from error


def _refused(what: str, path: Path, action: str) -> RefusedError:
    return RefusedError(f"the commit-msg hook said no: {what}", where=str(path), next_action=action, code="git-hook")


def _reason(said: Said) -> str:
    """git's own sentence, without the advice around it."""
    fatal = [line for line in said.err.splitlines() if line.startswith(("fatal:", "error:"))]
    return fatal[-1].partition(": ")[2] if fatal else last_words(said.err, 1)
