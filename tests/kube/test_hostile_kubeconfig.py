"""Kubeconfigs that mean harm: what they name is refused in words; nothing acts on a terminal, tells a secret or waits.

That a kubeconfig may run a program (``exec``) is how kubectl has it too (``docs/security.md``); what is tried here is
everything else.
"""

from __future__ import annotations

import base64
import json
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.cli.entry import run

SECRET = "s3cr3t-of-somebody-else"
ESC = "\x1b]0;gotcha\x07\x1b[2J"
SECONDS = 40.0
"""Until the command has ended, with a server that refuses connections at once."""
ROOM = 8 << 30
"""Bytes of address space; what the tests have loaded is below one."""
CLOSED = "https://127.0.0.1:9"
Parts = tuple[dict[str, Any], dict[str, Any]]
"""The cluster's fields and the user's."""


def endless(folder: Path) -> str:
    """A file that would fill the memory: it has no blocks on disk."""
    path = folder / "endless"
    with path.open("wb") as file:
        file.truncate(16 << 30)
    return str(path)


def pipe(folder: Path) -> str:
    """A pipe that nobody writes into."""
    path = folder / "pipe"
    os.mkfifo(path)
    return str(path)


def others(folder: Path) -> str:
    """A file of somebody's that is no credential."""
    path = folder / "private"
    path.write_text(f"root:{SECRET}:0:0\nmore: {SECRET}\n", encoding="utf-8")
    return str(path)


PLACES: dict[str, Callable[[Path], str]] = {
    "endless": endless,
    "pipe": pipe,
    "others": others,
    "zeros": lambda folder: "/dev/zero",
    "folder": str,
    "nobody": lambda folder: "~nosuchuser/x",
    "escape": lambda folder: f"{folder}/{ESC}",
}


def in_cluster(field: str, value: Any) -> Callable[[Path], Parts]:
    return lambda folder: ({"server": CLOSED, field: value}, {"token": "t"})


def in_user(field: str, value: Any) -> Callable[[Path], Parts]:
    return lambda folder: ({"server": CLOSED}, {"token": "t", field: value})


def of_file(field: str, place: str) -> Callable[[Path], Parts]:
    """A field that names a file."""

    def parts(folder: Path) -> Parts:
        path = PLACES[place](folder)
        if field == "certificate-authority":
            return {"server": CLOSED, field: path}, {"token": "t"}
        pair = {"client-certificate": path, "client-key": path}
        return {"server": CLOSED}, pair if field == "client-key" else {field: path}

    return parts


TRIED: dict[str, Callable[[Path], Parts]] = {
    **{
        f"{field}: {place}": of_file(field, place)
        for field in ("tokenFile", "certificate-authority", "client-key")
        for place in PLACES
    },
    "server: a file": in_cluster("server", "file:///etc/passwd"),
    "server: a socket": in_cluster("server", "http+unix://%2Frun%2Fx.sock"),
    "server: a password": in_cluster("server", f"https://admin:{SECRET}@127.0.0.1:9"),
    "server: a query": in_cluster("server", f"{CLOSED}/?watch=1#x"),
    "server: a line": in_cluster("server", f"{CLOSED}\r\nX-Injected: 1"),
    "server: an escape": in_cluster("server", f"https://127.0.0.1:9/{ESC}"),
    "server: a list": in_cluster("server", [CLOSED]),
    "proxy: a file": in_cluster("proxy-url", "file:///etc/passwd"),
    "proxy: a password": in_cluster("proxy-url", f"http://me:{SECRET}@127.0.0.1:9"),
    "proxy: an escape": in_cluster("proxy-url", f"http://{ESC}"),
    "name: an escape": in_cluster("tls-server-name", ESC),
    "authority: 8 MiB of it": in_cluster(
        "certificate-authority-data", base64.b64encode(b"-----BEGIN CERTIFICATE-----\n" * 300_000).decode()
    ),
    "token: a line": in_user("token", "t\r\nX-Injected: 1"),
    "token: an escape": in_user("token", ESC),
    "as: a line": in_user("as", "admin\r\nX-Injected: 1"),
    "as: groups that are none": in_user("as-groups", {"a": 1}),
    "as: an extra that is a path": lambda folder: (
        {"server": CLOSED},
        {"token": "t", "as": "x", "as-user-extra": {"../x\r\n": ["y"]}},
    ),
    "exec: nothing": in_user("exec", {}),
    "exec: an escape": lambda folder: (
        {"server": CLOSED},
        {"exec": {"command": f"nowhere{ESC}", "installHint": f"install {ESC}", "interactiveMode": "Never"}},
    ),
    "exec: a flood": lambda folder: (
        {"server": CLOSED},
        {"exec": {"command": "sh", "args": ["-c", "yes flood"], "interactiveMode": "Never"}},
    ),
}


def written(folder: Path, parts: Parts, name: str = "x") -> Path:
    cluster, user = parts
    path = folder / "kubeconfig"
    said = {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": user}],
    }
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def refused(path: Path, capfd: pytest.CaptureFixture[str], *words: str) -> None:
    """It says what is wrong with the file and what to do, within bounds."""
    began = time.monotonic()
    code = run(["status", "--kubeconfig", str(path), *words])
    assert time.monotonic() - began < SECONDS
    said = capfd.readouterr()
    assert (code, said.out) == (2, ""), said.err[:2000]
    assert "[internal]" not in said.err, said.err[:2000]
    assert "  next: " in said.err
    assert len(said.err) < 20_000
    for bad in ("\x1b", "\x07", SECRET):
        assert bad not in said.err, said.err[:2000]


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    """What is read without a bound ends in a MemoryError instead of the machine's last byte."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("kind", TRIED)
def test_it_is_refused_and_nothing_of_it_acts_or_is_told(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refused(written(tmp_path, TRIED[kind](tmp_path)), capfd)


def test_names_of_its_entries_do_not_act_on_a_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    refused(written(tmp_path, ({"server": CLOSED}, {"tokenFile": "nowhere"}), name=f"prod{ESC}"), capfd)
    refused(written(tmp_path, ({"server": CLOSED}, {"token": "t"})), capfd, "--context", f"other{ESC}")
