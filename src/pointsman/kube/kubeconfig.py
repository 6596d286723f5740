"""Reading a kubeconfig: which server, which certificates, which credentials.

Covers what people have: tokens, client certificates, and ``exec`` credential plugins (the cloud providers').
Legacy ``auth-provider`` entries are refused by name, as kubectl has done since 1.26.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pointsman.errors import PermanentError

__all__ = ["Access", "load_access"]

EXEC_TIMEOUT = 60.0
"""Seconds a credential plugin may take; plugins that open a browser are slow."""


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
    """The file this came from, for error messages."""


def load_access(path: Path | None = None, context: str | None = None) -> Access:
    """Read the kubeconfig at ``path`` (else ``$KUBECONFIG``, else ``~/.kube/config``).

    Raises PermanentError when the file, the context or a part of it is missing or unreadable.
    """
    file = path or _default_path()
    config = _read(file)
    chosen = context or config.get("current-context")
    if not chosen:
        raise _wrong(file, "no current context is set", "pass --context, or kubectl config use-context NAME")
    entry = _named(config, "contexts", chosen, file)["context"]
    cluster = _named(config, "clusters", entry.get("cluster", ""), file)["cluster"]
    user = _named(config, "users", entry["user"], file).get("user") or {} if entry.get("user") else {}
    if "auth-provider" in user:
        raise _wrong(file, "auth-provider entries are no longer supported", "use the provider's exec plugin")
    if "exec" in user:
        user = {**user, **_run_plugin(user["exec"], file)}
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        tls=_tls(cluster, user, file),
        headers=_headers(user, file),
        context=chosen,
        namespace=entry.get("namespace", "default"),
        source=str(file),
    )


def _default_path() -> Path:
    named = [part for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return Path(named[0]) if named else Path.home() / ".kube" / "config"


def _wrong(file: Path, what: str, action: str) -> PermanentError:
    return PermanentError(what, where=str(file), next_action=action, code="kubeconfig-invalid")


def _read(file: Path) -> dict[str, Any]:
    action = "pass --kubeconfig FILE, set KUBECONFIG, or start the lab with: pointsman lab up"
    try:
        data = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise _wrong(file, f"cannot read the kubeconfig ({error.strerror})", action) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise _wrong(file, "this is not a YAML file", action) from error
    if not isinstance(data, dict) or not data.get("clusters"):
        raise _wrong(file, "this is not a kubeconfig: it names no cluster", action)
    return data


def _named(config: dict[str, Any], section: str, name: str, file: Path) -> dict[str, Any]:
    entries = config.get(section) or []
    for entry in entries:
        if entry.get("name") == name:
            return dict(entry)
    known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
    raise _wrong(file, f"no entry {name!r} in {section} (known: {known})", "pass --context with a known name")


def _bytes(holder: dict[str, Any], key: str, file: Path) -> bytes | None:
    """Content of ``<key>-data`` (base64) or of the file ``<key>`` (relative to the kubeconfig)."""
    try:
        if data := holder.get(f"{key}-data"):
            return base64.b64decode(data)
        if name := holder.get(key):
            return (file.parent / str(name)).read_bytes()
    except (OSError, ValueError) as error:
        raise _wrong(file, f"cannot read {key} ({error})", "renew the credentials") from error
    return None


def _tls(cluster: dict[str, Any], user: dict[str, Any], file: Path) -> ssl.SSLContext | None:
    if not str(cluster["server"]).startswith("https"):
        return None
    authority = _bytes(cluster, "certificate-authority", file)
    try:
        tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
        if cluster.get("insecure-skip-tls-verify"):
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        certificate, key = _bytes(user, "client-certificate", file), _bytes(user, "client-key", file)
        if certificate and key:
            _load_pair(tls, certificate, key)
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise _wrong(file, f"a certificate or key cannot be read ({error})", "renew the credentials") from error
    return tls


def _load_pair(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """``ssl`` reads client pairs from files only; the file lives for the length of the call, readable to us."""
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(certificate + b"\n" + key)
        pair.flush()
        tls.load_cert_chain(pair.name)


def _headers(user: dict[str, Any], file: Path) -> dict[str, str]:
    token = user.get("token")
    if not token and user.get("tokenFile"):
        token = (_bytes({"token": user["tokenFile"]}, "token", file) or b"").decode().strip()
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        pair = f"{user['username']}:{user.get('password', '')}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}
    return {}


def _run_plugin(plugin: dict[str, Any], file: Path) -> dict[str, Any]:
    """Credentials from a ``client.authentication.k8s.io`` plugin, in kubeconfig's own keys."""
    info = {"apiVersion": plugin.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    extra = {item["name"]: item["value"] for item in plugin.get("env") or []}
    command = [plugin["command"], *(plugin.get("args") or [])]
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)},
            capture_output=True,
            timeout=EXEC_TIMEOUT,
            check=True,
        )
        status = json.loads(done.stdout)["status"]
    except (OSError, subprocess.SubprocessError, ValueError, KeyError) as error:
        raise _wrong(file, f"credential plugin {command[0]!r} failed ({error})", "log in again") from error
    found = {"token": status.get("token")}
    for ours, theirs in (("client-certificate", "clientCertificateData"), ("client-key", "clientKeyData")):
        if status.get(theirs):
            found[f"{ours}-data"] = base64.b64encode(status[theirs].encode()).decode()
    return found
