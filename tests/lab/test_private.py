"""The lab is its user's alone: its files, and the ports that would tell or do something."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from pathlib import Path

import psutil
import pytest

from pointsman.lab.locks import try_lock
from pointsman.lab.paths import private
from tests.conftest import RunningLab


@pytest.mark.lab
def test_nobody_else_can_read_or_enter_anything_below_its_home(lab: RunningLab) -> None:
    home = lab.config.home
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    open_to_others = []
    for folder, folders, files in os.walk(home):
        for name in (*folders, *files):
            path = Path(folder, name)
            try:
                found = path.lstat()
            except FileNotFoundError:
                continue  # what runs there makes and removes files all the time
            # A pod's volume says itself who may read its files, and kubectl gives its cache a mode of its own.
            own = stat.S_ISREG(found.st_mode) and {"volumes", "kubectl"} & set(path.relative_to(home).parts)
            if not path.is_symlink() and not own and found.st_mode & 0o077:
                open_to_others.append(f"{stat.filemode(found.st_mode)} {path.relative_to(home)}")
    assert open_to_others == []


def answer_to_anybody(address: str, port: int) -> bytes:
    """What somebody without a certificate hears; raises when nobody talks to him."""
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((address, port), timeout=5) as raw, anybody.wrap_socket(raw) as tls:
        tls.sendall(b"GET /containerLogs/a/b/c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        if heard := tls.recv(64):
            return heard
        raise ConnectionError("it closed the connection without a word")


@pytest.mark.lab
@pytest.mark.parametrize("port", ["kubelet", "etcd", "etcd-peer"])
def test_ports_that_tell_or_do_something_ask_for_a_certificate(lab: RunningLab, port: str) -> None:
    where = "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}"
    node = lab.config.local(lab.kubectl("get", "nodes", "-o", where).stdout)
    address = node if port == "kubelet" else "127.0.0.1"
    with pytest.raises((ssl.SSLError, ConnectionError)):
        answer_to_anybody(address, lab.config.ports[port])


LISTENERS = {
    "apiserver": "asks",
    "kcm": "asks",
    "scheduler": "asks",
    "etcd": "asks",
    "etcd-peer": "asks",
    "kubelet": "asks",
    "proxy": "asks",
    "manager-health": "says ok",
    "llmisvc-health": "says ok",
    "manager-webhook": "reviews",
    "llmisvc-webhook": "reviews",
    "gateway": "pods",
}
"""What each port of a lab is to somebody who shows nothing; the page on security has the same list."""
OWN = {"pointsman.lab.network", "pointsman.lab.node", "pointsman.lab.supervisor"}
"""The lab's own programs in Python, which are no pod's."""


def listeners(lab: RunningLab) -> dict[tuple[str, int], str]:
    """Every TCP address that the lab's processes listen at, and which one it is; pods' programs are ``pods``."""
    home, names = str(lab.config.home), {port: name for name, port in lab.config.ports.items()}
    pods = lab.config.local(lab.config.announced(0, 0)).removesuffix(".0.0")
    found = {}
    for process in psutil.process_iter():
        try:
            if home not in " ".join([*process.cmdline(), process.environ().get("POINTSMAN_LAB", "")]):
                continue
            held, words = process.net_connections("tcp"), process.cmdline()
        except psutil.Error:
            continue  # it ended, or it is somebody else's
        for one in held:
            if one.status != psutil.CONN_LISTEN:
                continue
            host, port = one.laddr
            of_a_pod = host.startswith(f"{pods}.") and not OWN & set(words)
            found[host, port] = "pods" if of_a_pod else names.get(port, " ".join(words))
    return found


def heard_by_anybody(name: str, host: str, port: int) -> str:
    """What a caller is told who shows nothing: a status line, or that nobody talks to him."""
    get = b"GET http://x.y/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    if name != "proxy":
        get = get.replace(b"http://x.y", b"/metrics")
    anybody = ssl.create_default_context()
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        raw = socket.create_connection((host, port), timeout=5)
        with raw, raw if name == "proxy" else anybody.wrap_socket(raw) as way:
            way.sendall(get)
            return way.recv(64).decode("latin-1").split("\r\n")[0]
    except (ssl.SSLError, ConnectionError):
        return ""


@pytest.mark.lab
def test_every_listener_is_known_and_asks_who_calls(lab: RunningLab) -> None:
    found = listeners(lab)
    claim = (lab.config.local(lab.config.announced(255, 254)), 19999)
    names = {name for where, name in found.items() if where != claim}
    assert names - {"pods"} == set(LISTENERS), found
    told = {
        name: heard_by_anybody(name, host, port)
        for (host, port), name in found.items()
        if LISTENERS.get(name) == "asks"
    }
    assert {name: said for name, said in told.items() if said and said.split()[1] not in ("401", "403", "407")} == {}


@pytest.mark.lab
def test_the_api_server_shows_one_and_gets_logs(lab: RunningLab) -> None:
    every = "jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name} {end}"
    namespace, name = lab.kubectl("get", "pods", "-A", "-o", every).stdout.split()[0].split("/")
    assert lab.kubectl("logs", name, "-n", namespace, "--tail=1").returncode == 0


def test_a_home_that_a_lock_or_an_open_umask_made_first_is_closed_again(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        home = tmp_path / "labs" / "x"
        descriptor = try_lock(home / "run" / "up.lock")
        assert descriptor is not None
        os.close(descriptor)
        with private(home):
            (home / "inside").mkdir()
            (home / "key").write_text("secret")
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "inside").stat().st_mode) == 0o700
        assert stat.S_IMODE((home / "key").stat().st_mode) == 0o600
    finally:
        os.umask(before)
