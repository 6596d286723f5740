"""Credentials that end while a move goes on: renewed in time, renewed when refused, told when there are no others."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import textwrap
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from pointsman.errors import PermanentError
from pointsman.kube.client import Client
from pointsman.kube.kubeconfig import load_access
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.certificates import Authority
from tests.kube.peer import Peer, listening, serving
from tests.kube.test_server_name import serving as trusting

MAP = Ref(kind_of("ConfigMap"), "m", "n")
FOUND = {"kind": "ConfigMap", "metadata": {"name": "m", "resourceVersion": "1"}}
REFUSED = {"kind": "Status", "code": 401, "reason": "Unauthorized", "message": "Unauthorized"}


@dataclass
class Door:
    """An API server that accepts one token; remembers what it was shown, and what it let in."""

    token: str
    shown: list[str] = field(default_factory=list)
    done: list[tuple[str, str]] = field(default_factory=list)
    heads: list[Mapping[str, str]] = field(default_factory=list)
    roads: list[asyncio.Transport] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.shown.append(request.headers.get("Authorization", "").removeprefix("Bearer "))
        self.heads.append(request.headers)
        assert isinstance(request.transport, asyncio.Transport)
        self.roads.append(request.transport)
        if self.shown[-1] != self.token:
            return web.json_response(REFUSED, status=401)
        self.done.append((request.method, request.path))
        if request.path.endswith("/portforward"):
            socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",))
            await socket.prepare(request)
            return socket
        if "watch" in request.query:
            return web.Response(text=json.dumps({"type": "ADDED", "object": FOUND}) + "\n")
        if request.path.endswith("/configmaps") and request.method == "GET":
            return web.json_response({"kind": "List", "metadata": {"resourceVersion": "1"}, "items": []})
        return web.json_response(FOUND)


def at(door: Door) -> AbstractAsyncContextManager[str]:
    return serving(door.answer)


def kubeconfig(folder: Path, server: str, user: Mapping[str, Any], **cluster: Any) -> Path:
    path = folder / "config"
    said = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "x", "user": "u"}}],
        "clusters": [{"name": "x", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": dict(user)}],
    }
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def plugin(folder: Path, body: str) -> dict[str, Any]:
    """A user whose plugin runs this Python; ``token`` holds the next token, ``give`` prints it."""
    program = folder / "login.py"
    program.write_text(
        textwrap.dedent("""
            import json, os, pathlib, sys, time
            here = pathlib.Path(__file__).parent
            def give(token, **more):
                print(json.dumps({"status": {"token": token, **more}}))
            def count():
                path = here / "runs"
                number = int(path.read_text()) + 1 if path.exists() else 1
                path.write_text(str(number))
                return number
            info = json.loads(os.environ["KUBERNETES_EXEC_INFO"])
        """)
        + textwrap.dedent(body),
        encoding="utf-8",
    )
    return {"exec": {"command": sys.executable, "args": [str(program)], "interactiveMode": "Never"}}


def later(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def everything(client: Client) -> None:
    """One of each kind of call."""
    await client.get(MAP)
    await client.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m", "namespace": "n"}})
    events = client.watch(MAP.kind, "n")
    assert [(await anext(events)).type for _ in range(2)] == ["SYNCED", "ADDED"]
    async with client.port_forward("n", "p", 80):
        pass
    assert (await client.proxy_get("n", "p", 80, "metrics")).status == 200


async def test_a_token_that_is_not_accepted_any_more_is_obtained_anew_and_the_call_is_said_again(
    tmp_path: Path,
) -> None:
    door = Door("token-1")
    async with at(door) as server:
        user = plugin(tmp_path, 'give(f"token-{count()}")')
        async with Client(load_access(kubeconfig(tmp_path, server, user))) as client:
            await everything(client)
            before = len(door.done)
            door.token = "token-2"
            await client.get(MAP)
            door.token = "token-3"
            await client.create({**FOUND, "apiVersion": "v1", "metadata": {"name": "m", "namespace": "n"}})
            door.token = "token-4"
            await anext(client.watch(MAP.kind, "n"))
            door.token = "token-5"
            await client.proxy_get("n", "p", 80, "metrics")
            door.token = "token-6"
            async with client.port_forward("n", "p", 80):
                pass
    assert (tmp_path / "runs").read_text() == "6"
    assert len(door.done) == before + 5, "each was done once"


async def test_many_calls_that_are_refused_at_once_ask_the_plugin_once(tmp_path: Path) -> None:
    door = Door("token-1")
    async with at(door) as server:
        user = plugin(tmp_path, 'give(f"token-{count()}")')
        async with Client(load_access(kubeconfig(tmp_path, server, user))) as client:
            await client.get(MAP)
            door.token = "token-2"
            await asyncio.gather(*(client.get(MAP) for _ in range(20)))
    assert (tmp_path / "runs").read_text() == "2"


async def test_a_token_is_renewed_before_it_ends(tmp_path: Path) -> None:
    door = Door("token-1")
    async with at(door) as server:
        user = plugin(tmp_path, f'give(f"token-{{count()}}", expirationTimestamp="{later(-30)}")')
        access = load_access(kubeconfig(tmp_path, server, user))
        first = await access.credentials.grant()
        assert await access.credentials.grant() is first, "a plugin whose clock is wrong is not asked for every call"
    user = plugin(tmp_path, 'give("x", expirationTimestamp="2999-01-01T00:00:00Z")')
    far = await load_access(kubeconfig(tmp_path, server, user)).credentials.grant()
    assert far.until > datetime(2998, 1, 1, tzinfo=UTC).timestamp()


async def test_credentials_that_end_for_good_are_told_with_the_plugins_own_words(tmp_path: Path) -> None:
    door = Door("token-1")
    body = """
        number = count()
        if number > 1:
            print("session expired\\nrun: sso login", file=sys.stderr)
            sys.exit(7)
        give(f"token-{number}")
    """
    async with at(door) as server:
        user = plugin(tmp_path, body)
        async with Client(load_access(kubeconfig(tmp_path, server, user))) as client:
            await client.get(MAP)
            door.token = "another"
            with pytest.raises(PermanentError) as told:
                await client.get(MAP)
    assert told.value.code == "cluster-unauthorized"
    assert "have ended and cannot be renewed" in told.value.what
    assert "exit status 7: session expired; run: sso login" in told.value.what
    assert told.value.where == str(tmp_path / "config")


async def test_a_plugin_that_gives_the_same_refused_token_again_is_not_asked_for_ever(tmp_path: Path) -> None:
    door = Door("another")
    async with at(door) as server:
        user = plugin(tmp_path, 'count(); give("stale")')
        async with Client(load_access(kubeconfig(tmp_path, server, user))) as client:
            with pytest.raises(PermanentError, match="does not accept the credentials") as told:
                await client.get(MAP)
    assert told.value.code == "cluster-unauthorized"
    assert (tmp_path / "runs").read_text() == "2"


@pytest.mark.parametrize("kind", ["tokenFile", "kubeconfig"])
async def test_a_token_that_somebody_renewed_in_a_file_is_read_there(tmp_path: Path, kind: str) -> None:
    door = Door("one")
    token = tmp_path / "token"

    def keep(what: str) -> Path:
        token.write_text(f"{what}\n")
        return kubeconfig(tmp_path, server, {"tokenFile": "token"} if kind == "tokenFile" else {"token": what})

    async with at(door) as server, Client(load_access(keep("one"))) as client:
        await everything(client)
        door.token = "two"
        keep("two")
        await everything(client)


async def test_an_engine_behind_the_api_server_that_wants_a_key_renews_nothing(tmp_path: Path) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "Unauthorized"}, status=401)

    async with listening(answer) as address:
        user = plugin(tmp_path, 'count(); give("x")')
        async with Client(load_access(kubeconfig(tmp_path, f"http://{address}", user))) as client:
            assert (await client.proxy_get("n", "p", 80, "v1/models")).status == 401
    assert (tmp_path / "runs").read_text() == "1"


async def test_what_a_plugin_says_is_seen_at_once_and_does_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    body = """
        print("open https://login and type \\x1b]0;owned\\x07ABCD-1234", file=sys.stderr, flush=True)
        while not (here / "typed").exists():
            time.sleep(0.02)
        give("token-1")
    """
    door = Door("token-1")
    async with (
        at(door) as server,
        Client(load_access(kubeconfig(tmp_path, server, plugin(tmp_path, body)))) as client,
    ):
        call = asyncio.create_task(client.get(MAP))
        seen = ""
        while "ABCD-1234" not in seen:
            assert not call.done()
            await asyncio.sleep(0.02)
            seen += capfd.readouterr().err
        assert "\x1b" not in seen
        (tmp_path / "typed").touch()
        await call


async def test_a_plugin_that_is_waited_for_ends_with_us(tmp_path: Path) -> None:
    body = '(here / "pid").write_text(str(os.getpid())); time.sleep(600)'
    async with Client(load_access(kubeconfig(tmp_path, "http://127.0.0.1:1", plugin(tmp_path, body)))) as client:
        call = asyncio.create_task(client.get(MAP))
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            assert not call.done()
            await asyncio.sleep(0.02)
        while not call.done():
            call.cancel()
            await asyncio.sleep(0)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


async def test_a_browser_that_a_plugin_opened_and_left_running_is_not_waited_for(tmp_path: Path) -> None:
    body = """
import subprocess
browser = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
(here / "browser").write_text(str(browser.pid))
give("x")
"""
    try:
        async with asyncio.timeout(30):
            access = load_access(kubeconfig(tmp_path, "http://127.0.0.1:1", plugin(tmp_path, body)))
            assert (await access.credentials.grant()).headers["Authorization"] == "Bearer x"
    finally:
        os.kill(int((tmp_path / "browser").read_text()), signal.SIGKILL)


async def test_a_plugin_that_floods_us_through_a_child_is_given_up(tmp_path: Path) -> None:
    user = {"exec": {"command": "sh", "args": ["-c", "yes flood; true"], "interactiveMode": "Never"}}
    async with asyncio.timeout(30):
        with pytest.raises(PermanentError, match="answers without end"):
            await load_access(kubeconfig(tmp_path, "http://127.0.0.1:1", user)).credentials.grant()


async def test_a_plugin_is_told_of_the_cluster_when_it_wants_that(tmp_path: Path) -> None:
    user = plugin(tmp_path, '(here / "info").write_text(json.dumps(info)); give("x")')
    user["exec"] |= {"provideClusterInfo": True, "apiVersion": "client.authentication.k8s.io/v1"}
    extension = {"name": "client.authentication.k8s.io/exec", "extension": {"audience": "me"}}
    path = kubeconfig(tmp_path, "http://10.1.1.1", user, extensions=[extension])
    await load_access(path).credentials.grant()
    info = json.loads((tmp_path / "info").read_text())
    assert info["apiVersion"] == "client.authentication.k8s.io/v1"
    assert info["spec"] == {
        "interactive": False,
        "cluster": {"server": "http://10.1.1.1", "config": {"audience": "me"}},
    }


async def test_a_plugin_that_must_ask_a_person_is_refused_without_a_terminal(tmp_path: Path) -> None:
    user = plugin(tmp_path, 'give("x")')
    user["exec"]["interactiveMode"] = "Always"
    with pytest.raises(PermanentError, match="there is no terminal"):
        await load_access(kubeconfig(tmp_path, "http://10.1.1.1", user)).credentials.grant()


async def test_a_relative_plugin_beside_a_relative_kubeconfig_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "login"
    program.write_text('#!/bin/sh\necho \'{"status": {"token": "x"}}\'\n')
    program.chmod(0o755)
    kubeconfig(tmp_path, "http://10.1.1.1", {"exec": {"command": "./login"}})
    monkeypatch.chdir(tmp_path)
    grant = await load_access(Path("config")).credentials.grant()
    assert grant.headers["Authorization"] == "Bearer x"


async def test_who_acts_as_somebody_else_says_so_in_every_call(tmp_path: Path) -> None:
    door = Door("x")
    user = {
        "token": "x",
        "as": "deployer",
        "as-uid": "7",
        "as-groups": ["platform", "gpu"],
        "as-user-extra": {"Reason/Ticket": ["4711"]},
    }
    async with at(door) as server, Client(load_access(kubeconfig(tmp_path, server, user))) as client:
        await everything(client)
    for heads in door.heads:
        assert heads["Impersonate-User"] == "deployer"
        assert heads["Impersonate-Uid"] == "7"
        assert heads.getall("Impersonate-Group") == ["platform", "gpu"]  # type: ignore[attr-defined]
        assert heads["Impersonate-Extra-reason%2Fticket"] == "4711"


async def test_in_a_pod_the_service_account_is_taken_and_its_token_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, text in {"token": "one\n", "namespace": "jobs\n"}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("POINTSMAN_SERVICE_ACCOUNT", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    with pytest.raises(PermanentError, match=r"certificate-authority names .*ca\.crt"):
        load_access()
    authority = Authority(tmp_path)
    authority.ensure()
    access = load_access()
    assert (access.server, access.namespace) == ("https://[fd00::1]:6443", "jobs")
    first = await access.credentials.grant()
    (tmp_path / "token").write_text("two\n")
    second = await access.credentials.instead(first)
    assert second is not None
    assert second.headers["Authorization"] == "Bearer two"


@pytest.mark.parametrize(
    ("server", "environment", "through"),
    [
        ("https://api.example:6443", {"HTTPS_PROXY": "http://p:3128"}, "http://p:3128"),
        ("https://api.example:6443", {"https_proxy": "p:3128"}, "http://p:3128"),
        ("https://api.example:6443", {"HTTP_PROXY": "http://p:3128"}, None),
        ("https://api.example:6443", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "example"}, None),
        ("https://api.example:6443", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "x, .example"}, None),
        ("https://api.example:6443", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": ".api.example"}, "http://p:3128"),
        ("https://api.example:6443", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "api.example:443"}, "http://p:3128"),
        ("https://api.example:6443", {"HTTPS_PROXY": "http://p:3128", "no_proxy": "api.example:6443"}, None),
        ("https://api.example:6443", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "*"}, None),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "10.0.0.0/8"}, None),
        ("https://11.1.2.3:6443", {"HTTPS_PROXY": "http://p:3128", "NO_PROXY": "10.0.0.0/8"}, "http://p:3128"),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p:3128"}, None),
        ("https://localhost:6443", {"HTTPS_PROXY": "http://p:3128"}, None),
    ],
)
def test_the_environments_proxy_is_taken_as_client_go_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, environment: Mapping[str, str], through: str | None
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy", "http_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_access(kubeconfig(tmp_path, server, {})).proxy == through
    named = kubeconfig(tmp_path, server, {}, **{"proxy-url": "http://own:1"})
    assert load_access(named).proxy == "http://own:1"


async def test_a_certificate_that_is_not_trusted_is_not_tried_again_and_again(tmp_path: Path) -> None:
    async with trusting(tmp_path, Peer([]), "tls-server-name: other.example") as client:
        with pytest.raises(PermanentError, match="certificate of the API server") as told:
            await client.get(MAP)
    assert told.value.code == "cluster-certificate"


async def test_idle_connections_that_a_load_balancer_cut_are_opened_again(tmp_path: Path) -> None:
    door = Door("x")
    async with at(door) as server, Client(load_access(kubeconfig(tmp_path, server, {"token": "x"}))) as client:
        await client.get(MAP)
        for transport in door.roads:
            transport.abort()
        await client.get(MAP)
    assert len(door.done) == 2
