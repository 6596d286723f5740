"""Volumes and logs as files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pointsman.lab.node.engine_settings import write_settings
from pointsman.lab.node.logs import LogQuery, LogWriter, read_log, tail_text
from pointsman.lab.node.volumes import write_atomically


def test_an_update_replaces_all_files_in_one_swap(tmp_path: Path) -> None:
    assert write_atomically(tmp_path, {"a": b"1", "deep/b": b"2"})
    before = (tmp_path / "..data").resolve()
    assert not write_atomically(tmp_path, {"a": b"1", "deep/b": b"2"})
    assert write_atomically(tmp_path, {"a": b"3"})
    assert (tmp_path / "a").read_bytes() == b"3"
    assert not (tmp_path / "deep").exists()
    assert not before.exists()
    assert [entry.name for entry in tmp_path.iterdir() if not entry.name.startswith("..")] == ["a"]


def test_the_longest_fitting_prefix_sets_an_engines_settings(tmp_path: Path) -> None:
    path = tmp_path / "engine.json"
    data = {"default": b"d", "qwen": b"q", "qwen-predictor": b"p"}
    write_settings(path, "qwen-predictor-1", data)
    assert path.read_bytes() == b"p"
    write_settings(path, "other", data)
    assert path.read_bytes() == b"d"
    write_settings(path, "other", {})
    assert not path.exists()


async def read(path: Path, writer: LogWriter | None = None, **words: str) -> str:
    query = LogQuery.from_words(words)
    return b"".join([line async for line in read_log(path, query, writer)]).decode()


async def test_logs_are_read_from_the_end_with_and_without_times(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "c" / "0.log")
    writer.feed("stdout", b"one\ntwo\nthr")
    writer.feed("stderr", b"oops\n")
    writer.feed("stdout", b"ee\nlast words")
    writer.close()
    assert await read(writer.path) == "one\ntwo\noops\nthree\nlast words\n"
    assert await read(writer.path, tailLines="2") == "three\nlast words\n"
    assert await read(writer.path, limitBytes="5") == "one\nt"
    assert await read(writer.path, sinceTime="2100-01-01T00:00:00Z") == ""
    assert (await read(writer.path, timestamps="true", tailLines="1")).endswith("Z last words\n")
    assert tail_text(writer.path, lines=1) == "last words\n"


async def test_a_follower_hears_every_line_and_ends_with_the_container(tmp_path: Path) -> None:
    writer = LogWriter(tmp_path / "c" / "0.log")
    writer.feed("stdout", b"before\n")
    reading = asyncio.create_task(read(writer.path, writer, follow="true"))
    await asyncio.sleep(0)
    for number in range(100):
        writer.feed("stdout", f"{number}\n".encode())
        await asyncio.sleep(0)
    writer.close()
    async with asyncio.timeout(5):
        heard = await reading
    assert heard.split() == ["before", *(str(number) for number in range(100))]
