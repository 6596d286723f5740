"""Credentials from an ``exec`` plugin (``client.authentication.k8s.io``), the cloud providers' way.

The plugin may open a browser, or print a code that a person types in elsewhere: what it writes to standard error is
passed on as it comes. It may ask something where a terminal is there and its entry allows it (``interactiveMode``).
"""

from __future__ import annotations

import asyncio
import base64
import codecs
import json
import math
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json

from pointsman.ending import gone, started
from pointsman.errors import PermanentError
from pointsman.foreign import harmless
from pointsman.kube.entries import Entry

__all__ = ["Plugin"]

SILENT = 60.0
"""Seconds a plugin may take that says nothing and cannot ask anybody."""
SPEAKING = 900.0
"""Seconds a plugin may take once it has told a person something, or can ask one."""
LARGEST = 1 << 20
"""Bytes of a plugin's answer; a token and a certificate have some thousands."""
LAST = 1.0
"""Seconds for what is still in its pipes when it has ended."""
KEPT = 4000
"""Bytes of what it wrote to standard error that an error may quote; its last lines."""
VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_CORRECT = "correct the user's exec in that file"


class Plugin:
    """The plugin of a user's entry; raises PermanentError when the entry cannot be meant so.

    ``cluster`` is what it is told of the cluster when it wants that (``provideClusterInfo``).
    """

    def __init__(self, entry: Entry, cluster: Mapping[str, Any]) -> None:
        self.entry = entry
        self.command = _command(entry)
        self.env = _env(entry)
        self.version = entry.text("apiVersion") or VERSIONS[1]
        if self.version not in VERSIONS:
            raise entry.wrong("apiVersion", f"{self.version!r} is none of {', '.join(VERSIONS)}", _CORRECT)
        self.mode = entry.text("interactiveMode") or "IfAvailable"
        if self.mode not in ("Never", "IfAvailable", "Always"):
            raise entry.wrong("interactiveMode", "is none of Never, IfAvailable, Always", _CORRECT)
        self.cluster = cluster if entry.flag("provideClusterInfo") else None

    @property
    def source(self) -> str:
        """Which one it is, in a few words."""
        return f"{self.entry.label} in {self.entry.file}: {self.command[0]}"

    async def run(self) -> tuple[Entry, float]:
        """What it gave, as an entry in kubeconfig's own keys, and when that ends in seconds since 1970.

        Raises PermanentError when it is not there, fails, takes too long, or gives no credentials. A cancelled run
        leaves no process behind.
        """
        asks = self._asks()
        spec: dict[str, Any] = {"interactive": asks}
        if self.cluster is not None:
            spec["cluster"] = dict(self.cluster)
        info = {"apiVersion": self.version, "kind": "ExecCredential", "spec": spec}
        async with _pipe() as (out, answer), _pipe() as (err, words):
            try:
                starting = asyncio.create_subprocess_exec(
                    *self.command,
                    env={**os.environ, **self.env, "KUBERNETES_EXEC_INFO": json.dumps(info, default=str)},
                    stdin=None if asks else asyncio.subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                )
                process = await started(starting, asyncio.subprocess.Process.kill)
            except (OSError, ValueError) as error:
                raise self._not_started(error) from error
            finally:
                os.close(out)
                os.close(err)
            try:
                said, output = await self._heard(process, answer, words, asks)
            finally:
                if process.returncode is None:
                    process.kill()
                    await gone(process)
        if process.returncode:
            last = "; ".join(line.strip() for line in said.decode("utf-8", "replace").splitlines()[-5:] if line.strip())
            says = f"{self.command[0]!r} failed with exit status {process.returncode}{': ' if last else ''}{last[:600]}"
            raise self.entry.wrong("command", says, "log in again, then run the command again")
        return self._credentials(output)

    def _asks(self) -> bool:
        """Can it ask a person?"""
        there = sys.stdin is not None and sys.stdin.isatty()
        if self.mode == "Always" and not there:
            raise self.entry.wrong(
                "interactiveMode", "is Always, and there is no terminal", "run the command in a terminal"
            )
        return there and self.mode != "Never"

    async def _heard(
        self, process: asyncio.subprocess.Process, answer: asyncio.StreamReader, words: asyncio.StreamReader, asks: bool
    ) -> tuple[bytes, bytes]:
        """The end of what it told people, and its answer.

        It has ended when its process has: a browser that it opened may hold its pipes for hours.
        """
        loop = asyncio.get_running_loop()
        begun, told, output = loop.time(), bytearray(), bytearray()
        tasks: list[asyncio.Task[Any]] = []
        try:
            async with asyncio.timeout(SPEAKING if asks else SILENT) as limit:
                answered = asyncio.create_task(self._take(answer, output))
                shown = asyncio.create_task(_pass_on(words, told, lambda: limit.reschedule(begun + SPEAKING)))
                ended = asyncio.create_task(process.wait())
                tasks = [answered, shown, ended]
                await asyncio.wait({answered, ended}, return_when=asyncio.FIRST_COMPLETED)
                if not (answered.done() and answered.exception()):
                    await ended
                    await asyncio.wait(tasks, timeout=LAST)
                if answered.done():
                    answered.result()
        except TimeoutError as error:
            says = f"{self.command[0]!r} did not end within {SPEAKING if asks or told else SILENT:g} s"
            raise self.entry.wrong("command", says, "run it by hand, and log in if it asks to") from error
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return bytes(told), bytes(output)

    async def _take(self, stream: asyncio.StreamReader, output: bytearray) -> None:
        """Read its answer; raises PermanentError when that is too long to be one."""
        while part := await stream.read(1 << 16):
            output.extend(part)
            if len(output) > LARGEST:
                raise self.entry.wrong("command", "answers without end", "check exec.command and exec.args")

    def _not_started(self, error: Exception) -> PermanentError:
        reason = getattr(error, "strerror", None) or error
        hint = " ".join(self.entry.text("installHint").split())
        action = "install that program, or correct exec.command" + (f"; its hint: {hint[:300]}" if hint else "")
        return self.entry.wrong("command", f"{self.command[0]!r} cannot be run ({reason})", action)

    def _credentials(self, output: bytes) -> tuple[Entry, float]:
        """Its answer in kubeconfig's own keys."""
        try:
            status = from_json(output)["status"]
            found = {"token": status.get("token")}
            for ours, theirs in (("client-certificate", "clientCertificateData"), ("client-key", "clientKeyData")):
                if status.get(theirs):
                    found[f"{ours}-data"] = base64.b64encode(status[theirs].encode()).decode()
            until = status.get("expirationTimestamp")
            ends = math.inf if until is None else _seconds(until)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            says = "gave no ExecCredential with a status"
            raise self.entry.wrong("command", says, "check exec.command, exec.args and exec.apiVersion") from error
        if not found["token"] and len(found) < 3:
            raise self.entry.wrong("command", "gave neither a token nor a certificate with its key", "log in again")
        return Entry(self.entry.label, found, self.entry.file), ends


def _seconds(text: str) -> float:
    """An RFC 3339 time; one without a zone is none."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _command(plugin: Entry) -> list[str]:
    command = plugin.text("command")
    if not command:
        raise plugin.wrong("command", "is missing", "name the plugin's program in exec.command")
    args = plugin.items("args")
    if not all(isinstance(one, str) for one in args):
        raise plugin.wrong("args", "must be a list of texts", _CORRECT)
    return [str(plugin.path(command).absolute()) if os.sep in command else command, *args]


def _env(plugin: Entry) -> dict[str, str]:
    env = {}
    for one in plugin.items("env"):
        pair = (one.get("name"), one.get("value", "")) if isinstance(one, dict) else (None, None)
        if not isinstance(pair[0], str) or not isinstance(pair[1], str):
            raise plugin.wrong("env", "must be a list of a name and a value each, both text", _CORRECT)
        env[pair[0]] = pair[1]
    return env


async def _pass_on(stream: asyncio.StreamReader, told: bytearray, first: Callable[[], None]) -> None:
    """Show what it says as it comes, and keep the end of it; ``first`` is called before the first of it."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    while part := await stream.read(4096):
        if not told:
            first()
        told.extend(part)
        del told[:-KEPT]
        sys.stderr.write(harmless(decoder.decode(part)))
        sys.stderr.flush()


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[int, asyncio.StreamReader]]:
    """The end of a pipe that a program writes into, which the caller closes, and what reads the other one.

    asyncio's own pipes of a process hold up ``Process.wait`` while anybody has them open.
    """
    read, write = os.pipe()
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
    )
    try:
        yield write, reader
    finally:
        transport.close()
