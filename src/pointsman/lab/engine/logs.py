"""Log lines in vLLM's format, on standard output, one write each."""

from __future__ import annotations

import logging
import os
import sys
import time

__all__ = ["Quiet", "access", "say"]


def say(message: str, source: str = "api_server.py:1", *, level: str = "INFO", process: str = "APIServer") -> None:
    """One line as vLLM's logger prints it; every further line of the message gets the same head."""
    stamp = time.strftime("%m-%d %H:%M:%S")
    head = f"({process} pid={os.getpid()}) {level} {stamp} [{source}] "
    sys.stdout.write("".join(f"{head}{line}\n" for line in message.splitlines() or [""]))
    sys.stdout.flush()


def access(peer: str, method: str, path: str, status: int, phrase: str) -> None:
    """One line of uvicorn's access log."""
    head = f"(APIServer pid={os.getpid()}) INFO:     "
    sys.stdout.write(f'{head}{peer} - "{method} {path} HTTP/1.1" {status} {phrase}\n')
    sys.stdout.flush()


class Quiet(logging.Logger):
    """A logger for a web server that says nothing about clients that hang up."""

    def __init__(self) -> None:
        super().__init__("quiet", logging.CRITICAL + 1)
