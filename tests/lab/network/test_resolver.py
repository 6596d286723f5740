from __future__ import annotations

import pytest

from pointsman.lab.network.resolver import Resolver, UnreachableError
from pointsman.lab.network.store import Store
from tests.lab.network.world import OCTET, endpoint_slice, service


@pytest.fixture
def store() -> Store:
    made = Store()
    made.put("Namespace", {"metadata": {"name": "ns"}})
    return made


@pytest.fixture
def resolver(store: Store) -> Resolver:
    return Resolver(store, octet=OCTET, gateway_port=20080, api_server_port=6443)


@pytest.mark.parametrize(
    "name", ["web.ns", "web.ns.svc", "web.ns.svc.cluster.local", "web.ns.svc.cluster.local.", "WEB.ns", "10.96.0.9"]
)
def test_every_form_of_a_service_name_leads_to_its_endpoint(store: Store, resolver: Resolver, name: str) -> None:
    store.put("Service", service("web"))
    store.put("EndpointSlice", endpoint_slice("web", [("10.99.0.5", True)], 8000))
    target = resolver.resolve(name, 80)
    assert (target.host, target.port) == ("127.99.0.5", 8000)


def test_ready_endpoints_take_turns_and_others_are_left_out(store: Store, resolver: Resolver) -> None:
    store.put("Service", service("web"))
    endpoints = [("10.99.0.5", True), ("10.99.0.6", False), ("10.99.0.7", True)]
    store.put("EndpointSlice", endpoint_slice("web", endpoints, 8000))
    hosts = [resolver.resolve("web.ns", 80).host for _ in range(4)]
    assert hosts == ["127.99.0.5", "127.99.0.7"] * 2


def test_an_endpoint_that_left_is_not_used_again(store: Store, resolver: Resolver) -> None:
    store.put("Service", service("web"))
    store.put("EndpointSlice", endpoint_slice("web", [("10.99.0.5", True), ("10.99.0.6", True)], 8000))
    resolver.resolve("web.ns", 80)
    store.put("EndpointSlice", endpoint_slice("web", [("10.99.0.6", True)], 8000))
    assert {resolver.resolve("web.ns", 80).host for _ in range(4)} == {"127.99.0.6"}


def test_a_deleted_slice_takes_its_endpoints_along(store: Store, resolver: Resolver) -> None:
    store.put("Service", service("web"))
    store.put("EndpointSlice", endpoint_slice("web", [("10.99.0.5", True)], 8000))
    store.put("EndpointSlice", endpoint_slice("web", [("10.99.0.6", True)], 8000, suffix="b"))
    store.drop("EndpointSlice", ("ns", "web-a"))
    assert {resolver.resolve("web.ns", 80).host for _ in range(3)} == {"127.99.0.6"}


def test_ports_are_those_of_the_slice_by_name(store: Store, resolver: Resolver) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "metrics", "port": 9000}]
    store.put("Service", service("web", ports=ports))
    item = endpoint_slice("web", [("10.99.0.5", True)], 8000)
    item["ports"].append({"name": "metrics", "port": 9100})
    store.put("EndpointSlice", item)
    assert [resolver.resolve("web.ns", port).port for port in (80, 9000)] == [8000, 9100]


def test_a_headless_name_keeps_the_callers_port(store: Store, resolver: Resolver) -> None:
    store.put("Service", service("web", clusterIP="None"))
    store.put("EndpointSlice", endpoint_slice("web", [("10.99.0.5", True)], 8000))
    target = resolver.resolve("web.ns.svc.cluster.local", 7777)
    assert (target.host, target.port) == ("127.99.0.5", 7777)


def test_pod_addresses_are_translated_and_loopback_is_left_alone(resolver: Resolver) -> None:
    assert resolver.resolve("10.99.3.4", 8001).host == "127.99.3.4"
    assert resolver.resolve("127.0.0.1", 5000).host == "127.0.0.1"
    assert resolver.resolve("localhost", 5000).host == "127.0.0.1"


def test_the_api_server_has_its_cluster_name(store: Store, resolver: Resolver) -> None:
    store.put("Namespace", {"metadata": {"name": "default"}})
    store.put("Service", service("kubernetes", "default", 443))
    assert resolver.resolve("kubernetes.default.svc", 443).port == 6443


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("nobody.ns", 502, "no Service ns/nobody"),
        ("nobody.nowhere.svc", 502, "no Service nowhere/nobody"),
        ("nobody", 502, "unknown name nobody"),
        ("huggingface.co", 502, "no route out of the lab"),
        ("www.example.com", 502, "no route out of the lab"),
        ("8.8.8.8", 502, "no route out of the lab"),
        ("empty.ns", 503, "no ready endpoint"),
    ],
)
def test_refusals_say_what_is_wrong(store: Store, resolver: Resolver, name: str, status: int, words: str) -> None:
    store.put("Service", service("empty"))
    with pytest.raises(UnreachableError) as caught:
        resolver.resolve(name, 80)
    assert caught.value.status == status
    assert words in caught.value.what


def test_a_port_the_service_does_not_have_is_refused(store: Store, resolver: Resolver) -> None:
    store.put("Service", service("web"))
    with pytest.raises(UnreachableError, match="no port 81"):
        resolver.resolve("web.ns", 81)


def test_a_deleted_services_address_is_unknown(store: Store, resolver: Resolver) -> None:
    store.put("Service", service("web"))
    store.drop("Service", ("ns", "web"))
    with pytest.raises(UnreachableError, match="no route out"):
        resolver.resolve("10.96.0.9", 80)
