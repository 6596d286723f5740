"""Reading a kubeconfig: which server, by which road, and who the requests come from.

Covers what people have: tokens, files of tokens, client certificates, ``exec`` credential plugins (the cloud
providers'), impersonation, proxies, and no kubeconfig at all inside a pod. Legacy ``auth-provider`` entries are refused
by name, as kubectl has done since 1.26.
"""

from __future__ import annotations

import base64
import math
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from multidict import CIMultiDict

from pointsman.intake.file import expanded
from pointsman.kube.credentials import Credentials, Grant
from pointsman.kube.entries import Config, Entry, read, wrong
from pointsman.kube.plugin import Plugin
from pointsman.kube.proxies import proxy_by_environment, proxy_named

__all__ = ["Access", "load_access"]

REREAD = 10.0
"""Seconds after which files of credentials are read again; client-go takes ten for a token's file."""
_USUAL = Path("~/.kube/config")
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
PLUGINS = "client.authentication.k8s.io/exec"
"""Name of the cluster's extension that is meant for plugins."""


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one API server."""

    server: str
    """Base URL without a trailing slash."""
    credentials: Credentials
    context: str
    namespace: str
    source: str
    """The file the server's address came from, for error messages."""
    server_name: str | None = None
    """The name the server's certificate is checked for; None when it is the one in the address."""
    proxy: str | None = field(default=None, repr=False)
    """The HTTP proxy that leads there; None for none."""


def load_access(path: Path | None = None, context: str | None = None) -> Access:
    """Read the kubeconfig at ``path``, else the files of ``$KUBECONFIG`` merged, else ``~/.kube/config``; where none of
    them is and this runs in a pod, what its ServiceAccount has.

    Raises PermanentError when a file, the context or a part of it is missing or unreadable. No plugin is run yet.
    """
    named = path is not None or context is not None or os.environ.get("KUBECONFIG")
    if not named and not expanded(_USUAL).exists() and (pod := _in_pod()) is not None:
        return pod
    return _access(path, context, lambda: _access(path, context, None))


def _in_pod() -> Access | None:
    """The API server's address in the environment, a ServiceAccount's token and authority in files; None elsewhere.

    The kubelet renews a projected token in its file when 80 % of its life is over (kubernetes 1.34).
    """
    folder = Path(os.environ.get("POINTSMAN_SERVICE_ACCOUNT") or _ACCOUNT)
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (folder / "token").exists():
        return None
    server = f"https://{f'[{host}]' if ':' in host else host}:{port}"
    file = folder / "token"
    cluster = Entry("the pod's cluster", {"server": server, "certificate-authority": "ca.crt"}, file)
    user = Entry("the pod's ServiceAccount", {"tokenFile": "token"}, file)
    place = folder / "namespace"
    return Access(
        server=_server(cluster),
        credentials=_of_user(user, cluster, None),
        context="of the pod",
        namespace=place.read_text(encoding="utf-8").strip() if place.exists() else "default",
        source=str(folder),
        proxy=proxy_by_environment(server),
    )


def _access(path: Path | None, context: str | None, again: Callable[[], Access] | None) -> Access:
    """``again`` reads the same files once more, for credentials that somebody renewed in them."""
    config = _config(path)
    chosen = context or config.current
    if not chosen:
        raise wrong(config.where, "no current context is set", "pass --context, or kubectl config use-context NAME")
    asker = config.where if context else config.current_file or config.where
    entry = config.entry("contexts", chosen, asker)
    if not entry.text("cluster"):
        raise entry.wrong("cluster", "is missing", "name one of the clusters there")
    cluster = config.entry("clusters", entry.text("cluster"), entry.file)
    server = _server(cluster)
    named = cluster.text("proxy-url")
    return Access(
        server=server,
        credentials=_of_user(_user(config, entry), cluster, again),
        context=chosen,
        namespace=entry.text("namespace") or "default",
        source=str(cluster.file),
        server_name=cluster.text("tls-server-name") or None,
        proxy=proxy_named(cluster, named) if named else proxy_by_environment(server),
    )


def _user(config: Config, context: Entry) -> Entry:
    """Who the requests come from; somebody without credentials when the context names no user."""
    name = context.text("user")
    user = config.entry("users", name, context.file) if name else Entry("no user", {}, context.file)
    if user.fields.get("auth-provider"):
        raise user.wrong("auth-provider", "entries are no longer supported", "use the provider's exec plugin")
    return user


def _of_user(user: Entry, cluster: Entry, again: Callable[[], Access] | None) -> Credentials:
    secure = _server(cluster).lower().startswith("https")
    trust = _Trust(cluster) if secure else None
    acting = _impersonation(user)
    plugin = user.part("exec")
    source = f"{user.label} in {user.file}"
    if plugin is not None:
        runs = Plugin(plugin, _told(cluster))

        async def ask() -> Grant:
            given, until = await runs.run()
            return _grant(given, acting, trust, until)

        return Credentials(ask, source=runs.source)
    first: list[Grant] = [_grant(user, acting, trust, math.inf)]

    async def look() -> Grant:
        """What was read first, then what stands there now: in the files that it names, or in the kubeconfig."""
        if first:
            return first.pop()
        if again is not None and not _in_files(user):
            return await again().credentials.grant()
        return _grant(user, acting, trust, math.inf)

    every = REREAD if _in_files(user) else math.inf
    return Credentials(look, source=source, every=every, remedy="renew the credentials in the kubeconfig")


def _in_files(user: Entry) -> bool:
    """Do its credentials stand in files of their own, that somebody else renews?"""
    named = {"tokenFile": "token", "client-certificate": "client-certificate-data", "client-key": "client-key-data"}
    return any(user.text(key) and not user.text(inline) for key, inline in named.items())


def _grant(user: Entry, acting: Mapping[str, Any], trust: _Trust | None, until: float) -> Grant:
    own = _headers(user)
    headers = CIMultiDict(own)
    for key, value in acting.items():
        for one in value if isinstance(value, list) else [value]:
            headers.add(key, one)
    certificate, secret = user.content("client-certificate"), user.content("client-key")
    if (certificate is None) != (secret is None):
        there, missing = ("client-certificate", "client-key")[:: 1 if certificate else -1]
        raise user.wrong(missing, f"is missing, and {there} is of no use without it")
    pair = (certificate, secret) if certificate and secret else None
    tls = trust.context(user, pair) if trust else None
    return Grant(headers, tls, until, (own, pair))


def _impersonation(user: Entry) -> Mapping[str, Any]:
    """The headers by which a user acts as another one (``as``, ``as-uid``, ``as-groups``, ``as-user-extra``)."""
    found: dict[str, Any] = {}
    name, uid, groups = user.text("as"), user.text("as-uid"), user.items("as-groups")
    extra = user.part("as-user-extra")
    if not name:
        if uid or groups or extra:
            raise user.wrong("as", "is missing, and there are groups or more to act with", "name whom to act as")
        return {}
    found["Impersonate-User"] = name
    if uid:
        found["Impersonate-Uid"] = uid
    if groups:
        found["Impersonate-Group"] = groups
    for key in extra.fields if extra else ():
        found[f"Impersonate-Extra-{quote(str(key).lower(), safe='')}"] = extra.items(key) if extra else []
    for key, value in found.items():
        for one in value if isinstance(value, list) else [value]:
            if not isinstance(one, str) or not one.isprintable():
                raise user.wrong("as", f"cannot be sent: {key} must be text in one line")
    return found


def _told(cluster: Entry) -> Mapping[str, Any]:
    """What a plugin is told of the cluster, in the keys of ExecCredential."""
    authority = cluster.content("certificate-authority")
    config = [
        one.get("extension")
        for one in cluster.items("extensions")
        if isinstance(one, dict) and one.get("name") == PLUGINS
    ]
    told = {
        "server": cluster.text("server"),
        "tls-server-name": cluster.text("tls-server-name"),
        "insecure-skip-tls-verify": cluster.flag("insecure-skip-tls-verify"),
        "certificate-authority-data": base64.b64encode(authority[0]).decode() if authority else "",
        "proxy-url": cluster.text("proxy-url"),
        "config": config[0] if config else None,
    }
    return {key: value for key, value in told.items() if value}


def _config(path: Path | None) -> Config:
    named = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if path or not named:
        return read([expanded(path or _USUAL)])
    return read(list(dict.fromkeys(named)), skip_missing=len(named) > 1)


def _server(cluster: Entry) -> str:
    """The base URL; raises PermanentError when no request can be sent to it."""
    server = cluster.text("server").rstrip("/")
    action = "write it as https://HOST:PORT"
    if not server:
        raise cluster.wrong("server", "is missing", action)
    try:
        parts = urlsplit(server)
        host, port = parts.hostname or "", parts.port
        (host or "-").encode("idna")
    except ValueError as error:
        raise cluster.wrong("server", f"{server!r} is not an address ({error})", action) from error
    if parts.scheme not in ("http", "https"):
        raise cluster.wrong("server", f"{server!r} begins with neither https:// nor http://", action)
    if not host or port == 0 or not server.isprintable() or " " in server:
        raise cluster.wrong("server", f"{server!r} is not an address", action)
    if parts.username is not None or parts.query or parts.fragment:
        raise cluster.wrong("server", "holds more than a host, a port and a path", action)
    return server


class _Trust:
    """What the server's certificate is checked against; one context of TLS for each pair that the client shows."""

    def __init__(self, cluster: Entry) -> None:
        self.cluster = cluster
        self._made: tuple[Any, ssl.SSLContext] = (None, self._plain())

    def _plain(self) -> ssl.SSLContext:
        tls = _trust(self.cluster)
        if self.cluster.flag("insecure-skip-tls-verify"):
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        return tls

    def context(self, user: Entry, pair: tuple[tuple[bytes, str], tuple[bytes, str]] | None) -> ssl.SSLContext:
        """The context that shows this pair: the same one while it is the same pair, so that connections are kept."""
        if self._made[0] != pair:
            tls = self._plain()
            if pair is not None:
                _load_pair(tls, user, *pair)
            self._made = (pair, tls)
        return self._made[1]


def _trust(cluster: Entry) -> ssl.SSLContext:
    """Trust in the cluster's own authority, or in the system's when it names none."""
    authority = cluster.content("certificate-authority")
    if authority is None:
        return ssl.create_default_context()
    content, field = authority
    try:
        if not content.strip():
            raise ValueError("it is empty")
        return ssl.create_default_context(cadata=content.decode())
    except (ssl.SSLError, ValueError) as error:
        raise cluster.wrong(field, "holds no certificate in PEM form", "take it once more from its source") from error


def _load_pair(tls: ssl.SSLContext, user: Entry, certificate: tuple[bytes, str], key: tuple[bytes, str]) -> None:
    """``ssl`` reads client pairs from files only; the file lives for the length of the call, readable to us."""
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(certificate[0] + b"\n" + key[0])
        pair.flush()
        try:
            tls.load_cert_chain(pair.name)
        except ssl.SSLError as error:
            says = f"and {key[1]} are no certificate and its key in PEM form ({error.reason or error})"
            raise user.wrong(certificate[1], says, "renew the credentials") from error


def _headers(user: Entry) -> dict[str, str]:
    if token := _token(user):
        if not token.isprintable() or " " in token:
            raise user.wrong("token", "must be one word")
        return {"Authorization": f"Bearer {token}"}
    if name := user.text("username"):
        pair = f"{name}:{user.text('password')}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    return {}


def _token(user: Entry) -> str:
    if token := user.text("token"):
        return token
    return (user.file_named("tokenFile") or b"").decode("utf-8", "replace").strip()
