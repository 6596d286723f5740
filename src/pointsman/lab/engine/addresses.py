"""Where a program of a pod listens, and where it finds another pod.

The cluster announces a pod as 10.OCTET.a.b; its processes listen on 127.OCTET.a.b of this machine. Outside a lab,
where no pod address is set, addresses are what they say.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["listen_address", "reachable"]


def listen_address(env: Mapping[str, str], asked: str = "0.0.0.0") -> str:
    """The address to bind: the pod's own, else the one asked for."""
    return env.get("POINTSMAN_POD_ADDRESS") or asked


def reachable(host: str, env: Mapping[str, str]) -> str:
    """A host as this machine reaches it: an announced pod address becomes its loopback address."""
    own = env.get("POINTSMAN_POD_ADDRESS", "")
    octet = own.split(".")[1] if own.startswith("127.") else ""
    announced = f"10.{octet}."
    if octet and host.startswith(announced):
        return f"127.{octet}.{host.removeprefix(announced)}"
    return host
