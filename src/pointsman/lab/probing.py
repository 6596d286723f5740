"""Whether a process is ready, asked once. Short time-outs: whoever asks asks again."""

from __future__ import annotations

import http.client
import socket
import ssl
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from pointsman.lab.processes import FileProbe, Probe, TcpProbe

__all__ = ["is_ready"]

_SECONDS = 2.0


def is_ready(probe: Probe) -> bool:
    """One attempt."""
    if isinstance(probe, FileProbe):
        return probe.path.exists()
    if isinstance(probe, TcpProbe):
        return _listens(probe)
    address = urlsplit(probe.url)
    try:
        connection = _connect(address.hostname or "", address.port or 0, address.scheme, probe.certificate)
        try:
            connection.request("GET", address.path)
            return connection.getresponse().status == 200
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def _listens(probe: TcpProbe) -> bool:
    try:
        with socket.create_connection((probe.host, probe.port), timeout=_SECONDS):
            return True
    except OSError:
        return False


def _connect(host: str, port: int, scheme: str, certificate: Path | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=_SECONDS)
    return http.client.HTTPSConnection(host, port, timeout=_SECONDS, context=_context(certificate))


@cache
def _context(certificate: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    return context
