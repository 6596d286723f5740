"""The pods of the tenants' edge: alone, stopped at once, drained together, not rolled. On the real LiteLLM proxy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.gitops.ground import until
from tests.traps.gateway import Edge
from tests.traps.manifests import Manifest, entry
from tests.traps.tenants import Asking
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab


def config(edge: Edge, *aliases: str) -> str:
    """These aliases, all on one engine."""
    base = edge.space.base("alpha")
    return "model_list:\n" + "".join(entry(one, base, "api_key: none", f"id: {one}") for one in aliases or ("chat",))


def written(edge: Edge, kind: str, *more: Manifest, replicas: int = 1, sleep: int = 0) -> Path:
    """A file with an edge of so many replicas, whose preStop sleeps so long."""
    objects = edge.objects(config(edge))
    spec = objects[1]["spec"]
    spec["replicas"] = replicas
    if sleep:
        pod = spec["template"]["spec"]
        pod["containers"][0]["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", str(sleep)]}}}
        pod["terminationGracePeriodSeconds"] = sleep + 30
    return edge.write(kind, *objects, *more)


def lost_node(edge: Edge, ask: Asking) -> int:
    """One replica is gone at once, as with its node; requests until the edge answers again, or 5 that were answered."""
    name = edge.space.pods(edge.name)[0]["metadata"]["name"]
    edge.space.lab.kubectl("delete", "pod", name, "-n", edge.space.name, "--grace-period=0", "--force", "--wait=false")
    lost = 0
    for _ in range(5):
        while ask("chat").lost:
            lost += 1
            assert lost < 5000
    return lost


@pytest.mark.bites("LiteLLM: one replica is one node away from an outage of every alias", "PM522")
def test_while_the_only_replica_is_replaced_every_alias_is_down(trap: Trap, edge: Edge) -> None:
    file = written(edge, "trap")
    assert trap.lint(file)
    lost = lost_node(edge, edge.run(file))
    assert lost > 0
    trap.bit(f"its pod was lost: {lost} requests in a row failed until the next one answered; with two replicas, none")
    mended = written(edge, "mended", replicas=2)
    assert lost_node(edge, edge.run(mended)) == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: without preStop a replica refuses who still has its address", "PM523")
def test_a_replica_without_pre_stop_refuses_at_once(trap: Trap, edge: Edge) -> None:
    def refused(file: Path) -> int:
        edge.run(file)
        pod = edge.space.pods(edge.name)[0]
        ask = Asking(edge.space.lab, f"http://{pod['status']['podIP']}:4000", edge.asking().key)
        assert ask("chat").lost == 0
        edge.space.stop(pod)
        return sum(ask("chat").lost for _ in range(10))

    file = written(edge, "trap")
    assert trap.lint(file)
    lost = refused(file)
    assert lost > 0
    trap.bit(f"after its pod was told to go, {lost} of 10 requests to its address failed; with a preStop of 10 s, none")
    mended = written(edge, "mended", sleep=10)
    assert refused(mended) == 0
    trap.sound(mended)


@pytest.mark.bites("LiteLLM: without a PodDisruptionBudget drains take all replicas at once", "PM524")
def test_evictions_take_all_replicas_of_an_edge_without_a_budget(trap: Trap, edge: Edge) -> None:
    def evicted() -> list[bool]:
        return [evict(edge, one["metadata"]["name"]) for one in edge.space.pods(edge.name)]

    file = written(edge, "trap", replicas=2)
    assert trap.lint(file)
    edge.run(file)
    assert evicted() == [True, True]
    trap.bit(
        "two evictions one after another, as of two drains, were both granted; with a budget the second was refused"
    )
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": edge.name}}}
    metadata = {"name": edge.name, "namespace": edge.space.name}
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": spec}
    mended = written(edge, "mended", budget, replicas=2)
    edge.run(mended)
    try:
        until(lambda: allowed(edge) == 1)
        assert evicted() == [True, False]
    finally:
        edge.space.delete(f"poddisruptionbudget/{edge.name}")
    trap.sound(mended)


def allowed(edge: Edge) -> int:
    """Evictions that the budget grants now."""
    words = ("get", "poddisruptionbudget", edge.name, "-n", edge.space.name, "-o", "json")
    return int(json.loads(edge.space.lab.kubectl(*words).stdout)["status"].get("disruptionsAllowed", 0))


def evict(edge: Edge, pod: str) -> bool:
    """As ``kubectl drain`` asks; was it granted?"""
    namespace = edge.space.name
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace}}
    path = f"/api/v1/namespaces/{namespace}/pods/{pod}/eviction"
    done = edge.space.lab.kubectl("create", "--raw", path, "-f", "-", given=json.dumps(body), check=False)
    assert done.returncode == 0 or "disruption budget" in done.stderr, done.stderr
    return done.returncode == 0


def before_and_after(edge: Edge, kind: str, where: str) -> list[Path]:
    """A platform, and the same with one alias more; ``where`` the checksum of the configuration stands."""
    made = []
    for aliases in (("chat",), ("chat", "new")):
        objects = edge.objects(config(edge, *aliases))
        if where != "pods":
            told = objects[1]["spec"]["template"]["metadata"].pop("annotations")
            objects[1]["metadata"]["annotations"] = told if where == "deployment" else {}
        made.append(edge.write(f"{kind}-{len(aliases)}", *objects))
    return made


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(
            "nowhere", marks=pytest.mark.bites("LiteLLM: its ConfigMap changed, and its pods not rolled", "PM525")
        ),
        pytest.param(
            "deployment",
            marks=pytest.mark.bites(
                "LiteLLM: a checksum on its Deployment, and not on its pods, rolls nothing", "PM525"
            ),
        ),
    ],
)
def test_a_changed_configuration_is_not_read_until_the_pods_roll(trap: Trap, edge: Edge, where: str) -> None:
    before, after = before_and_after(edge, "trap", where)
    assert trap.lint(after)
    edge.run(before)
    ask = edge.run(after)
    assert ask("new").statuses == {400: 1}
    assert ask("chat").lost == 0
    trap.bit("an alias was added and applied, and requests for it were refused with 400: the pods had the old file")
    before, after = before_and_after(edge, "mended", "pods")
    edge.run(before)
    assert edge.run(after)("new").lost == 0
    trap.sound(after)
