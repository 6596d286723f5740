"""Rolls of the edge: what forbids one, what it costs, and the patch that mends it."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest

from pointsman.edge.roll_counts import Rolling, rolling
from pointsman.edge.roll_gaps import Around, Gap, gaps

PROBE = {"httpGet": {"path": "/health/readiness", "port": 4000}}
HOOK = {"preStop": {"exec": {"command": ["sleep", "15"]}}}


def deployment(
    pod: dict[str, Any] | None = None, container: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    server = {
        "name": "litellm",
        "ports": [{"containerPort": 4000}],
        "readinessProbe": PROBE,
        "lifecycle": HOOK,
        "volumeMounts": [{"name": "config"}],
        **(container or {}),
    }
    inside = {
        "terminationGracePeriodSeconds": 330,
        "volumes": [{"name": "config", "configMap": {"name": "litellm-config"}}],
        "containers": [{"name": "proxy"}, {key: value for key, value in server.items() if value is not None}],
        **(pod or {}),
    }
    template = {"metadata": {"labels": {"app": "litellm"}}, "spec": inside}
    return {"metadata": {"name": "litellm", "namespace": "llm-gateway"}, "spec": {"template": template, **spec}}


def strategy(surge: Any = None, unavailable: Any = None) -> dict[str, Any]:
    said = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": {key: value for key, value in said.items() if value is not None}}


def judged(found: dict[str, Any], **around: Any) -> list[Gap]:
    return gaps(found, Around("litellm-config", **around))


def refused(found: dict[str, Any], **around: Any) -> Gap:
    (only,) = [one for one in judged(found, **around) if one.refuse]
    return only


@pytest.mark.parametrize(
    ("replicas", "surge", "unavailable", "expected"),
    [
        (1, None, None, (1, 0)),
        (4, None, None, (1, 1)),
        (3, "50%", "50%", (2, 1)),
        (2, 0, "40%", (0, 1)),
        (1, 0, "25%", (0, 1)),
        (2, 1, "100%", (1, 2)),
        (2, 0, 5, (0, 2)),
    ],
)
def test_counts_are_resolved_as_kubernetes_does(
    replicas: int, surge: Any, unavailable: Any, expected: tuple[int, int]
) -> None:
    found = deployment(replicas=replicas, strategy=strategy(surge, unavailable))
    assert rolling(found) == Rolling(replicas, *expected)


def test_the_example_edge_has_nothing_to_mend() -> None:
    (only,) = judged(deployment(replicas=1, strategy=strategy(1, 0)))
    assert not only.refuse
    assert not only.warn
    assert only.what.startswith("one replica: ")


@pytest.mark.parametrize(
    ("replicas", "said", "named"),
    [
        (2, strategy(1, "100%"), "all 2 replicas"),
        (1, strategy(0, "25%"), "its one replica"),
        (1, strategy(1, 1), "one"),
    ],
)
def test_a_roll_that_may_end_all_of_them_is_refused_and_its_patch_mends_it(
    replicas: int, said: dict[str, Any], named: str
) -> None:
    found = deployment(replicas=replicas, strategy=said)
    gap = refused(found)
    assert named in gap.what
    assert "kubectl patch deployment litellm -n llm-gateway" in gap.next_action
    patch = json.loads(re.findall(r"-p '(.*?)'", gap.next_action)[0])
    found["spec"]["strategy"]["rollingUpdate"] |= patch["spec"]["strategy"]["rollingUpdate"]
    assert not [one for one in judged(found) if one.refuse]


def test_fewer_replicas_during_a_roll_are_told() -> None:
    found = judged(deployment(replicas=3, strategy=strategy(0, 1)))
    assert [one.what for one in found] == ["during a roll 2 of 3 replicas carry all tenants"]


def test_a_paused_deployment_never_rolls() -> None:
    gap = refused(deployment(replicas=2, paused=True))
    assert gap.next_action == "kubectl rollout resume deployment/litellm -n llm-gateway"


def test_a_container_that_is_ready_before_it_listens_is_refused() -> None:
    gap = refused(deployment(container={"readinessProbe": None}))
    assert "container litellm has no readinessProbe" in gap.what
    assert '"path":"/health/readiness","port":4000' in gap.next_action
    assert not [
        one for one in judged(deployment(container={"readinessProbe": None, "startupProbe": PROBE})) if one.refuse
    ]


def test_a_service_that_publishes_what_is_not_ready_is_refused() -> None:
    service = {"metadata": {"name": "litellm", "namespace": "llm-gateway"}, "spec": {"publishNotReadyAddresses": True}}
    assert "publishNotReadyAddresses" in refused(deployment(), service=service).what


@pytest.mark.parametrize(
    ("rate", "said"), [(None, "what arrives then"), (12.34, "about 12.3 requests for each second")]
)
def test_an_edge_without_a_hook_is_warned_with_what_is_at_stake(rate: float | None, said: str) -> None:
    found = judged(
        deployment(container={"lifecycle": None}, pod={"terminationGracePeriodSeconds": 60}), per_second=rate
    )
    (warning,) = [one for one in found if one.warn]
    assert "no preStop" in warning.what
    assert said in warning.what
    patch = json.loads(re.findall(r"-p '(.*?)'", warning.next_action)[0])
    pod = patch["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 330
    assert pod["containers"] == [{"name": "litellm", "lifecycle": HOOK}]


@pytest.mark.parametrize(
    ("hook", "grace", "left"),
    [
        (HOOK, 30, "15 s"),
        ({"preStop": {"sleep": {"seconds": 20}}}, 30, "10 s"),
        ({"preStop": {"exec": {"command": ["sh", "-c", "sleep 60; true"]}}}, 45, "0 s"),
        ({"preStop": {"httpGet": {"path": "/drain", "port": 4000}}}, 30, "30 s"),
    ],
)
def test_streams_that_a_roll_cuts_are_warned_of_in_seconds(hook: dict[str, Any], grace: int, left: str) -> None:
    found = judged(deployment(container={"lifecycle": hook}, pod={"terminationGracePeriodSeconds": grace}))
    (warning,) = [one for one in found if one.warn]
    assert f"takes more than {left} after" in warning.what


def test_an_hour_of_min_ready_seconds_outlasts_the_move() -> None:
    found = deployment(replicas=3, minReadySeconds=120, strategy=strategy(1, 0))
    gap = refused(found, roll_timeout=300.0)
    assert "a roll takes 360 s or more" in gap.what
    assert gap.next_action == "--roll-timeout 480"
    assert not [one for one in judged(found, roll_timeout=400.0) if one.refuse]


ANTI = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "litellm"}}}
            ]
        }
    }
}


@pytest.mark.parametrize("pod", [{"hostNetwork": True}, ANTI], ids=["hostNetwork", "anti-affinity"])
def test_replicas_that_need_a_node_each_are_refused_when_there_is_none_left(pod: dict[str, Any]) -> None:
    found = deployment(pod, replicas=2, strategy=strategy(1, 0))
    assert "needs a node of its own" in refused(found, nodes=2).what
    assert [one.warn for one in judged(found, nodes=3)] == [True, False]
    found["spec"]["strategy"] = strategy(0, 1)
    assert not [one for one in judged(found, nodes=2) if one.refuse or one.warn]


def test_a_host_port_is_seen_too() -> None:
    found = deployment(container={"ports": [{"containerPort": 4000, "hostPort": 80}]}, strategy=strategy(1, 0))
    assert "hostPort 80" in refused(found, nodes=1).what


def test_a_volume_for_one_pod_at_a_time_forbids_a_second_replica() -> None:
    claim = {
        "metadata": {"name": "state", "namespace": "llm-gateway"},
        "spec": {"accessModes": ["ReadWriteOncePod"]},
    }
    found = deployment(replicas=1, strategy=strategy(1, 0))
    assert "ReadWriteOncePod" in refused(found, claims=[claim]).what
    claim["spec"] = {"accessModes": ["ReadWriteOnce"]}
    (warning,) = [one for one in judged(found, claims=[claim]) if one.warn]
    assert "to the node of the old one" in warning.what


def test_a_budget_does_not_hold_up_a_roll_and_is_told() -> None:
    budget: dict[str, Any] = {
        "metadata": {"name": "litellm", "namespace": "llm-gateway"},
        "spec": {"selector": {"matchLabels": {"app": "litellm"}}, "maxUnavailable": 0},
        "status": {"disruptionsAllowed": 0},
    }
    found = judged(deployment(), budgets=[budget])
    assert "does not hold up rolls" in found[0].what
    assert not found[0].refuse
    other = copy.deepcopy(budget)
    other["spec"]["selector"]["matchLabels"] = {"app": "other"}
    assert len(judged(deployment(), budgets=[other])) == len(found) - 1
