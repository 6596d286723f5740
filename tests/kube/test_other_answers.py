"""Answers that no API server gives: login pages, proxies, other programs at the same address."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pointsman.errors import ClusterError, PermanentError, TemporaryError
from pointsman.kube.resources import Ref, kind_of
from tests.cli.program import run
from tests.kube.peer import Peer, client_for

MAP = Ref(kind_of("ConfigMap"), "m", "n")
PAGE = (
    b"<!DOCTYPE html>\n<html>\n<head><title>Sign in\n &amp; go on</title></head>\n<body>"
    + b"x" * 5000
    + b"</body></html>"
)


@contextmanager
def answering(folder: Path, status: int, body: bytes) -> Iterator[Path]:
    """A server with one answer to everything, the next time at once; gives a kubeconfig that points at it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        path = folder / "kubeconfig"
        path.write_text(
            "current-context: x\n"
            "contexts: [{name: x, context: {cluster: x}}]\n"
            f'clusters: [{{name: x, cluster: {{server: "http://127.0.0.1:{server.server_port}"}}}}]\n'
        )
        try:
            yield path
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "body"), [(200, b"hello"), (200, b"{}"), (404, PAGE)])
def test_status_says_that_something_else_answers(tmp_path: Path, status: int, body: bytes) -> None:
    with answering(tmp_path, status, body) as kubeconfig:
        done = run("status", "-o", "json", "--kubeconfig", str(kubeconfig))
    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (2, "cluster-not-kubernetes")
    assert f"context x in {kubeconfig}" in error["where"]
    assert "a login page, a proxy" in error["next"]


@pytest.mark.parametrize(
    ("status", "body", "quoted"),
    [
        (200, b"hello", ": hello"),
        (200, b'{"items": [{"meta', ': {"items": [{"meta'),
        (200, b"{}", ": {}"),
        (200, b"[]", ": []"),
        (200, b"null", ": null"),
        (200, b"", ", and an empty body"),
        (200, b'{"metadata": {}}', ': {"metadata": {}}'),
        (200, b'{"items": 5}', ': {"items": 5}'),
        (200, b'{"items": [5]}', ': {"items": [5]}'),
        (200, b"[" * 100_000, ": " + "[" * 200 + "…"),
        (200, PAGE, ": Sign in & go on"),
        (404, PAGE, ": Sign in & go on"),
    ],
)
async def test_a_list_that_is_none_is_quoted_in_one_line(status: int, body: bytes, quoted: str) -> None:
    async with client_for(Peer([(status, {}, body)])) as client:
        with pytest.raises(PermanentError) as caught:
            await client.list(kind_of("ConfigMap"), "n")
    asked = "GET /api/v1/namespaces/n/configmaps"
    assert caught.value.code == "cluster-not-kubernetes"
    assert caught.value.what == f"{asked} was answered {status} with something that is not Kubernetes{quoted}"


@pytest.mark.parametrize("body", [b"hello", b"{}", b"null"])
async def test_one_object_is_looked_at_as_well(body: bytes) -> None:
    async with client_for(Peer([(200, {}, body)])) as client:
        with pytest.raises(PermanentError) as caught:
            await client.find(MAP)
    assert caught.value.code == "cluster-not-kubernetes"


async def test_a_list_whose_items_are_null_is_empty() -> None:
    async with client_for(Peer([(200, {}, {"metadata": {"resourceVersion": "5"}, "items": None})])) as client:
        assert await client.list(kind_of("ConfigMap")) == []


async def test_an_unserved_kind_is_still_none() -> None:
    async with client_for(Peer([(404, {}, b"404 page not found\n")])) as client:
        assert await client.find(MAP) is None


@pytest.mark.parametrize(
    ("status", "body", "kind", "says"),
    [
        (
            502,
            PAGE,
            TemporaryError,
            "the answer was 502 and a web page, not a reason of the API server: Sign in & go on",
        ),
        (
            403,
            PAGE,
            PermanentError,
            "the answer was 403 and a web page, not a reason of the API server: Sign in & go on",
        ),
        (400, b"no\n\tsuch\x1b[1m thing\n", PermanentError, "no such[1m thing"),
        (400, b"x" * 5000, PermanentError, "x" * 200 + "…"),
        (400, b'{"message": 5}', PermanentError, '{"message": 5}'),
        (400, b"", PermanentError, "the API server answered 400 without a reason"),
    ],
)
async def test_a_refusal_that_is_not_kubernetes_own_is_one_line(
    status: int, body: bytes, kind: type[ClusterError], says: str
) -> None:
    async with client_for(Peer([(status, {"Retry-After": "0"}, body)] * 6)) as client:
        with pytest.raises(kind) as caught:
            await client.get(MAP)
    assert caught.value.what == says
