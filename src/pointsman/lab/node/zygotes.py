"""The zygotes of a node: processes with LiteLLM loaded, kept by environment, that give birth to containers' own."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import signal
import socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pointsman.lab.config import LabConfig
from pointsman.lab.node.process import spare
from pointsman.lab.node.zygote import HELLO, LARGEST, NODE

__all__ = ["Born", "Zygotes"]

_LOG = logging.getLogger(__name__)
_PROGRAM = "litellm"
_SECONDS = 2.0
"""A birth takes milliseconds; after that time a zygote is not asked any more."""
_OWN = frozenset(
    {
        *("HOSTNAME", "NO_PROXY", "no_proxy", "HOME", "TMPDIR", "POINTSMAN_POD", "POINTSMAN_POD_ADDRESS"),
        *("POINTSMAN_MOUNTS", "POINTSMAN_SIM_CONFIG", "POINTSMAN_CONTAINER_ID", NODE, HELLO),
    }
)
"""What differs from pod to pod and is read when LiteLLM starts, not when it is loaded."""


@dataclass(slots=True)
class Born:
    """A child that nobody here started; what ``subprocess.Popen`` offers of it and ``Process`` needs."""

    pid: int
    stdout: BinaryIO
    stderr: BinaryIO

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> int:
        """Its exit code, or the negative number of the signal that ended it."""
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


@dataclass(slots=True)
class _Zygote:
    pid: int
    door: socket.socket


@dataclass(slots=True)
class Zygotes:
    """Takes zygotes in, and lets them give birth. Everything a zygote cannot do is done without one."""

    config: LabConfig
    _known: dict[str, _Zygote] = field(default_factory=dict)
    _listener: socket.socket | None = None

    @property
    def path(self) -> Path:
        """The socket on which zygotes report."""
        return self.config.run / "zygotes.sock"

    def open(self) -> None:
        """Listen from now on; a lab whose path is too long for that does without."""
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            listener.bind(str(self.path))
        except OSError as error:
            _LOG.warning("no zygotes: %s: %s", self.path, error)
            listener.close()
            return
        listener.listen(16)
        listener.setblocking(False)
        self._listener = listener
        asyncio.get_running_loop().add_reader(self._listener.fileno(), self._take_in)

    def close(self) -> None:
        """Send all zygotes away."""
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener.fileno())
            self._listener.close()
            self.path.unlink(missing_ok=True)
        for key in list(self._known):
            self._forget(key)

    def hint(self, argv: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
        """What a program that is about to start needs in its environment to leave a zygote behind."""
        if not self._fits(argv) or self._listener is None:
            return {}
        return {NODE: str(self.path), HELLO: _key(env)}

    def bear(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Born | None:
        """A new process like ``argv`` would be; None when no zygote is there for it."""
        key = _key(env)
        zygote = self._known.get(key) if self._fits(argv) else None
        if zygote is None:
            return None
        outputs = [os.pipe(), os.pipe()]
        order = json.dumps({"words": list(argv[1:]), "env": dict(env), "cwd": str(cwd)}).encode()
        try:
            pid = self._ask(zygote, order, [write for _, write in outputs])
        except (OSError, ValueError) as error:
            _LOG.warning("zygote %d gives birth no more: %s", zygote.pid, error)
            self._forget(key)
            for read, _ in outputs:
                os.close(read)
            return None
        finally:
            for _, write in outputs:
                os.close(write)
        stdout, stderr = (os.fdopen(read, "rb", buffering=0) for read, _ in outputs)
        return Born(pid, stdout, stderr)

    def _fits(self, argv: Sequence[str]) -> bool:
        return argv[0] in (_PROGRAM, str(self.config.bin / _PROGRAM))

    def _ask(self, zygote: _Zygote, order: bytes, streams: list[int]) -> int:
        if len(order) > LARGEST:
            raise ValueError("the order is too long")
        socket.send_fds(zygote.door, [order], streams)
        return int(zygote.door.recv(64))

    def _take_in(self) -> None:
        assert self._listener is not None
        try:
            door, _ = self._listener.accept()
            door.settimeout(_SECONDS)
            key = door.recv(256).decode()
        except OSError:
            return
        if not key or key in self._known:
            door.close()
            return
        pid, _, _ = struct.unpack("3i", door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        spare(pid)
        self._known[key] = _Zygote(pid, door)

    def _forget(self, key: str) -> None:
        zygote = self._known.pop(key)
        zygote.door.close()
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(zygote.pid, signal.SIGKILL)
            os.waitpid(zygote.pid, 0)


def _key(env: Mapping[str, str]) -> str:
    """The same for environments that LiteLLM's modules cannot tell apart."""
    told = json.dumps({name: value for name, value in env.items() if name not in _OWN}, sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()
