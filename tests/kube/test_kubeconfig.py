"""Reading kubeconfigs people really have, and refusing the rest in words."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from pointsman.errors import PermanentError
from pointsman.kube.kubeconfig import load_access

HEAD = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1/"}}]
contexts: [{name: here, context: {cluster: c, user: u, namespace: ns}}]
"""


def write(tmp_path: Path, users: str, head: str = HEAD) -> Path:
    path = tmp_path / "config"
    path.write_text(f"{head}users: {users}\n", encoding="utf-8")
    return path


def test_reads_server_namespace_and_token(tmp_path: Path) -> None:
    access = load_access(write(tmp_path, "[{name: u, user: {token: abc}}]"))
    assert (access.server, access.namespace, access.headers) == (
        "http://127.0.0.1:1",
        "ns",
        {"Authorization": "Bearer abc"},
    )


def test_runs_a_credential_plugin(tmp_path: Path) -> None:
    plugin = tmp_path / "login"
    plugin.write_text('#!/bin/sh\necho "{\\"status\\": {\\"token\\": \\"from-$WHO\\"}}"\n', encoding="utf-8")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = f"{{apiVersion: v1, command: {plugin}, env: [{{name: WHO, value: plugin}}]}}"
    access = load_access(write(tmp_path, f"[{{name: u, user: {{exec: {user}}}}}]"))
    assert access.headers == {"Authorization": "Bearer from-plugin"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "not a kubeconfig"),
        ("{", "not a YAML file"),
        (HEAD.replace("current-context: here", ""), "no current context"),
        (HEAD.replace("current-context: here", "current-context: there"), "no entry 'there' in contexts (known: here)"),
        (HEAD + "users: [{name: v, user: {}}]", "no entry 'u' in users (known: v)"),
        (HEAD + "users: [{name: u, user: {auth-provider: {name: gcp}}}]", "auth-provider"),
        (HEAD + "users: [{name: u, user: {exec: {command: /nonexistent}}}]", "plugin '/nonexistent' failed"),
    ],
)
def test_refuses_with_the_files_name_and_the_reason(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "config"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PermanentError) as caught:
        load_access(path)
    assert says in caught.value.what
    assert caught.value.where == str(path)
    assert caught.value.next_action
