"""The program as a process of its own that need not load first what it runs: 0.02 s instead of 0.4 for each.

``python -m tests.forked SOCKET`` loads all commands and forks for each command line that it is sent; it ends with
whoever started it. What is tested about starting, signals, streams and encodings starts anew instead; so does all
whose environment is read while things are loaded.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import pkgutil
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pointsman.cli
from pointsman.cli.main import main

__all__ = ["may_fork", "run_forked"]

_READ_AT_START = ("PYTHON", "LC_", "LANG", "TERM", "COLUMNS")


def may_fork(env: Mapping[str, str]) -> bool:
    """Whether a process that has loaded everything already runs in this environment as a new one does."""
    return not any(name.startswith(_READ_AT_START) for name in env)


def run_forked(
    words: Sequence[str], env: Mapping[str, str], folder: Path, timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run one command line to its end.

    Raises ``subprocess.TimeoutExpired`` when it takes longer than ``timeout`` seconds; it is killed then.
    """
    with tempfile.TemporaryDirectory() as place, socket.socket(socket.AF_UNIX) as server:
        streams = [Path(place) / name for name in ("out", "err")]
        for stream in streams:
            stream.touch()
        server.settimeout(timeout)
        server.connect(_server()[0])
        order = {"words": words, "env": dict(env), "folder": str(folder), "streams": [str(one) for one in streams]}
        server.sendall(json.dumps(order).encode() + b"\n")
        answer = server.makefile()
        pid = int(answer.readline())
        try:
            code = int(answer.readline())
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            if isinstance(error, TimeoutError):
                raise subprocess.TimeoutExpired(list(words), timeout) from error
            raise
        out, err = (stream.read_text("utf-8") for stream in streams)
        return subprocess.CompletedProcess(list(words), code, out, err)


@functools.cache
def _server() -> tuple[str, subprocess.Popen[bytes]]:
    """The socket of the process that has loaded everything, and that process: it lives as long as it is held."""
    path = f"{tempfile.mkdtemp(prefix='pointsman-')}/forked.sock"
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, path],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,  # its end tells the process that this one is gone
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return path, process


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    request_queue_size = 64


class _Order(socketserver.StreamRequestHandler):
    """One command line, in a process that waits for the one it runs in."""

    def handle(self) -> None:
        order = json.loads(self.rfile.readline())
        child = os.fork()
        if not child:
            self.connection.close()
            _be(**order)
        self.wfile.write(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        self.wfile.write(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _be(words: Sequence[str], env: Mapping[str, str], folder: str, streams: Sequence[str]) -> None:
    """Become the program, with this environment, directory and output."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    for number, path in enumerate((os.devnull, *streams)):
        os.dup2(os.open(path, os.O_RDWR | os.O_APPEND), number)
    sys.argv = ["pointsman", *words]
    try:
        main()
    except SystemExit as ended:
        os._exit(int(ended.code or 0))


def _serve(path: str) -> None:
    for module in pkgutil.iter_modules(pointsman.cli.__path__, "pointsman.cli."):
        importlib.import_module(module.name)

    def end() -> None:
        sys.stdin.buffer.read()
        shutil.rmtree(Path(path).parent, ignore_errors=True)
        os._exit(0)

    with _Server(path, _Order) as server:
        threading.Thread(target=end, daemon=True).start()
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    _serve(sys.argv[1])
