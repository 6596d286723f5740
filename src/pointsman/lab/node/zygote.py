"""``python -m pointsman.lab.node.zygote WORDS…``: LiteLLM, which leaves a copy of itself behind, all modules loaded.

Loading LiteLLM takes seconds of a core, and a move replaces its replicas four times. So the first one forks, as soon
as everything is imported and nothing was started: the original goes on as the container it is, the copy connects to
the node and waits. Whenever a container with the same environment is to start, the copy forks the process for it
(Android calls such a process a zygote). What runs is LiteLLM's own code, in a process of its own, with the
environment, directory, output and session of its container.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import random
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

__all__ = ["HELLO", "LARGEST", "NODE", "run"]

NODE, HELLO = "POINTSMAN_ZYGOTE_SOCKET", "POINTSMAN_ZYGOTE_KEY"
"""Environment: the socket on which the node takes zygotes in, and what this one says there of its environment."""
LARGEST = 256 * 1024
"""Bytes an order may have."""
_PARENT_SECONDS = 5.0
_PR_SET_PDEATHSIG = 1


def run(words: Sequence[str]) -> None:
    """Load, leave a zygote behind, and be LiteLLM."""
    # A fifth of the load goes into garbage collections that find nothing.
    gc.set_threshold(100_000, 50, 100)
    start = importlib.import_module("litellm.proxy.proxy_cli").run_server
    importlib.import_module("litellm.proxy.proxy_server")
    born = _leave_zygote()
    words = words if born is None else born
    # A wildcard address would be taken by the first pod of the machine; the last --host wins.
    sys.argv = ["litellm", *words, "--host", os.environ["POINTSMAN_POD_ADDRESS"]]
    start()


def _leave_zygote() -> list[str] | None:
    """In the process that loaded: None. In one that the zygote gave birth to: its container's words."""
    path = os.environ.pop(NODE, "")
    key = os.environ.pop(HELLO, "")
    if not path:
        return None
    gc.collect()
    gc.freeze()
    if middle := os.fork():
        os.waitpid(middle, 0)
        return None
    if os.fork():
        os._exit(0)
    return _wait_for_orders(path, key)


def _wait_for_orders(path: str, key: str) -> list[str]:
    """Be the zygote, until the node closes the door; returns in every child, with its words."""
    os.setsid()
    node = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        node.connect(path)
        node.send(key.encode())
        parent = _peer(node)
        _die_with(parent)
        data, streams = _next_order(node)
    except OSError:
        os._exit(0)  # the node is gone, or has a zygote like this one already
    node.close()
    return _become(json.loads(data), streams, parent)


def _next_order(node: socket.socket) -> tuple[bytes, Sequence[int]]:
    """Give birth for each order; returns in the children, with theirs, and ends in the zygote."""
    while True:
        data, streams, _, _ = socket.recv_fds(node, LARGEST, 2)
        if not data:
            os._exit(0)
        pid = _bear()
        if not pid:
            return data, streams
        for stream in streams:
            os.close(stream)
        node.send(str(pid).encode())


def _peer(node: socket.socket) -> int:
    """The node's process id."""
    raw = node.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(raw[:4], sys.byteorder)


def _bear() -> int:
    """Fork a child whose parent is the node, which adopts orphans; its process id, or 0 in the child."""
    read, write = os.pipe()
    middle = os.fork()
    if middle:
        os.close(write)
        os.waitpid(middle, 0)
        with os.fdopen(read) as told:
            return int(told.read())
    child = os.fork()
    if child:
        os.write(write, str(child).encode())
        os._exit(0)
    os.close(read)
    os.close(write)
    return 0


def _die_with(parent: int) -> None:
    """End when the node does, however it ends."""
    deadline = time.monotonic() + _PARENT_SECONDS
    while os.getppid() != parent:
        if time.monotonic() > deadline:
            os._exit(1)
        time.sleep(0.001)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def _become(order: dict[str, Any], streams: Sequence[int], parent: int) -> list[str]:
    """Be the container's process in all that a fork hands down."""
    _die_with(parent)
    os.setsid()
    for number, stream in enumerate(streams, start=1):
        if _unread(stream):
            os._exit(1)  # the node gave up waiting for this birth, and started the container otherwise
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update({name: value for name, value in order["env"].items() if name not in (NODE, HELLO)})
    random.seed()
    tempfile.tempdir = None
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()
    return list(order["words"])


def _unread(stream: int) -> bool:
    """Has a pipe nobody at its other end?"""
    poll = select.poll()
    poll.register(stream, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        run(sys.argv[1:])
