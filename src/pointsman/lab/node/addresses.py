"""Pod addresses: given out once, in a ring, so that an address that just became free rests for a while."""

from __future__ import annotations

from pointsman.errors import LabError
from pointsman.lab.config import LabConfig

__all__ = ["Addresses", "node_address"]

_FIRST, _RESERVED_THIRD = 2, 253
_LAST = _RESERVED_THIRD * 256 - 1


def node_address(config: LabConfig, index: int) -> str:
    """The announced address of node number ``index``."""
    return config.announced(253, index + 1)


class Addresses:
    """The pod addresses of one lab: ``10.<octet>.0.2`` up to ``.252.255``."""

    def __init__(self, config: LabConfig) -> None:
        self._config = config
        self._taken: set[str] = set()
        self._next = _FIRST

    def take(self) -> str:
        """A free announced address."""
        for _ in range(_LAST):
            address = self._config.announced(self._next // 256, self._next % 256)
            usable = self._next % 256 not in (0, 255)
            self._next = self._next + 1 if self._next < _LAST else _FIRST
            if usable and address not in self._taken:
                self._taken.add(address)
                return address
        raise LabError("every pod address is taken", where=f"10.{self._config.octet}.0.0/16")

    def keep(self, address: str) -> bool:
        """Take a given address again (a pod from before a restart); False when it is not ours or taken."""
        if address in self._taken or not address.startswith(f"10.{self._config.octet}."):
            return False
        third, fourth = (int(part) for part in address.split(".")[2:])
        self._taken.add(address)
        self._next = max(self._next, third * 256 + fourth + 1) if third < _RESERVED_THIRD else self._next
        return True

    def release(self, address: str) -> None:
        """Give an address back."""
        self._taken.discard(address)
