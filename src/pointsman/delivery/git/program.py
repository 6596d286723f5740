"""Running the ``git`` program: the one place. Nothing here knows what is asked of it.

What it says goes into files, not pipes: what a hook or a credential helper leaves running in the background keeps a
pipe open for hours. It runs in a session of its own, so it has no terminal to ask on, and all of it, hooks and
ssh too, can be ended together.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from pointsman.delivery.git.wording import last_words
from pointsman.ending import gone, started
from pointsman.errors import RefusedError

__all__ = ["HOOK", "LOCAL", "NETWORK", "Git", "Said", "environment", "open_git", "run"]

LOCAL = 60.0
"""Seconds for a call that stays on this machine; a history of a million commits is walked in a few."""
NETWORK = 180.0
"""Seconds for a fetch."""
HOOK = 600.0
"""Seconds for what may run a hook or ask for a signature: a ``pre-push`` may run a project's tests."""
GRACE = 2.0
"""Seconds that git has to end in an orderly way, lock files removed."""
LARGEST = 64 << 20
"""Bytes of one answer; a tree of a hundred thousand files has ten million."""

KEPT = 64 << 10
"""Bytes of what it says to people; the end of it."""

_ELSEWHERE = re.compile(
    r"GIT_(?:ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|CURL_VERBOSE|DIR|GRAFT_FILE|IMPLICIT_WORK_TREE|INDEX_FILE|NAMESPACE"
    r"|OBJECT_DIRECTORY|PREFIX|REPLACE_REF_BASE|SHALLOW_FILE|WORK_TREE|(?:LITERAL|GLOB|NOGLOB|ICASE)_PATHSPECS|TRACE.*)"
    r"|LANGUAGE"
)
"""Variables by which a caller, a hook for one, leads git elsewhere, or makes it read or speak otherwise."""


_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_REPLACE_OBJECTS": "1"}
"""Nothing is asked, no index is refreshed in passing, and a tree is the remote's: ``git replace`` is local."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a program ended."""

    code: int
    """Its exit status; negative when a signal ended it."""
    out: bytes
    err: str
    late: bool = False
    """It was ended by us, because its time was over."""

    @property
    def ok(self) -> bool:
        """Did it succeed?"""
        return self.code == 0 and not self.late


@dataclass(frozen=True, slots=True)
class Git:
    """The program, in one repository."""

    folder: Path
    """The top of the work tree, or a bare repository itself: where git runs hooks."""
    bare: bool = False

    async def run(
        self, *words: str, given: bytes = b"", seconds: float = LOCAL, env: Mapping[str, str] | None = None
    ) -> Said:
        """Run it, whatever comes of it."""
        argv = ("git", "-C", str(self.folder), *words)
        try:
            return await run(argv, given=given, seconds=seconds, env=env)
        except FileNotFoundError:
            raise RefusedError(
                "the git program is not there",
                next_action="install git 2.31 or newer, and see that PATH leads to it",
                code="git-missing",
            ) from None

    async def answer(
        self, *words: str, given: bytes = b"", seconds: float = LOCAL, env: Mapping[str, str] | None = None
    ) -> bytes:
        """What it answers; raises RefusedError with its words when it fails."""
        said = await self.run(*words, given=given, seconds=seconds, env=env)
        if not said.ok:
            raise self.failed(words, said)
        return said.out

    async def text(self, *words: str, given: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """What it answers, as one text without the line end."""
        return os.fsdecode(await self.answer(*words, given=given, env=env)).rstrip("\n")

    def failed(self, words: Sequence[str], said: Said) -> RefusedError:
        """The error of a call that nobody expected to fail."""
        verb = next((word for at, word in enumerate(words) if word[0] != "-" and words[at - 1 : at] != ("-c",)), "")
        how = "did not end in time" if said.late else f"ended with {said.code}"
        words_of_git = last_words(said.err)
        return RefusedError(
            f"git {verb} {how}{': ' if words_of_git else ''}{words_of_git}",
            where=str(self.folder),
            next_action="see what git says; nothing of the repository's work tree was touched",
            code="git-failed",
        )


async def open_git(folder: Path) -> Git:
    """The program in the repository that a folder is in; raises RefusedError when it is in none."""
    for bare, question in enumerate(("--show-toplevel", "--absolute-git-dir")):
        said = await Git(folder).run("rev-parse", question)
        if said.ok:
            return Git(Path(os.fsdecode(said.out).rstrip("\n")), bool(bare))
    raise RefusedError(
        f"git takes it for no repository of yours: {last_words(said.err)}",
        where=str(folder),
        next_action="name a clone of the platform's repository",
        code="git-repository",
    )


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """What git is run with: this repository, no questions, English messages, the user's identity and credentials."""
    kept = {name: value for name, value in given.items() if not _ELSEWHERE.fullmatch(name)}
    locale = kept.pop("LC_ALL", "")
    letters = {"LC_CTYPE": locale} if locale else {}
    return {**kept, **letters, "LC_MESSAGES": "C", **_QUIET}


async def run(
    argv: Sequence[str],
    *,
    given: bytes = b"",
    seconds: float = LOCAL,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Said:
    """Run a program to its end; whoever cancels this ends the program, and its children."""
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        source.write(given)
        source.seek(0)
        starting = asyncio.create_subprocess_exec(
            *argv,
            stdin=source,
            stdout=out,
            stderr=err,
            cwd=folder,
            env={**environment(os.environ), **(env or {})},
            start_new_session=True,
        )
        process = await started(starting, _kill)
        late = await _ended(process, seconds)
        return Said(process.returncode or 0, _read(out), _end(err).decode("utf-8", "replace"), late)


async def _ended(process: asyncio.subprocess.Process, seconds: float) -> bool:
    """Wait for its end; True when it had to be made to."""
    try:
        async with asyncio.timeout(seconds):
            await process.wait()
    except TimeoutError:
        return True
    finally:
        if process.returncode is None:
            await _stop(process)
    return False


async def _stop(process: asyncio.subprocess.Process) -> None:
    _signal(process, signal.SIGTERM)
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await process.wait()
    finally:
        _kill(process)
        await gone(process)


def _kill(process: asyncio.subprocess.Process) -> None:
    _signal(process, signal.SIGKILL)


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    """To all of its session."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _end(file: IO[bytes]) -> bytes:
    file.seek(max(0, file.seek(0, os.SEEK_END) - KEPT))
    return file.read()


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    found = file.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise RefusedError(
            f"git's answer is longer than {LARGEST >> 20} MiB",
            next_action="this is no repository of declarations; name a smaller one",
            code="git-failed",
        )
    return found
