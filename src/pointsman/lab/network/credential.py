"""Who may use the forward proxy: who shows the lab's password, which is part of the proxy's address (RFC 7617).

Names of the cluster are the lab's own; other users of this machine have no business with them.
"""

from __future__ import annotations

import base64
import hmac

from pointsman.lab.config import PROXY_USER

__all__ = ["ASKING", "WANTED", "is_shown"]

ASKING = ("Proxy-Authenticate", 'Basic realm="lab"')
"""The header of a refusal."""
WANTED = "the forward proxy asks for the password in its address; pointsman lab status prints it"


def is_shown(header: str | None, password: str) -> bool:
    """Does a ``Proxy-Authorization`` header show this password?"""
    scheme, _, given = (header or "").partition(" ")
    wanted = base64.b64encode(f"{PROXY_USER}:{password}".encode())
    return scheme.lower() == "basic" and hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), wanted)
