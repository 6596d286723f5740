"""Room for the target, as the scheduler would count it."""

from __future__ import annotations

from typing import Any

from pointsman.move.capacity import GPU, room_from


def node(name: str, gpus: int, *, ready: bool = True, cordoned: bool = False) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    status = {"allocatable": {GPU: str(gpus)}, "conditions": conditions}
    return {"metadata": {"name": name}, "spec": {"unschedulable": cordoned}, "status": status}


def pod(where: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    container = {"resources": {"limits": {GPU: str(gpus)}}}
    return {"spec": {"nodeName": where, "containers": [container]}, "status": {"phase": phase}}


def test_what_pods_asked_for_is_not_free() -> None:
    assert room_from([node("a", 4)], [pod("a", 3)]).available == 1


def test_two_accelerators_on_two_nodes_do_not_hold_a_pod_that_needs_two() -> None:
    room = room_from([node("a", 1), node("b", 1)], [])
    assert room.fits(2, 1)
    assert not room.fits(1, 2)


def test_a_pod_that_ended_holds_nothing() -> None:
    assert room_from([node("a", 1)], [pod("a", 1, "Succeeded")]).fits(1, 1)


def test_a_pending_pod_comes_first() -> None:
    assert not room_from([node("a", 1)], [pod("", 1, "Pending")]).fits(1, 1)


def test_nodes_that_take_no_pods_do_not_count() -> None:
    assert room_from([node("a", 4, ready=False), node("b", 4, cordoned=True)], []).total == 0
