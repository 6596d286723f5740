"""A patch that is sent once: every answer is told apart from none, and nothing is said twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from multidict import CIMultiDict

from pointsman.errors import ConflictError, NotFoundError, PermanentError, TemporaryError
from pointsman.kube.http import Response
from pointsman.kube.once import UnheardError, patch_once
from pointsman.kube.resources import Ref, kind_of

REF = Ref(kind_of("Deployment"), "raw-vllm", "serving")


@dataclass
class Server:
    """Answers every call in the same way."""

    status: int = 200
    body: Any = field(default_factory=lambda: {"metadata": {"name": "raw-vllm"}})
    headers: Mapping[str, str] = field(default_factory=dict)
    calls: list[tuple[str, str, Any, Any]] = field(default_factory=list)

    async def http(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> Response:
        self.calls.append((method, path, params, headers))
        if self.status == 0:
            raise TemporaryError("no answer in time")
        return Response(self.status, CIMultiDict(self.headers), json.dumps(self.body).encode())


async def test_what_was_written_is_what_the_server_says() -> None:
    server = Server()
    assert (await patch_once(server, REF, {}, "pointsman"))["metadata"]["name"] == "raw-vllm"
    (call,) = server.calls
    assert call[:2] == ("PATCH", "/apis/apps/v1/namespaces/serving/deployments/raw-vllm")
    assert call[2:] == ({"fieldManager": "pointsman"}, {"Content-Type": "application/merge-patch+json"})


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (0, {}, UnheardError),
        (500, {}, UnheardError),
        (502, {}, UnheardError),
        (503, {}, UnheardError),
        (504, {}, UnheardError),
        (302, {}, UnheardError),
        (503, {"Retry-After": "1"}, TemporaryError),
        (429, {}, TemporaryError),
        (409, {}, ConflictError),
        (404, {}, NotFoundError),
        (403, {}, PermanentError),
    ],
)
async def test_an_answer_is_told_apart_from_none(status: int, headers: dict[str, str], error: type[Exception]) -> None:
    server = Server(status, {"kind": "Status", "message": "no"}, headers)
    with pytest.raises(error) as told:
        await patch_once(server, REF, {}, "pointsman")
    assert type(told.value) is error
    assert len(server.calls) == 1


async def test_a_page_in_the_place_of_an_answer_leaves_it_open() -> None:
    with pytest.raises(UnheardError):
        await patch_once(Server(200, "a page"), REF, {}, "pointsman")
