"""What HTTPRoute filters do to a request and its answer."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from aiohttp import web

from pointsman.lab.network.exchange import HeaderChange, Outgoing
from pointsman.lab.network.gateway.matching import Match
from pointsman.lab.network.store import Object

__all__ = ["SUPPORTED", "redirect", "rewrite"]

SUPPORTED = frozenset(("URLRewrite", "RequestHeaderModifier", "ResponseHeaderModifier", "RequestRedirect"))
_DEFAULT_PORTS = {"http": 80, "https": 443}


def rewrite(outgoing: Outgoing, filters: Iterable[Object], match: Match) -> list[HeaderChange]:
    """Change the request in place; return what has to be changed in the answer."""
    answer_changes = []
    for item in filters:
        if item["type"] == "URLRewrite":
            _rewrite_url(outgoing, item["urlRewrite"], match)
        elif item["type"] == "RequestHeaderModifier":
            _change(item["requestHeaderModifier"]).apply(outgoing.headers)
        elif item["type"] == "ResponseHeaderModifier":
            answer_changes.append(_change(item["responseHeaderModifier"]))
    return answer_changes


def redirect(filters: Iterable[Object], host: str, target: str, match: Match) -> web.Response | None:
    """The redirect that a rule answers with, if it has one."""
    for item in filters:
        if item["type"] == "RequestRedirect":
            spec = item["requestRedirect"]
            location = _location(spec, host, _path(spec.get("path"), target, match))
            return web.Response(status=spec.get("statusCode", 302), headers={"Location": location})
    return None


def _rewrite_url(outgoing: Outgoing, spec: Object, match: Match) -> None:
    if spec.get("hostname"):
        outgoing.headers["Host"] = spec["hostname"]
    outgoing.path = _path(spec.get("path"), outgoing.path, match)


def _path(spec: Object | None, target: str, match: Match) -> str:
    """Path and query after a path modifier."""
    if not spec:
        return target
    path, mark, query = target.partition("?")
    if spec["type"] == "ReplaceFullPath":
        return f"{spec['replaceFullPath']}{mark}{query}"
    rest = path[len(match.path.rstrip("/")) :]
    replaced = f"{spec.get('replacePrefixMatch', '').rstrip('/')}{rest}"
    return f"{replaced or '/'}{mark}{query}"


def _location(spec: Object, host: str, target: str) -> str:
    asked = urlsplit(f"//{host}")
    scheme = spec.get("scheme", "http")
    port = spec.get("port") or (_DEFAULT_PORTS[scheme] if "scheme" in spec else asked.port)
    name = spec.get("hostname") or asked.hostname or ""
    shown = "" if port in (None, _DEFAULT_PORTS[scheme]) else f":{port}"
    return f"{scheme}://{name}{shown}{target}"


def _change(spec: Object) -> HeaderChange:
    def pairs(items: Iterable[Object] | None) -> dict[str, str]:
        return {item["name"]: item["value"] for item in items or ()}

    return HeaderChange(pairs(spec.get("set")), pairs(spec.get("add")), tuple(spec.get("remove") or ()))
