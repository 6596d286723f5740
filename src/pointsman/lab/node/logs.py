"""Container logs: one file per run of a container, each line with its time, stream and whether it is whole.

The form is the container runtimes' own (``TIME stdout F text``). Files are written from the event loop in whole
chunks; a follower is woken by the writer rather than polling.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pointsman.lab.node.times import nano_time, now, parse_time

__all__ = ["LogQuery", "LogWriter", "log_path", "read_log", "tail_text"]

ROTATE_AT = 10 * 1024 * 1024
"""Bytes after which a log file is set aside as ``.1``; the one before that is dropped."""
_LONGEST_LINE = 16 * 1024


def log_path(directory: Path, container: str, run: int) -> Path:
    """Where run number ``run`` of a container writes."""
    return directory / container / f"{run}.log"


class LogWriter:
    """Takes the bytes of both streams of one run and writes them as timed lines."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.closed = False
        self._file = path.open("ab", buffering=0)
        self._rest = {"stdout": b"", "stderr": b""}
        self._changed = asyncio.Event()

    def feed(self, stream: str, data: bytes) -> None:
        """More bytes of ``stream``."""
        *lines, rest = (self._rest[stream] + data).split(b"\n")
        stamp = f"{nano_time(now())} {stream} ".encode()
        out = [stamp + b"F " + line + b"\n" for line in lines]
        while len(rest) > _LONGEST_LINE:
            out.append(stamp + b"P " + rest[:_LONGEST_LINE] + b"\n")
            rest = rest[_LONGEST_LINE:]
        self._rest[stream] = rest
        if out:
            self._write(b"".join(out))

    def say(self, text: str) -> None:
        """One line of the node's own, on stderr."""
        self.feed("stderr", text.encode() + b"\n")

    def close(self) -> None:
        """Write what is left and end every follower."""
        if self.closed:
            return
        for stream, rest in self._rest.items():
            if rest:
                self.feed(stream, b"\n")
        self.closed = True
        self._file.close()
        self._wake()

    async def wait(self) -> None:
        """Until more was written, or the log was closed."""
        if not self.closed:
            await self._changed.wait()

    def _write(self, data: bytes) -> None:
        if self._file.tell() > ROTATE_AT:
            self._file.close()
            self.path.replace(self.path.with_suffix(".log.1"))
            self._file = self.path.open("ab", buffering=0)
        self._file.write(data)
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What a reader of a log asks for; the names are the API's."""

    follow: bool = False
    timestamps: bool = False
    tail_lines: int | None = None
    limit_bytes: int | None = None
    since: datetime | None = None

    @classmethod
    def from_words(cls, words: dict[str, str]) -> LogQuery:
        """From query parameters; raises ValueError on a word that is not one."""
        since = parse_time(words["sinceTime"]) if words.get("sinceTime") else None
        if words.get("sinceSeconds"):
            since = now() - timedelta(seconds=int(words["sinceSeconds"]))
        return cls(
            follow=words.get("follow") in ("true", "1"),
            timestamps=words.get("timestamps") in ("true", "1"),
            tail_lines=int(words["tailLines"]) if words.get("tailLines") else None,
            limit_bytes=int(words["limitBytes"]) if words.get("limitBytes") else None,
            since=since,
        )


async def read_log(path: Path, query: LogQuery, writer: LogWriter | None) -> AsyncIterator[bytes]:
    """The log's text as asked for; with ``follow`` it goes on until the writer closes."""
    left = query.limit_bytes
    async for line in _entries(path, query, writer):
        text = _render(line, query)
        if text is None:
            continue
        if left is not None:
            text, left = text[:left], left - len(text)
        yield text
        if left is not None and left <= 0:
            return


async def _entries(path: Path, query: LogQuery, writer: LogWriter | None) -> AsyncIterator[bytes]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        old = path.with_suffix(".log.1")
        before = old.read_bytes().splitlines(keepends=True) if old.exists() else []
        everything = (line for source in (before, file) for line in source)
        for line in _last(everything, query.tail_lines):
            yield line
        while query.follow and writer is not None:
            ended = writer.closed
            for line in file:
                yield line
            if ended:
                return
            await writer.wait()


def _last(lines: Iterator[bytes], count: int | None) -> Iterator[bytes]:
    return lines if count is None else iter(deque(lines, maxlen=count))


def _render(line: bytes, query: LogQuery) -> bytes | None:
    stamp, _, rest = line.partition(b" ")
    _stream, _, rest = rest.partition(b" ")
    flag, _, text = rest.partition(b" ")
    if query.since is not None and parse_time(stamp.decode()) < query.since:
        return None
    if flag == b"P":
        text = text.rstrip(b"\n")
    return stamp + b" " + text if query.timestamps else text


def tail_text(path: Path, *, lines: int = 80, size: int = 2048) -> str:
    """The end of a log, for a termination message."""
    try:
        last = _last(iter(path.read_bytes().splitlines(keepends=True)), lines)
    except FileNotFoundError:
        return ""
    text = b"".join(_render(line, LogQuery()) or b"" for line in last)
    return text[-size:].decode(errors="replace")
