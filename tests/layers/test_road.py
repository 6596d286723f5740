"""The way tenants come to a layer, read out of its address: that is what is asked before tenants are sent there."""

from __future__ import annotations

import pytest

from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Endpoint
from pointsman.layers.registry import LAYERS
from tests.layers.models import PREFILL, changed, example

OWN = Ref(kind_of("Service"), "qwen", "serving")


@pytest.mark.parametrize("layer", LAYERS, ids=[one.id for one in LAYERS])
def test_without_an_address_of_its_own_a_layer_is_asked_by_its_service(layer: object) -> None:
    for model in (example(), changed(PREFILL)):
        point = layer.endpoint(model)  # type: ignore[attr-defined]
        assert point.road == (point.service, point.port, point.path)


@pytest.mark.parametrize(
    ("address", "road"),
    [
        ("http://gateway.inference.svc.cluster.local/v1", ("gateway", "inference", 80, "")),
        ("https://gateway.inference.svc:8443/team/v1", ("gateway", "inference", 8443, "/team")),
        ("http://gateway.inference:8080/v1", ("gateway", "inference", 8080, "")),
    ],
)
def test_a_shared_gateway_is_asked_where_tenants_come_through_one(
    address: str, road: tuple[str, str, int, str]
) -> None:
    name, namespace, port, path = road
    assert Endpoint(address, OWN, 8000, "").road == (Ref(OWN.kind, name, namespace), port, path)


@pytest.mark.parametrize("address", ["https://llm.example.com/v1", "http://localhost:8000/v1", "http://10.0.0.1/v1"])
def test_an_address_out_of_the_cluster_is_no_service_of_it(address: str) -> None:
    assert Endpoint(address, OWN, 8000, "").road is None
