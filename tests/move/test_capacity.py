"""Room for pods, as the scheduler would count it."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.kube.quantity import milli, quantity, whole
from pointsman.layers.needs import GPU, PodNeed, Requests, requests_of
from pointsman.move.plan.capacity import Room, room_from

ACCELERATED = [{"key": "gpu", "operator": "Exists"}]
TAINT = {"key": "gpu", "value": "true", "effect": "NoSchedule"}


def node(name: str, gpus: int, *, ready: bool = True, **spec: Any) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    allocatable = {GPU: str(gpus), "cpu": "8", "memory": "32Gi", "pods": "10"}
    labels = spec.pop("labels", {})
    status = {"allocatable": allocatable, "conditions": conditions}
    return {"metadata": {"name": name, "labels": labels}, "spec": spec, "status": status}


def pod(where: str, gpus: int, phase: str = "Running", **asks: str) -> dict[str, Any]:
    container = {"resources": {"limits": {GPU: str(gpus), **asks}}}
    spec = {"nodeName": where, "containers": [container]}
    return {"metadata": {"uid": f"{where}{gpus}{phase}"}, "spec": spec, "status": {"phase": phase}}


def need(gpus: int, memory: int = 0, **more: Any) -> PodNeed:
    return PodNeed("serve", Requests(0, memory, gpus), **more)


def test_what_pods_asked_for_is_not_free() -> None:
    room = room_from([node("a", 4)], [pod("a", 3)])
    assert (room.available, room.total) == (1, 4)
    assert room.fits([need(1)])
    assert not room.fits([need(2)])


def test_two_accelerators_on_two_nodes_do_not_hold_a_pod_that_needs_two() -> None:
    room = room_from([node("a", 1), node("b", 1)], [])
    assert room.fits([need(1), need(1)])
    assert not room.fits([need(2)])


def test_small_pods_do_not_break_up_the_room_of_a_large_one() -> None:
    room = room_from([node("a", 2), node("b", 1)], [])
    assert room.fits([need(1), need(2)])


def test_a_pod_that_ended_holds_nothing() -> None:
    assert room_from([node("a", 1)], [pod("a", 1, "Succeeded")]).fits([need(1)])


def test_a_pending_pod_comes_first_unless_no_node_can_take_it() -> None:
    assert not room_from([node("a", 1)], [pod("", 1, "Pending")]).fits([need(1)])
    assert room_from([node("a", 1)], [pod("", 2, "Pending")]).fits([need(1)])


def test_nodes_that_take_no_pods_do_not_count() -> None:
    assert room_from([node("a", 4, ready=False), node("b", 4, unschedulable=True)], []).total == 0


def test_a_taint_keeps_pods_out_that_do_not_tolerate_it() -> None:
    room = room_from([node("a", 4, taints=[TAINT])], [])
    assert room.missing([need(1)]) == "1 of 1 serve pods find no node (1 has the taint gpu=true:NoSchedule)"
    assert room.fits([need(1, tolerations=ACCELERATED)])
    assert room.fits([need(1, tolerations=[{"key": "gpu", "operator": "Equal", "value": "true"}])])
    assert not room.fits([need(1, tolerations=[{"key": "gpu", "operator": "Equal", "value": "no"}])])


def test_a_node_selector_is_honoured() -> None:
    room = room_from([node("a", 4, labels={"kind": "l4"}), node("b", 0, labels={"kind": "h100"})], [])
    assert room.fits([need(1, node_selector={"kind": "l4"})])
    assert not room.fits([need(1, node_selector={"kind": "h100"})])


def test_memory_can_be_short_while_accelerators_are_free() -> None:
    room = room_from([node("a", 4)], [pod("a", 1, memory="30Gi")])
    assert "has 2Gi of 32Gi memory free" in room.missing([need(1, memory=4 * 2**30)])


def test_a_node_that_is_full_of_pods_takes_no_more() -> None:
    room = room_from([node("a", 4)], [pod("a", 0)] * 10)
    assert "takes no more pods" in room.missing([need(0)])


def test_pods_that_go_give_their_room_back() -> None:
    held = pod("a", 1)
    room: Room = room_from([node("a", 1)], [held])
    assert not room.fits([need(1)])
    assert room.without([held]).fits([need(1)])


def test_the_hungriest_moment_of_a_start_is_what_is_reserved() -> None:
    def asks(cpu: str, **more: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    spec = {"initContainers": [asks("1", restartPolicy="Always"), asks("3")], "containers": [asks("2")]}
    assert requests_of(spec).cpu == 4000
    assert requests_of({"containers": [{"resources": {"limits": {"cpu": "1"}}}]}).cpu == 1000


@pytest.mark.parametrize(
    ("text", "thousandths", "number"),
    [
        ("500m", 500, 1),
        ("2", 2000, 2),
        ("1.5", 1500, 2),
        ("1e3", 1000000, 1000),
        ("1Ki", 1024000, 1024),
        ("100u", 1, 1),
    ],
)
def test_quantities_are_read_as_the_api_server_writes_them(text: str, thousandths: int, number: int) -> None:
    assert (milli(text), whole(text)) == (thousandths, number)


def test_what_is_no_quantity_is_said() -> None:
    with pytest.raises(ValueError, match="is no quantity"):
        quantity("4 GiB")
