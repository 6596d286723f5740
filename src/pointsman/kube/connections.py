"""aiohttp, imported in half the time: without the system's certificate authorities, which nobody here asks for.

aiohttp (3.14) makes a TLS context with all of them when it is imported, and another one without checks: 70 ms each, a
tenth of what ``pointsman status`` takes. Every connection of ours names a context of its own (``kube.kubeconfig``); one
that forgot to would trust nobody. Where somebody else has imported aiohttp already, nothing changes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["aiohttp"]

_VARIABLES = {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
"""Where OpenSSL looks for the authorities that it trusts by default."""


@contextmanager
def _trusting_nobody() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _VARIABLES}
    os.environ.update(_VARIABLES)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


with _trusting_nobody():
    import aiohttp
