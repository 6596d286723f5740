"""Reading kubeconfigs people really have, and refusing the rest in words."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat
from pathlib import Path

import pytest

from pointsman.errors import PermanentError
from pointsman.kube.credentials import Grant
from pointsman.kube.kubeconfig import Access, load_access
from tests.cli.program import run

HEAD = """
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1/"}}]
contexts: [{name: here, context: {cluster: c, user: u, namespace: ns}}]
"""
USERS = "users: [{name: u, user: {token: abc}}]\n"
SERVER = '{server: "http://127.0.0.1:1/"}'
NOT_BASE64 = '{server: "https://127.0.0.1:1", certificate-authority-data: "%%%"}'
NOT_PEM = f'{{server: "https://127.0.0.1:1", certificate-authority-data: {base64.b64encode(b"hello").decode()}}}'


def write(tmp_path: Path, users: str, head: str = HEAD) -> Path:
    path = tmp_path / "config"
    path.write_text(f"{head}users: {users}\n", encoding="utf-8")
    return path


def cluster(fields: str) -> str:
    return HEAD.replace(SERVER, fields) + USERS


def user(fields: str) -> str:
    return f"{HEAD}users: [{{name: u, user: {fields}}}]\n"


def status(*words: str, **env: str) -> tuple[int, dict[str, str]]:
    """``pointsman status``: its exit code and its error."""
    done = run("status", "-o", "json", *words, env=env)
    error: dict[str, str] = json.loads(done.stdout)["error"]
    return done.returncode, error


def shown(access: Access) -> dict[str, str]:
    """The headers of a request."""
    return dict(granted(access).headers)


def granted(access: Access) -> Grant:
    return asyncio.run(access.credentials.grant())


def test_reads_server_namespace_and_token(tmp_path: Path) -> None:
    access = load_access(write(tmp_path, "[{name: u, user: {token: abc}}]"))
    assert (access.server, access.namespace, shown(access)) == (
        "http://127.0.0.1:1",
        "ns",
        {"Authorization": "Bearer abc"},
    )


def plugin_in(folder: Path, script: str) -> Path:
    plugin = folder / "login"
    plugin.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    return plugin


@pytest.mark.parametrize("command", ["{folder}/login", "./login"])
def test_runs_a_credential_plugin(tmp_path: Path, command: str) -> None:
    plugin_in(tmp_path, 'echo "{\\"status\\": {\\"token\\": \\"from-$WHO\\"}}"')
    version = "client.authentication.k8s.io/v1"
    run = f"{{apiVersion: {version}, command: {command.format(folder=tmp_path)}, env: [{{name: WHO, value: plugin}}]}}"
    access = load_access(write(tmp_path, f"[{{name: u, user: {{exec: {run}}}}}]"))
    assert shown(access) == {"Authorization": "Bearer from-plugin"}


@pytest.mark.parametrize(
    ("script", "says", "next_action"),
    [
        ("echo expired >&2; exit 3", "exit status 3: expired", "log in again"),
        ("echo hello", "exec.command gave no ExecCredential", "check exec.command"),
        ("echo '{\"status\": 5}'", "exec.command gave no ExecCredential", "check exec.command"),
    ],
)
def test_a_plugin_that_gives_nothing_is_told_apart(tmp_path: Path, script: str, says: str, next_action: str) -> None:
    plugin_in(tmp_path, script)
    with pytest.raises(PermanentError) as caught:
        granted(load_access(write(tmp_path, "[{name: u, user: {exec: {command: ./login}}}]")))
    assert says in caught.value.what
    assert next_action in caught.value.next_action


@pytest.mark.parametrize(
    ("content", "says", "next_action"),
    [
        ("", "not a kubeconfig", "--kubeconfig"),
        ("hello", "not a kubeconfig: it is not a mapping", "--kubeconfig"),
        ("{", "not a YAML file (line 1", "--kubeconfig"),
        ("!!int ''", "not a YAML file", "--kubeconfig"),
        (HEAD + "kind: Config\n", "line 7: 'kind' is already set on line", "remove one"),
        ("clusters: " + "[" * 3000, "nests too deeply", "--kubeconfig"),
        (HEAD.replace("current-context: here", ""), "no current context", "--context"),
        (HEAD.replace("here\n", "[1]\n"), "current-context must be text", "correct current-context"),
        (HEAD.replace("here\n", "there\n"), "no entry 'there' in contexts (known: here)", "--context"),
        ("clusters: [{name: c}]\ncontexts: hello", "contexts must be a list", "write contexts"),
        ("clusters: [{name: c}]\ncontexts: [x]", "contexts[0] must be a mapping", "give contexts[0] a name"),
        ("clusters: [{name: 5}]", "clusters[0]: name must be text", "give clusters[0] a name"),
        (
            "current-context: x\nclusters: [{name: c}]\ncontexts: [{name: x}]",
            "context 'x': cluster is missing",
            "name one of",
        ),
        (HEAD.replace(f", cluster: {SERVER}", "") + USERS, "cluster 'c': server is missing", "https://HOST:PORT"),
        (HEAD.replace(SERVER, "hello") + USERS, "cluster 'c': cluster must be a mapping", "correct cluster"),
        (cluster("{}"), "cluster 'c': server is missing", "https://HOST:PORT"),
        (cluster('{server: ""}'), "cluster 'c': server is missing", "https://HOST:PORT"),
        (cluster("{server: 5}"), "cluster 'c': server must be text", "correct server"),
        (cluster('{server: "ftp://nope"}'), "server 'ftp://nope' begins with neither", "https://HOST:PORT"),
        (cluster('{server: "http://h:99999"}'), "server 'http://h:99999' is not an address", "https://HOST:PORT"),
        (cluster('{server: "http://h..h"}'), "server 'http://h..h' is not an address", "https://HOST:PORT"),
        (cluster('{server: "http://a b"}'), "server 'http://a b' is not an address", "https://HOST:PORT"),
        (cluster('{server: "http://u:secret@h"}'), "server holds more than", "https://HOST:PORT"),
        (cluster('{server: "http://h", proxy-url: "ftp://p"}'), "proxy-url is not the address of", "http://HOST:PORT"),
        (cluster('{server: "http://h", proxy-url: "socks5://p:1"}'), "proxy-url is a SOCKS proxy", "http://HOST:PORT"),
        (
            cluster('{server: "https://h", certificate-authority: absent.crt}'),
            "certificate-authority names {folder}/absent.crt, which cannot be read (No such file",
            "put the file there",
        ),
        (cluster(NOT_BASE64), "certificate-authority-data is not base64", "from its source"),
        (cluster(NOT_PEM), "certificate-authority-data holds no certificate", "from its source"),
        (
            cluster('{server: "https://h", insecure-skip-tls-verify: "no"}'),
            "insecure-skip-tls-verify must be true or false",
            "correct insecure",
        ),
        (HEAD + "users: [{name: v, user: {}}]", "no entry 'u' in users (known: v)", "--context"),
        (user("{auth-provider: {name: gcp}}"), "auth-provider entries are no longer", "exec plugin"),
        (user("{as-groups: [admin]}"), "user 'u': as is missing", "name whom"),
        (user('{as: "a\\nb"}'), "user 'u': as cannot be sent", "correct as"),
        (user("{token: 5}"), "user 'u': token must be text", "correct token"),
        (user('{token: "a\\nb"}'), "user 'u': token must be one word", "correct token"),
        (user("{tokenFile: absent}"), "tokenFile names {folder}/absent", "put the file there"),
        (user("{exec: echo}"), "user 'u': exec must be a mapping", "correct exec"),
        (user("{exec: {args: [a]}}"), "user 'u': exec.command is missing", "exec.command"),
        (user("{exec: {command: a, env: [b]}}"), "user 'u': exec.env must be", "exec"),
        (user("{exec: {command: a, apiVersion: v2}}"), "user 'u': exec.apiVersion 'v2' is none of", "exec"),
        (user("{exec: {command: a, interactiveMode: ok}}"), "user 'u': exec.interactiveMode is none of", "exec"),
        (
            user("{exec: {command: /nonexistent, installHint: get it}}"),
            "exec.command '/nonexistent' cannot be run (No such file",
            "install that program, or correct exec.command; its hint: get it",
        ),
    ],
)
def test_refuses_with_the_files_name_the_field_and_what_to_do(
    tmp_path: Path, content: str, says: str, next_action: str
) -> None:
    path = tmp_path / "config"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(PermanentError) as caught:
        granted(load_access(path))
    assert says.format(folder=tmp_path) in caught.value.what
    assert (caught.value.where, caught.value.code) == (str(path), "kubeconfig-invalid")
    assert next_action in caught.value.next_action


@pytest.mark.parametrize(
    "content",
    [
        "current-context: x\nclusters: [{name: c}]\ncontexts: [{name: x, context: {cluster: c}}]",
        "clusters: [{name: c}]\ncontexts: [x]",
        "clusters: " + "[" * 3000,
        cluster('{server: "http://h:99999"}'),
        user("{exec: echo}"),
    ],
)
def test_the_command_line_tells_of_a_kubeconfig_and_not_of_a_bug(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content, encoding="utf-8")
    code, error = status("--kubeconfig", str(path))
    assert (code, error["code"], error["where"]) == (2, "kubeconfig-invalid", str(path))
    assert error["next"]


def several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Two files in folders of their own, a missing one between them, and ``$KUBECONFIG`` that names all three."""
    first, second = tmp_path / "one" / "config", tmp_path / "two" / "config"
    for file in (first, second):
        file.parent.mkdir()
    first.write_text(
        'clusters: [{name: c, cluster: {server: "http://first:1"}}]\n'
        "contexts: [{name: mine, context: {cluster: c, user: u}}]\n"
    )
    second.write_text(
        "current-context: mine\n"
        'clusters: [{name: c, cluster: {server: "http://second:1"}}, {name: d, cluster: {server: "http://d:1"}}]\n'
        "contexts: [{name: mine, context: {cluster: d}}, {name: theirs, context: {cluster: d, user: v}}]\n"
        "users: [{name: u, user: {tokenFile: token}}, {name: v, user: {exec: {command: ./absent}}}]\n"
    )
    (second.parent / "token").write_text("from-two\n")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, (first, tmp_path / "absent", second))))
    return first, second


def test_several_files_are_merged_and_the_first_to_set_a_name_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = several(tmp_path, monkeypatch)
    access = load_access()
    assert (access.context, access.server, access.source) == ("mine", "http://first:1", str(first))
    assert shown(access) == {"Authorization": "Bearer from-two"}
    with pytest.raises(PermanentError, match="absent' cannot be run") as caught:
        granted(load_access(context="theirs"))
    assert caught.value.where == str(second)


def test_several_files_and_a_problem_that_is_in_one_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, second = several(tmp_path, monkeypatch)
    second.write_text("current-context: gone\nclusters: {}\n")
    with pytest.raises(PermanentError, match="no entry 'gone'") as caught:
        load_access()
    assert caught.value.where == str(second)
    second.write_text("{")
    code, error = status()
    assert (code, error["code"], error["where"]) == (2, "kubeconfig-invalid", str(second))


def test_several_files_of_which_none_exists(tmp_path: Path) -> None:
    named = os.pathsep.join((str(tmp_path / "a"), str(tmp_path / "b")))
    code, error = status(KUBECONFIG=named)
    assert (code, error["code"], error["where"]) == (2, "kubeconfig-invalid", named)
    assert "none of these" in error["what"]
