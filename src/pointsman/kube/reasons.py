"""Why there is no answer, in plain words: what aiohttp's errors say, without what only a programmer reads.

Their own texts hold a TLS context's address in memory, ``[None]`` where a name has several addresses, and names of
classes. What counts is who was asked (``host:port``) and what the system said.
"""

from __future__ import annotations

import os
import re
import socket
import ssl

from pointsman.kube.connections import aiohttp

__all__ = ["reason"]

_NUMBER = re.compile(r"\[Errno (\d+)\]")
_TLS = re.compile(r"\[\w+(?:: \w+)?\] | ?\(_ssl\.c:\d+\)")
"""What OpenSSL's sentences are wrapped in."""


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no answer in time"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ServerDisconnectedError, "the connection was closed before an answer came"),
)
"""Errors that need no more words."""


def reason(error: BaseException) -> str:
    """The reason as a part of a sentence: lowercase, no full stop."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    if isinstance(error, aiohttp.ClientConnectorError):
        return f"{_address(error.host, error.port)}: {_of_connecting(error)}"
    if isinstance(error, aiohttp.ClientResponseError):
        return _of_answer(error)
    return _of_system(error) if isinstance(error, OSError) else _of_others(error)


def _address(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _of_connecting(error: aiohttp.ClientConnectorError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _of_others(error.certificate_error)
    return _of_system(error.os_error)


def _of_answer(error: aiohttp.ClientResponseError) -> str:
    """The status, where the peer gave one; aiohttp has one of its own for what is no HTTP at all."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"the answer was {error.status}"
    return "what came is not HTTP"


def _of_system(error: OSError) -> str:
    """What the system says; one sentence for each kind where several addresses were tried."""
    if isinstance(error, ssl.SSLError):
        return _tidy(error.strerror or str(error))
    if isinstance(error, socket.gaierror):
        return _tidy(error.strerror or "its address is not known")
    numbers = [error.errno] if error.errno else [int(one) for one in _NUMBER.findall(str(error))]
    said = dict.fromkeys(os.strerror(one).lower() for one in numbers)
    return "; ".join(said) or _of_others(error)


def _of_others(error: BaseException) -> str:
    return _tidy(str(error)) or "no reason is known"


def _tidy(text: str) -> str:
    """One line that begins in lower case, unless with a name."""
    line = " ".join(_TLS.sub("", text).split())
    return line[:1].lower() + line[1:] if line[1:2].islower() else line
