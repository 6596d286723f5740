"""``pointsman audit``: what nobody uses is found with its money and its end, and what somebody uses is not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.audit.audit import Means, audit
from pointsman.edge.contract import AliasState
from pointsman.errors import PointsmanError
from pointsman.layers.registry import layer
from pointsman.move.records import remember
from pointsman.spec.model import Model
from tests.cost.paid import (
    L4,
    MODEL,
    PRICES,
    PaidCluster,
    balancer,
    claim,
    engine_pod,
    node,
    pod,
    said,
    tenants,
    told,
    volume,
)
from tests.move.test_kill_everywhere import Died
from tests.root.cluster import application, deployment
from tests.world.cluster import Write
from tests.world.layers import LAYERS
from tests.world.world import World, quick

GPU = "nvidia.com/gpu"
KSERVE, RAW = layer("kserve").namespace(MODEL), layer("raw-vllm").namespace(MODEL)
Object = dict[str, Any]


def healthy(*more: Object, shares: dict[str, int] | None = None) -> PaidCluster:
    """A model that serves on a full node, its other layer parked with a claim, an edge behind a load balancer."""
    return PaidCluster.of_things(
        node("gpu-a", {GPU: 2}, L4),
        engine_pod("qwen-0", "gpu-a", 2),
        claim("qwen-cache", "20Gi", "standard", KSERVE),
        balancer("litellm", namespace="llm-gateway", app="litellm"),
        pod("litellm-0", "cpu-1", namespace="llm-gateway", labels={"app": "litellm"}),
        node("cpu-1"),
        *layer("raw-vllm").render(MODEL),
        application("raw-vllm", holds=layer("raw-vllm").render(MODEL)),
        *tenants(shares or {"raw-vllm": 100}),
        *more,
    )


def prices(folder: Path) -> str:
    path = folder / "prices.yaml"
    path.write_text(PRICES.format(date=(datetime.now(UTC).date() - timedelta(days=1)).isoformat()))
    return str(path)


def found(cluster: PaidCluster, folder: Path, code: int = 1) -> list[Object]:
    listed: list[Object] = said(cluster, folder, "audit", "--prices", prices(folder), code=code)["findings"]
    return listed


def only(cluster: PaidCluster, folder: Path) -> Object:
    (one,) = found(cluster, folder)
    return one


def ago(**passed: float) -> str:
    return (datetime.now(UTC) - timedelta(**passed)).isoformat(timespec="seconds").replace("+00:00", "Z")


def dying(one: Object, *finalizers: str, **passed: float) -> Object:
    metadata = one["metadata"] | {"deletionTimestamp": ago(**passed), "finalizers": list(finalizers)}
    return one | {"metadata": metadata}


def test_where_nothing_is_left_behind_that_is_said_and_what_parks_is_not_found(tmp_path: Path) -> None:
    done = told(healthy(), tmp_path, "audit")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0] == "nothing is paid for that nobody uses"
    assert "  - disks, snapshots and addresses that no object of the cluster names any more" in done.stdout


def test_the_sum_of_what_is_found_is_the_least_where_not_all_could_be_looked_at(tmp_path: Path) -> None:
    cluster = healthy(claim("old", "730Gi", "fast", "others"))
    cluster.refused["services"] = 403
    done = told(cluster, tmp_path, "audit", "--prices", prices(tmp_path))
    assert done.stdout.splitlines()[0].startswith("1 thing found: ≥ 0.1700/h, ≥ 124.10/month")


def test_a_claim_of_nobody_is_found_with_its_money_and_its_end(tmp_path: Path) -> None:
    one = only(healthy(claim("old", "730Gi", "fast", "others")), tmp_path)
    assert (one["kind"], one["name"], one["end"]) == (
        "volume",
        "PersistentVolumeClaim others/old",
        "kubectl -n others delete persistentvolumeclaim old",
    )
    assert one["money"] == {"perHour": "0.1700", "perMonth": "124.10"}  # 730 GiB x 0.17 a month
    assert one["owner"] == "nobody it names, in namespace others"
    text = told(
        healthy(claim("old", "730Gi", "fast", "others")), tmp_path, "audit", "--prices", prices(tmp_path)
    ).stdout
    assert "  costs: 0.1700/h, 124.10/month" in text
    assert "1 thing found: 0.1700/h, 124.10/month EUR, prices of " in text


def test_without_prices_money_is_not_known_and_no_0(tmp_path: Path) -> None:
    done = told(healthy(claim("old", "1Ti", "fast", "others")), tmp_path, "audit")
    assert "  costs: not known/h, not known/month (no prices were given)" in done.stdout
    assert "1 thing found: money not known: no prices given" in done.stdout


def stateful(replicas: int) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "others"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": []}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
        },
    }


def test_claims_that_somebody_will_mount_again_are_nobodys_orphans(tmp_path: Path) -> None:
    asleep = deployment("asleep", replicas=0, namespace="others")
    asleep["spec"]["template"]["spec"]["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": "nap"}}]
    service: Object = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "theirs", "namespace": "others"},
        "spec": {"predictor": {"model": {"storageUri": "pvc://weights/llama"}}},
    }
    more = (
        *(claim(name, "10Gi", namespace="others") for name in ("nap", "data-db-0", "data-db-3", "weights", "mounted")),
        *(asleep, stateful(0), service, pod("reader", "cpu-1", claims=("mounted",))),
    )
    assert found(healthy(*more), tmp_path, code=0) == []
    assert only(healthy(*more, claim("data-dbx-0", "1Gi", namespace="others")), tmp_path)["name"].endswith("data-dbx-0")


def test_a_claim_without_a_volume_costs_nothing_yet(tmp_path: Path) -> None:
    assert found(healthy(claim("new", "10Gi", namespace="others", phase="Pending")), tmp_path, code=0) == []


@pytest.mark.parametrize(
    "plural", ["pods", "statefulsets", "persistentvolumeclaims", "services", "nodes", "applications"]
)
def test_what_may_not_be_listed_is_told_and_not_taken_for_clean(tmp_path: Path, plural: str) -> None:
    cluster = healthy()
    cluster.refused[plural] = 403
    done = told(cluster, tmp_path, "audit")
    assert done.returncode == 5
    assert "nothing is paid for that nobody uses" not in done.stdout
    assert "nothing found in what could be looked at" in done.stdout
    assert "not looked at: " in done.stdout


def test_a_claim_is_not_called_an_orphan_while_who_mounts_it_is_not_known(tmp_path: Path) -> None:
    for plural in ("pods", "deployments", "statefulsets", "configmaps", "inferenceservices"):
        cluster = healthy(claim("old", "1Gi", namespace="others"))
        cluster.refused[plural] = 403
        listed = said(cluster, tmp_path, "audit", code=5)
        assert "claims that nobody mounts" in {one["what"] for one in listed["unseen"]}, plural


def test_a_model_whose_record_cannot_be_read_hides_no_claim_and_calls_none_an_orphan(tmp_path: Path) -> None:
    cluster = healthy(claim("old", "1Gi", namespace="others"))
    record = next(one for ref, one in cluster.objects.items() if ref.name == "model-qwen")
    record["metadata"]["name"] = "model-other"
    cluster.objects = PaidCluster.of_things(*cluster.objects.values()).objects
    listed = said(cluster, tmp_path, "audit", code=5)
    assert [one["why"] for one in listed["unseen"]] == ["model other: its record is of another model, qwen"]


def test_a_kind_that_the_cluster_does_not_serve_has_no_objects(tmp_path: Path) -> None:
    cluster = healthy()
    cluster.refused |= dict.fromkeys(("gateways", "httproutes", "inferenceservices", "llminferenceservices"), 404)
    assert found(cluster, tmp_path, code=0) == []


@pytest.mark.parametrize(
    ("phase", "end"),
    [
        (
            "Released",
            """kubectl patch persistentvolume pv-1 -p '{"spec":{"persistentVolumeReclaimPolicy":"Delete"}}'""",
        ),
        ("Failed", "kubectl delete persistentvolume pv-1"),
        ("Available", "kubectl delete persistentvolume pv-1"),
    ],
)
def test_a_volume_that_no_claim_has_is_found(tmp_path: Path, phase: str, end: str) -> None:
    one = only(healthy(volume("pv-1", "1460Gi", phase, "others/gone" if phase != "Available" else "")), tmp_path)
    assert (one["kind"], one["end"], one["money"]["perMonth"]) == ("released-volume", end, "73.00")  # 1460 x 0.05
    assert found(healthy(volume("pv-1", "1Gi", "Bound", "kserve/qwen-cache")), tmp_path, code=0) == []


def test_a_load_balancer_that_leads_to_nothing_is_found(tmp_path: Path) -> None:
    one = only(healthy(balancer("lost", "203.0.113.9", "others", app="gone")), tmp_path)
    assert (one["kind"], one["name"], one["end"]) == (
        "load-balancer",
        "Service others/lost",
        "kubectl -n others delete service lost",
    )
    assert one["money"] == {"perHour": "0.0250", "perMonth": "18.25"}  # 0.025 x 730
    asleep = stateful(0)
    assert found(healthy(balancer("db", "203.0.113.9", "others", app="db"), asleep), tmp_path, code=0) == []
    assert found(healthy(balancer("new", "", "others", app="gone")), tmp_path, code=0) == []


def gateway(name: str, namespace: str, attached: int = 0) -> Object:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {},
        "status": {
            "addresses": [{"value": "203.0.113.20"}],
            "listeners": [{"name": "http", "attachedRoutes": attached}],
        },
    }


def test_a_gateway_without_routes_is_found_unless_a_parked_model_is_reached_by_it(tmp_path: Path) -> None:
    one = only(healthy(gateway("lost", "others")), tmp_path)
    assert (one["kind"], one["end"], one["money"]["perMonth"]) == (
        "gateway",
        "kubectl -n others delete gateway lost",
        "18.25",
    )
    ours = MODEL.spec.layers.llm_d.gateway
    assert found(healthy(gateway(ours.name, ours.namespace)), tmp_path, code=0) == []
    assert found(healthy(gateway("grpc", "others", attached=1)), tmp_path, code=0) == []
    route: Object = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "theirs", "namespace": "others"},
        "spec": {"parentRefs": [{"name": "lost"}]},
    }
    assert found(healthy(gateway("lost", "others"), route), tmp_path, code=0) == []


def test_kserves_own_gateway_is_never_told_to_be_ended(tmp_path: Path) -> None:
    said_of_it = {"ingress": json.dumps({"kserveIngressGateway": "kserve/ingress"})}
    metadata = {"name": "inferenceservice-config", "namespace": "kserve"}
    config: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": said_of_it}
    assert found(healthy(gateway("ingress", "kserve"), config), tmp_path, code=0) == []
    assert only(healthy(gateway("ingress", "others"), config), tmp_path)["name"] == "Gateway others/ingress"
    odd: tuple[Any, ...] = ({"ingress": "{"}, {"ingress": 5}, {"ingress": "[]"}, 5, "x", ["ingress"])
    for data in odd:
        listed = said(healthy(gateway("ingress", "others"), config | {"data": data}), tmp_path, "audit", code=5)
        assert (listed["findings"], [one["what"] for one in listed["unseen"]]) == ([], ["Gateway others/ingress"])


def test_what_was_deleted_and_does_not_go_is_found_once(tmp_path: Path) -> None:
    old = dying(claim("old", "730Gi", "fast", "others"), "example.com/hold", hours=3)
    one = only(healthy(old), tmp_path)
    assert (one["kind"], one["what"]) == (
        "stuck",
        "it was deleted 3 hours ago, and nobody takes example.com/hold off it",
    )
    assert one["end"] == (
        """kubectl -n others patch persistentvolumeclaim old --type merge -p '{"metadata":{"finalizers":null}}'"""
    )
    assert one["money"]["perMonth"] == "124.10"
    assert found(healthy(dying(claim("old", "1Gi", namespace="others"), "x", minutes=2)), tmp_path, code=0) == []


def test_a_deleted_claim_that_a_pod_still_mounts_waits_for_that_pod(tmp_path: Path) -> None:
    held = dying(claim("old", "1Gi", namespace="others"), "kubernetes.io/pvc-protection", hours=3)
    one = only(healthy(held, pod("reader", "cpu-1", claims=("old",))), tmp_path)
    assert one["what"] == "it was deleted 3 hours ago, and Pod others/reader still mounts it"
    assert one["end"] == "kubectl -n others delete pod reader"


def test_a_deleted_pod_on_a_dead_node_and_an_application_that_hangs_are_found(tmp_path: Path) -> None:
    one = only(healthy(dying(pod("ghost", "cpu-1"), hours=1)), tmp_path)
    assert one["end"] == "kubectl -n others delete pod ghost --force --grace-period=0"
    app = dying(application("hangs"), "resources-finalizer.argocd.argoproj.io", days=3)
    two = only(healthy(app), tmp_path)
    assert (two["name"], two["what"].startswith("it was deleted 3 days ago")) == ("Application argocd/hangs", True)


def test_what_is_left_of_a_deleted_model_is_found_with_what_its_pods_hold(tmp_path: Path) -> None:
    left = deployment("gone", namespace="others")
    left["metadata"]["labels"] = {"pointsman.dev/model": "gone", "pointsman.dev/layer": "raw-vllm"}
    left["spec"]["selector"] = {"matchLabels": {"app": "gone"}}
    own = pod("gone-0", "gpu-b", {GPU: 1}, labels={"app": "gone", "pointsman.dev/model": "gone"})
    one = only(healthy(left, own, node("gpu-b", {GPU: 1}, L4)), tmp_path)
    assert (one["kind"], one["name"], one["owner"]) == ("left-over", "Deployment others/gone", "model gone")
    assert one["money"] == {"perHour": "0.8000", "perMonth": "584.00"}  # one L4 at 0.80, 730 h
    assert one["end"] == "kubectl -n others delete deployment gone"


def test_what_no_layer_of_a_known_model_has_any_more_is_found(tmp_path: Path) -> None:
    renamed = deployment("qwen-before", namespace=RAW)
    renamed["metadata"]["labels"] = {"pointsman.dev/model": "qwen"}
    renamed["spec"]["selector"] = {"matchLabels": {"app": "before"}}
    assert only(healthy(renamed), tmp_path)["what"] == "no layer of model qwen has such an object any more"
    renamed["metadata"]["ownerReferences"] = [{"kind": "InferenceService", "name": "qwen", "controller": True}]
    assert found(healthy(renamed), tmp_path, code=0) == []


def test_what_kserve_made_of_a_service_that_is_gone_is_found(tmp_path: Path) -> None:
    left = deployment("old-predictor", namespace="others")
    left["metadata"]["labels"] = {"serving.kserve.io/inferenceservice": "old"}
    assert only(healthy(left), tmp_path)["owner"] == "InferenceService old"


def test_what_an_application_left_running_is_found_where_argo_cd_is_here(tmp_path: Path) -> None:
    left = deployment("web", namespace="others")
    left["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": "gone:apps/Deployment:others/web"}
    one = only(healthy(left), tmp_path)
    assert one["what"].startswith("Application gone deployed it and is gone")
    elsewhere = healthy(left)
    elsewhere.refused["applications"] = 404
    assert found(elsewhere, tmp_path, code=0) == []


def test_a_layer_that_runs_without_an_alias_is_parked_first_and_its_teardown_is_the_other_end(tmp_path: Path) -> None:
    more = (engine_pod("qwen-1", "gpu-b", 2, "kserve"), node("gpu-b", {GPU: 2}, L4))
    one = only(healthy(*more), tmp_path)
    assert (one["kind"], one["end"]) == ("layer", "pointsman down qwen --layer kserve")
    assert "; pointsman teardown qwen --layer kserve takes it away, claims too" in one["note"]
    assert one["what"] == "it runs (1 pod, 2 accelerators), and no alias leads there"
    assert one["money"] == {"perHour": "1.6000", "perMonth": "1168.00"}  # 2 L4 at 0.80
    standby = {"raw-vllm": 100, "kserve": 0}
    assert found(healthy(*more, shares=standby), tmp_path, code=0) == []


def test_a_declared_layer_without_an_alias_is_ended_by_parking_it(tmp_path: Path) -> None:
    one = only(healthy(shares={"llm-d": 100}), tmp_path)
    name = layer("raw-vllm").reads(MODEL)[0].name
    assert one["end"] == f"""kubectl -n {RAW} patch deployment {name} --type merge -p '{{"spec":{{"replicas":0}}}}'"""


def test_an_alias_that_cannot_be_read_makes_no_layer_idle(tmp_path: Path) -> None:
    cluster = healthy()
    for ref in [ref for ref in cluster.objects if ref.name == "litellm-config"]:
        del cluster.objects[ref]
    listed = said(cluster, tmp_path, "audit", code=5)
    assert [one["what"] for one in listed["unseen"]] == ["where alias qwen-local of model qwen leads"]


async def journal() -> list[Object]:
    """The journal and the lock of a move whose process died."""
    world = World()

    def die(write: Write) -> None:
        if write.ref.kind.name == "Deployment":
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "kserve", quick())
    kinds = ("ConfigMap", "Lease")
    return [
        one | {"kind": ref.kind.name, "apiVersion": ref.kind.api_version}
        for ref, one in world.cluster.objects.items()
        if ref.namespace == "pointsman-system" and ref.kind.name in kinds and not ref.name.startswith("model-")
    ]


async def test_a_move_whose_process_died_is_found_and_one_that_is_carried_on_is_not(tmp_path: Path) -> None:
    objects = await journal()
    one = only(healthy(*objects), tmp_path)
    assert (one["kind"], one["end"]) == ("move", "pointsman resume qwen")
    assert one["note"] == "or takes it back: pointsman rollback qwen"
    assert one["money"]["perHour"] == "1.6000"  # the engine's 2 L4
    lease = next(one for one in objects if one["kind"] == "Lease")
    lease["spec"] |= {"holderIdentity": "elsewhere", "renewTime": ago(hours=-1)}
    assert found(healthy(*objects), tmp_path, code=0) == []


async def test_a_layer_of_a_model_that_is_being_brought_up_is_not_idle(tmp_path: Path) -> None:
    lease = next(one for one in await journal() if one["kind"] == "Lease")
    assert [one["kind"] for one in found(healthy(lease, shares={"llm-d": 100}), tmp_path)] == ["layer"]
    lease["spec"] |= {"holderIdentity": "elsewhere", "renewTime": ago(hours=-1)}
    assert found(healthy(lease, shares={"llm-d": 100}), tmp_path, code=0) == []


@pytest.mark.parametrize(("renews", "kinds"), [(True, []), (False, ["move"])])
async def test_a_process_whose_clock_is_an_hour_behind_still_carries_its_move_on(
    renews: bool, kinds: list[str]
) -> None:
    world = World()
    await remember(world.cluster, world.model)
    for one in await journal():
        world.put(one)
    lease = next(one for ref, one in world.cluster.objects.items() if ref.kind.name == "Lease")
    lease["spec"] |= {"holderIdentity": "elsewhere", "renewTime": "2025-12-31T23:00:00Z"}

    def renew(seconds: float) -> None:
        hour = world.clock.start - timedelta(hours=1) + timedelta(seconds=world.clock.seconds)
        lease["spec"]["renewTime"] = hour.isoformat() if renews else lease["spec"]["renewTime"]

    world.clock.passing = renew

    async def aliases(models: Sequence[Model]) -> Mapping[str, AliasState | PointsmanError]:
        return {model.name: await world.edge.read() for model in models}

    said = await audit(Means(world.cluster, world.clock, LAYERS, aliases), None, [])
    assert [one["kind"] for one in said["findings"]] == kinds


def test_a_node_whose_gpus_nobody_asks_for_is_found(tmp_path: Path) -> None:
    one = only(healthy(node("spare", {GPU: 4}, {**L4, "cloud.google.com/gke-nodepool": "l4"}, ready=False)), tmp_path)
    assert (one["kind"], one["owner"], one["money"]["perHour"]) == ("gpu-node", "pool l4", "3.2000")  # 4 x 0.80
    assert one["end"] == "kubectl drain spare --ignore-daemonsets --delete-emptydir-data"
    two = only(healthy(node("spare", {GPU: 4}, {**L4, "karpenter.sh/nodepool": "gpu"})), tmp_path)
    assert two["end"] == "kubectl delete node spare"


def test_a_node_that_is_used_in_part_or_by_claims_of_devices_is_not_empty(tmp_path: Path) -> None:
    part = (node("part", {GPU: 4}, L4), pod("small", "part", {GPU: 1}))
    assert found(healthy(*part), tmp_path, code=0) == []
    slices = {"nvidia.com/mig-1g.10gb": 7}
    assert (
        found(healthy(node("mig", slices), pod("slice", "mig", {"nvidia.com/mig-1g.10gb": 1})), tmp_path, code=0) == []
    )
    by_claim = pod("by-claim", "dra")
    by_claim["spec"]["resourceClaims"] = [{"name": "gpu"}]
    assert found(healthy(node("dra", {GPU: 1}, L4), by_claim), tmp_path, code=0) == []


def test_an_application_that_would_leave_a_model_running_is_found(tmp_path: Path) -> None:
    bare = application("raw-vllm", "serving", layer("raw-vllm").render(MODEL), finalizers=())
    one = only(healthy(bare), tmp_path)
    assert (one["kind"], one["owner"], one["money"]) == ("application", "ApplicationSet serving", None)
    assert one["what"].startswith("it has no finalizer: when it goes, ")
    theirs = application("theirs", holds=[deployment("web", namespace="others")], finalizers=())
    assert found(healthy(theirs), tmp_path, code=0) == []


def test_found_things_count_more_than_what_was_not_seen(tmp_path: Path) -> None:
    cluster = healthy(claim("old", "1Gi", namespace="others"))
    cluster.refused["nodes"] = 403
    listed = said(cluster, tmp_path, "audit", code=1)
    assert (len(listed["findings"]), [one["what"] for one in listed["unseen"]]) == (
        1,
        ["Node", "GPU nodes without GPU pods"],
    )


def test_lists_are_counted_and_do_not_grow_with_what_is_found(tmp_path: Path) -> None:
    few = said(healthy(), tmp_path, "audit", code=0)["calls"]
    claims = (claim(f"old-{number}", "1Gi", namespace="others") for number in range(50))
    many = said(healthy(*claims), tmp_path, "audit", code=1)
    assert (many["calls"], len(many["findings"])) == (few, 50)
