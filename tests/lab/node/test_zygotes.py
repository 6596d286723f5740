"""LiteLLM is loaded once; later containers with its environment are forked from what the first one left behind."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from tests.lab.node.pods import Object, Space, pod

pytestmark = pytest.mark.lab

SECONDS = 120.0
"""Loading LiteLLM takes seconds of a core that others may want."""


def proxy(name: str, port: int) -> Object:
    """A pod whose LiteLLM listens on a port of its own."""
    return pod(
        name,
        {
            "image": "ghcr.io/berriai/litellm:v1",
            "args": ["--port", str(port)],
            "env": [{"name": "LITELLM_MASTER_KEY", "value": "sk-0123456789abcdef0123456789abcdef"}],
            "readinessProbe": {"httpGet": {"path": "/health/liveliness", "port": port}, "periodSeconds": 1},
        },
        terminationGracePeriodSeconds=10,
    )


def proxies(space: Space) -> Iterator[psutil.Process]:
    """All processes of the lab's node that stem from a start of LiteLLM."""
    words = ["-m", "pointsman.lab.node", str(space.lab.config.home)]
    node = next(one for one in psutil.process_iter(["cmdline"]) if (one.info["cmdline"] or [])[1:] == words)
    return (one for one in node.children() if "pointsman.lab.node.zygote" in one.cmdline())


def process_of(space: Space, found: Object) -> psutil.Process:
    """The process that listens at the pod's port."""
    address = space.lab.config.local(found["status"]["podIP"])
    port = int(found["spec"]["containers"][0]["args"][1])
    return next(one for one in proxies(space) if (address, port) in listens(one))


def listens(process: psutil.Process) -> set[tuple[str, int]]:
    return {(one.laddr.ip, one.laddr.port) for one in process.net_connections("tcp") if one.status == "LISTEN"}


def test_a_later_litellm_is_forked_from_the_first_and_is_a_container_of_its_own(space: Space) -> None:
    space.apply(proxy("one", 4001))
    first = process_of(space, space.until_ready("one", SECONDS))
    words, before = first.cmdline(), {one.pid for one in proxies(space)}
    space.apply(proxy("two", 4002))
    second = process_of(space, space.until_ready("two", SECONDS))
    assert second.cmdline() == words, "it was started, not forked"
    assert second.cwd() != first.cwd()
    assert "Uvicorn running on" in space.until_logged("two", ":4002 (Press CTRL+C to quit)", seconds=SECONDS)

    # The first one goes, and neither its child nor what it left behind goes with it.
    space.kubectl("delete", "pod", "one")
    assert not first.is_running()
    assert second.is_running()
    space.apply(proxy("three", 4003))
    assert process_of(space, space.until_ready("three", SECONDS)).cmdline() == words

    # It ends like any container: SIGTERM, its own exit code, nothing left.
    space.kubectl("delete", "pod", "three", "two")
    assert not second.is_running()

    # Without it the next one loads for itself.
    left = [one for one in proxies(space) if one.pid in before and one.cmdline() == words]
    assert len(left) == 1
    left[0].kill()
    space.apply(proxy("four", 4004))
    assert "4004" in process_of(space, space.until_ready("four", SECONDS)).cmdline()
