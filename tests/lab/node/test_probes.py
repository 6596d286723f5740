"""Probes of all four kinds on running pods, and what follows from their answers."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.kube.client import Client
from pointsman.kube.http import Http
from tests.lab.node.pods import Space, first, is_ready, pod

pytestmark = pytest.mark.lab

SERVER = ["python3", "-m", "http.server", "8080", "--bind", "0.0.0.0"]
GRPC_SERVER = """
import asyncio, os, grpc
from grpc_health.v1 import health, health_pb2_grpc, health_pb2
async def main():
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.add_insecure_port(os.environ["POINTSMAN_POD_ADDRESS"] + ":9003")
    await server.start()
    await asyncio.sleep(1)
    await servicer.set("readiness", health_pb2.HealthCheckResponse.SERVING)
    await server.wait_for_termination()
asyncio.run(main())
"""


def server(**probes: Any) -> dict[str, Any]:
    ports = [{"name": "http", "containerPort": 8080}]
    return {"image": "python:3.12", "command": SERVER, "ports": ports, **probes}


@pytest.mark.parametrize(
    "action",
    [{"httpGet": {"path": "/", "port": "http"}}, {"tcpSocket": {"port": 8080}}, {"exec": {"command": ["true"]}}],
    ids=["httpGet", "tcpSocket", "exec"],
)
def test_a_pod_is_ready_when_its_probe_succeeds(space: Space, action: dict[str, Any]) -> None:
    space.apply(pod("served", server(readinessProbe={**action, "periodSeconds": 1})))
    space.until_ready("served")


def test_a_grpc_health_probe_asks_for_its_service(space: Space) -> None:
    probe = {"grpc": {"port": 9003, "service": "readiness"}, "periodSeconds": 1}
    container = {"image": "python:3.12", "command": ["python3", "-c", GRPC_SERVER], "readinessProbe": probe}
    space.apply(pod("health", container))
    space.until_ready("health")
    assert "Unhealthy" in space.reasons("health")


def test_readiness_comes_and_goes_with_its_probe(space: Space) -> None:
    flips = "while true; do touch /v/up; sleep 3; rm /v/up; sleep 3; done"
    probe = {"exec": {"command": ["test", "-f", "/v/up"]}, "periodSeconds": 1, "failureThreshold": 1}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    container = {"command": ["sh", "-c", flips], "readinessProbe": probe, **mount}
    space.apply(pod("flips", container, volumes=[{"name": "v", "emptyDir": {"medium": "Memory"}}]))
    space.until_ready("flips")
    space.until("flips", lambda found: not is_ready(found))
    found = space.until_ready("flips")
    assert first(found)["restartCount"] == 0


def test_a_failed_liveness_probe_restarts_the_container(space: Space) -> None:
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 2}
    space.apply(pod("sick", {"command": ["sleep", "600"], "livenessProbe": probe}))
    found = space.until("sick", lambda found: first(found).get("restartCount", 0) >= 1)
    assert first(found)["lastState"]["terminated"]["exitCode"] == 143
    assert {"Unhealthy", "Killing"} <= space.reasons("sick")


def test_a_startup_probe_holds_the_others_back_and_gives_up_in_the_end(space: Space) -> None:
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 3}
    always = {"exec": {"command": ["true"]}, "periodSeconds": 1}
    container = {"command": ["sleep", "600"], "startupProbe": never, "readinessProbe": always}
    space.apply(pod("slow", container))
    found = space.until("slow", lambda found: first(found).get("restartCount", 0) >= 1)
    assert not is_ready(found)
    assert not first(found)["started"]


async def test_a_port_is_forwarded_with_the_callers_headers(space: Space) -> None:
    space.apply(pod("served", server(readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1})))
    space.until_ready("served")
    async with Client.from_kubeconfig(space.lab.kubeconfig) as client, Http() as http:
        async with client.port_forward(space.name, "served", 8080) as base:
            answer = await http.request("GET", f"{base}/")
            assert answer.status == 200
            again = await http.request("GET", f"{base}/nothing")
            assert again.status == 404
        proxied = await client.proxy_get(space.name, "served", 8080, "/")
        assert proxied.status == 200


def test_exec_is_refused_with_a_sentence(space: Space) -> None:
    space.apply(pod("one", {"command": ["sleep", "600"]}))
    space.until_ready("one")
    done = space.lab.kubectl("-n", space.name, "exec", "one", "--", "true", check=False)
    assert done.returncode != 0
