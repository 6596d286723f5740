"""Reading a kubeconfig: which server, which certificates, which credentials.

Covers what people have: tokens, client certificates, and ``exec`` credential plugins (the cloud providers').
Fields that would change where a request goes or who it comes from, and are not supported, are refused by name:
legacy ``auth-provider`` entries (as kubectl has done since 1.26), proxies, impersonation.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pointsman.intake.file import expanded
from pointsman.kube.entries import Config, Entry, read, wrong
from pointsman.kube.plugin import run_plugin

__all__ = ["Access", "load_access"]

_REFUSED = {
    "auth-provider": ("entries are no longer supported", "use the provider's exec plugin"),
    "proxy-url": ("is not supported", "use a context that reaches the server without a proxy"),
    **dict.fromkeys(
        ("as", "as-uid", "as-groups", "as-user-extra"),
        ("is not supported: nobody is impersonated", "use a context with credentials of its own"),
    ),
}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach one API server."""

    server: str
    """Base URL without a trailing slash."""
    tls: ssl.SSLContext | None
    headers: dict[str, str]
    context: str
    namespace: str
    source: str
    """The file the server's address came from, for error messages."""
    server_name: str | None = None
    """The name the server's certificate is checked for; None when it is the one in the address."""


def load_access(path: Path | None = None, context: str | None = None) -> Access:
    """Read the kubeconfig at ``path``, else the files of ``$KUBECONFIG`` merged, else ``~/.kube/config``.

    Raises PermanentError when a file, the context or a part of it is missing or unreadable.
    """
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
    user = _user(config, entry)
    _refuse(cluster, "proxy-url")
    return Access(
        server=server,
        tls=_tls(cluster, user) if server.lower().startswith("https") else None,
        headers=_headers(user),
        context=chosen,
        namespace=entry.text("namespace") or "default",
        source=str(cluster.file),
        server_name=cluster.text("tls-server-name") or None,
    )


def _config(path: Path | None) -> Config:
    named = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    if path or not named:
        return read([expanded(path or Path("~/.kube/config"))])
    return read(list(dict.fromkeys(named)), skip_missing=len(named) > 1)


def _user(config: Config, context: Entry) -> Entry:
    """Who the requests come from; somebody without credentials when the context names no user."""
    name = context.text("user")
    user = config.entry("users", name, context.file) if name else Entry("no user", {}, context.file)
    _refuse(user, "auth-provider", "as", "as-uid", "as-groups", "as-user-extra")
    plugin = user.part("exec")
    return run_plugin(user, plugin) if plugin else user


def _refuse(entry: Entry, *keys: str) -> None:
    for key in keys:
        if entry.fields.get(key):
            raise entry.wrong(key, *_REFUSED[key])


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


def _tls(cluster: Entry, user: Entry) -> ssl.SSLContext:
    tls = _trust(cluster)
    if cluster.flag("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = user.content("client-certificate"), user.content("client-key")
    if certificate and key:
        _load_pair(tls, user, certificate, key)
    elif certificate or key:
        there, missing = ("client-certificate", "client-key")[:: 1 if certificate else -1]
        raise user.wrong(missing, f"is missing, and {there} is of no use without it")
    return tls


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
