"""The road to the API server through an HTTP proxy: the cluster's ``proxy-url``, else the environment's variables.

As client-go and Go's ``httpproxy`` read them (golang.org/x/net/http/httpproxy): ``proxy-url`` counts for this cluster
whatever the environment says; ``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY``, in capitals or not, count where a
cluster names none, and never for a loopback address. Nothing but the API server is reached so.
"""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from pointsman.kube.entries import Entry, wrong

__all__ = ["proxy_by_environment", "proxy_named"]

_PORTS = {"http": 80, "https": 443}


def proxy_named(cluster: Entry, url: str) -> str:
    """The cluster's own; raises PermanentError when no request can be sent through it."""
    if fault := _fault(url):
        raise cluster.wrong("proxy-url", fault, "write it as http://HOST:PORT")
    return url


def proxy_by_environment(server: str) -> str | None:
    """The one that the environment names for this server; None when it is reached without.

    Raises PermanentError when the variable holds none.
    """
    parts = urlsplit(server)
    name = f"{parts.scheme}_proxy"
    variable = name.upper() if os.environ.get(name.upper()) else name
    url = os.environ.get(variable, "")
    if not url or _spared(parts.hostname or "", parts.port or _PORTS[parts.scheme]):
        return None
    url = url if "://" in url else f"http://{url}"
    if fault := _fault(url):
        raise wrong(f"${variable}", f"the proxy {fault}", f"write it as http://HOST:PORT, or unset {variable}")
    return url


def _fault(url: str) -> str:
    """Why nothing can be sent through it; empty when it can."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        return f"is not an address ({error})"
    if parts.scheme in ("socks5", "socks5h"):
        return "is a SOCKS proxy, which is not supported"
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isprintable():
        return "is not the address of an HTTP proxy"
    return ""


def _spared(host: str, port: int) -> bool:
    """Is no proxy wanted for it?"""
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    listed = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    for entry in (one.strip().lower() for one in listed.split(",")):
        if entry == "*":
            return True
        name, _, only = entry.rpartition(":") if entry.count(":") == 1 else (entry, "", "")
        if not name or (only and only != str(port)):
            continue
        if address is not None:
            try:
                if address in ip_network(name, strict=False):
                    return True
            except ValueError:
                continue
        elif _covers(name, host):
            return True
    return False


def _covers(name: str, host: str) -> bool:
    """``example.com`` covers itself and what is below it, ``.example.com`` and ``*.example.com`` only the latter."""
    below = name.startswith((".", "*."))
    bare = name.removeprefix("*").removeprefix(".")
    return (host == bare and not below) or host.endswith(f".{bare}")
