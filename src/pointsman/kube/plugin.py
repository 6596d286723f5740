"""Credentials from an ``exec`` plugin (``client.authentication.k8s.io``), the cloud providers' way."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from typing import Any

from pointsman.errors import PermanentError
from pointsman.kube.entries import Entry

__all__ = ["run_plugin"]

EXEC_TIMEOUT = 60.0
"""Seconds a credential plugin may take; plugins that open a browser are slow."""
_CORRECT = "correct the user's exec in that file"


def run_plugin(user: Entry, plugin: Entry) -> Entry:
    """The user with what the plugin gave, in kubeconfig's own keys.

    Raises PermanentError when the plugin is not there, fails, or gives no credentials.
    """
    command, env = _command(plugin), _env(plugin)
    info = {"apiVersion": plugin.fields.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **env, "KUBERNETES_EXEC_INFO": json.dumps(info, default=str)},
            capture_output=True,
            timeout=EXEC_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        says = f"{command[0]!r} did not end within {EXEC_TIMEOUT:g} s"
        raise plugin.wrong("command", says, "run it by hand, and log in if it asks to") from error
    except (OSError, ValueError) as error:
        raise _not_started(plugin, command[0], error) from error
    if done.returncode:
        raise _failed(plugin, command[0], done)
    return Entry(user.label, {**user.fields, **_credentials(plugin, done.stdout)}, user.file)


def _command(plugin: Entry) -> list[str]:
    command = plugin.text("command")
    if not command:
        raise plugin.wrong("command", "is missing", "name the plugin's program in exec.command")
    args = plugin.items("args")
    if not all(isinstance(one, str) for one in args):
        raise plugin.wrong("args", "must be a list of texts", _CORRECT)
    return [str(plugin.path(command)) if os.sep in command else command, *args]


def _env(plugin: Entry) -> dict[str, str]:
    env = {}
    for one in plugin.items("env"):
        pair = (one.get("name"), one.get("value", "")) if isinstance(one, dict) else (None, None)
        if not isinstance(pair[0], str) or not isinstance(pair[1], str):
            raise plugin.wrong("env", "must be a list of a name and a value each, both text", _CORRECT)
        env[pair[0]] = pair[1]
    return env


def _not_started(plugin: Entry, command: str, error: Exception) -> PermanentError:
    reason = getattr(error, "strerror", None) or error
    hint = " ".join(plugin.text("installHint").split())
    action = "install that program, or correct exec.command" + (f"; its hint: {hint[:300]}" if hint else "")
    return plugin.wrong("command", f"{command!r} cannot be run ({reason})", action)


def _failed(plugin: Entry, command: str, done: subprocess.CompletedProcess[bytes]) -> PermanentError:
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    last = f": {said[-1].strip()[:200]}" if said else ""
    return plugin.wrong("command", f"{command!r} failed with exit status {done.returncode}{last}", "log in again")


def _credentials(plugin: Entry, output: bytes) -> dict[str, Any]:
    """The plugin's answer in kubeconfig's own keys."""
    try:
        status = json.loads(output)["status"]
        found = {"token": status.get("token")}
        for ours, theirs in (("client-certificate", "clientCertificateData"), ("client-key", "clientKeyData")):
            if status.get(theirs):
                found[f"{ours}-data"] = base64.b64encode(status[theirs].encode()).decode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        says = "gave no ExecCredential with a status"
        raise plugin.wrong("command", says, "check exec.command, exec.args and exec.apiVersion") from error
    return found
