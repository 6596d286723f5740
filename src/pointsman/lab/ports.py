"""Free ports and a free address octet on this machine.

Ports come from below the kernel's ephemeral range, so that no outgoing connection takes one between the pick
and the start. A running lab holds its octet by listening on one well-known address of it: the kernel is the
judge between labs of any user and any state directory, and lets go when the holder dies.
"""

from __future__ import annotations

import contextlib
import random
import socket
from collections.abc import Iterable

from pointsman.errors import LabError

__all__ = ["AddressTakenError", "claim_octet", "free_octet", "free_ports", "port_is_free"]

_RANGE = range(20000, 32000)
_OCTETS = range(244, 100, -1)
_CLAIM_PORT = 19999


class AddressTakenError(LabError):
    """Another lab took the same addresses between the look and the start."""

    default_code = "lab-address"


def free_ports(names: Iterable[str], *, keep: dict[str, int] | None = None) -> dict[str, int]:
    """A free port per name. Ports in ``keep`` stay as they are where they are free."""
    chosen: dict[str, int] = {}
    for name in names:
        kept = (keep or {}).get(name)
        chosen[name] = kept if kept and port_is_free(kept) else _pick(set(chosen.values()))
    return chosen


def port_is_free(port: int) -> bool:
    """Whether nobody listens on ``port``, on any address of this machine."""
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def free_octet(preferred: int | None = None) -> int:
    """An octet that no running lab holds; ``preferred`` when it is one."""
    candidates: list[int] = [*([preferred] if preferred else []), *_OCTETS]
    for octet in candidates:
        with contextlib.suppress(OSError), claim_octet(octet):
            return octet
    raise LabError(
        "every address range for labs is taken on this machine",
        next_action="take a lab down: pointsman lab down",
    )


def claim_octet(octet: int) -> socket.socket:
    """Hold ``octet`` for as long as the returned socket lives; OSError when another lab holds it."""
    claim = socket.socket()
    try:
        claim.bind((f"127.{octet}.255.254", _CLAIM_PORT))
        claim.listen(1)
    except OSError:
        claim.close()
        raise
    return claim


def _pick(taken: set[int]) -> int:
    for port in random.sample(_RANGE, len(_RANGE)):
        if port not in taken and port_is_free(port):
            return port
    raise LabError("no free port between 20000 and 32000", next_action="stop some of what listens there")
