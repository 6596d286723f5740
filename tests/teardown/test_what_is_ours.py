"""What a teardown takes away and what it leaves: by choice, or because it is somebody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.edge.contract import Reacher, Replica
from pointsman.errors import NeedsPersonError, PointsmanError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.records import remember
from pointsman.teardown.carrying import Carrying
from pointsman.teardown.scope import Scope
from tests.leaving.test_teardown import cascading, claim, kept_by, with_claim
from tests.move.test_kill_everywhere import Died
from tests.teardown.ground import ALL, OPTIONS, QWEN, carry_on, everywhere, left, live, look, records, tear
from tests.teardown.test_open_teardown import audited
from tests.world.cluster import Write
from tests.world.world import layer

GATEWAY = "gateway.networking.k8s.io/v1"
KSERVE = Scope("layer", "kserve")


def labelled(kind: str, api: str, name: str, model: str, **fields: Any) -> dict[str, Any]:
    labels = {"pointsman.dev/model": model} if model else {}
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, "namespace": "kserve", "labels": labels, "uid": f"uid-{name}"},
        **fields,
    }


def route(name: str, backend: str, gateway: str = "entrance") -> dict[str, Any]:
    spec = {"parentRefs": [{"name": gateway}], "rules": [{"backendRefs": [{"name": backend, "port": 80}]}]}
    return labelled("HTTPRoute", GATEWAY, name, "", spec=spec)


def gateway(name: str = "entrance") -> dict[str, Any]:
    return labelled("Gateway", GATEWAY, name, "", spec={}, status={"listeners": []})


async def test_what_wears_our_label_of_a_model_that_nobody_knows_goes_and_what_wears_none_stays() -> None:
    world = await everywhere()
    world.put(labelled("Service", "v1", "old", "gone", spec={}))
    world.put(labelled("Service", "v1", "theirs", "", spec={}))
    found = await look(world)
    assert [str(one) for one in found.left] == ["Service kserve/old"]
    await tear(world)
    assert left(world) == ["Service kserve/theirs"]


async def test_a_route_that_leads_to_us_alone_goes_and_then_the_gateway_that_only_it_hung_on() -> None:
    world = await everywhere()
    world.put(route("ours", "qwen-kserve"))
    world.put(gateway())
    seen: list[str] = []
    world.cluster.after = lambda write: seen.append(str(write.ref)) if write.verb == "delete" else None
    await tear(world)
    assert left(world) == []
    assert seen.index("HTTPRoute kserve/ours") < seen.index("Gateway kserve/entrance")


async def test_a_gateway_that_somebody_elses_route_hangs_on_stays_and_is_told() -> None:
    world = await everywhere()
    world.put(route("ours", "qwen-kserve"))
    world.put(route("theirs", "other"))
    world.put(gateway())
    found = await look(world)
    assert ("Gateway kserve/entrance", "HTTPRoute kserve/theirs uses it") in [
        (one.name, one.why) for one in found.stays
    ]
    await tear(world)
    assert left(world) == ["Gateway kserve/entrance", "HTTPRoute kserve/theirs"]


async def test_a_route_that_is_hung_on_the_gateway_meanwhile_keeps_it() -> None:
    world = await everywhere()
    world.put(route("ours", "qwen-kserve"))
    world.put(gateway())

    def late(write: Write) -> None:
        if write.verb == "delete" and write.ref.name == "ours":
            world.cluster.after = lambda write: None
            world.put(route("late", "other"))

    world.cluster.after = late
    await tear(world)
    assert left(world) == ["Gateway kserve/entrance", "HTTPRoute kserve/late"]


async def test_a_gateway_of_a_helm_release_is_left_to_that() -> None:
    world = await everywhere()
    world.put(route("ours", "qwen-kserve"))
    kept = gateway()
    kept["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "Helm"}
    kept["metadata"]["annotations"] = {"meta.helm.sh/release-name": "edge", "meta.helm.sh/release-namespace": "kserve"}
    world.put(kept)
    await tear(world)
    assert left(world) == ["Gateway kserve/entrance"]


async def test_what_was_told_to_stay_is_in_the_journal_with_its_uid() -> None:
    world = await everywhere()
    world.put(route("ours", "qwen-kserve"))
    world.put(gateway())
    done = await tear(world, keep_gateways=True, keep_nodes=True)
    assert left(world) == ["Gateway kserve/entrance"]
    assert done["kept"] == ["Gateway kserve/entrance", "Node node-0"]


async def test_claims_stay_where_it_is_chosen_also_of_models_that_nobody_knows() -> None:
    world = await everywhere()
    world.put(labelled("PersistentVolumeClaim", "v1", "old", "gone", spec={}))
    done = await tear(world, keep_volumes=True)
    assert left(world) == ["PersistentVolumeClaim kserve/old"]
    assert done["kept"] == ["PersistentVolumeClaim kserve/old"]


def with_uid(one: dict[str, Any]) -> dict[str, Any]:
    one["metadata"]["uid"] = f"uid-{one['metadata']['name']}"
    return one


async def test_what_an_earlier_teardown_was_told_to_keep_goes_only_where_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A claim of a model that nobody knows any more, and one of a model that a file declares."""
    world = with_claim(monkeypatch)
    world.put(labelled("PersistentVolumeClaim", "v1", "old", "gone", spec={}))
    world.put(with_uid(claim()))
    await remember(world.cluster, world.model)
    await tear(world, keep_volumes=True)
    cache, old = "PersistentVolumeClaim kserve/qwen-cache", "PersistentVolumeClaim kserve/old"
    assert left(world) == [old, cache]
    found = await look(world, files=[world.model])
    (stop,) = found.stops
    assert (stop.code, stop.what.partition(" would")[0]) == ("teardown-kept", f"{old}, {cache}")
    assert "--keep-volumes, teardown-" in stop.what
    assert stop.remedy == (
        "pointsman teardown --all --take-kept takes them away; pointsman teardown --all --keep-volumes leaves them"
    )
    assert (await look(world, files=[world.model], keep_volumes=True)).stops == []
    assert (await look(world, files=[world.model], take_kept=True)).stops == []
    assert (await look(world, QWEN)).stops == []
    await tear(world, take_kept=True)
    assert left(world) == []


async def test_a_claim_that_was_kept_and_is_in_use_again_or_is_another_one_goes_without_more_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_claim(monkeypatch)
    world.put(with_uid(claim()))
    await remember(world.cluster, world.model)
    await tear(world, keep_volumes=True)
    kept = live(world, "PersistentVolumeClaim", "kserve", "qwen-cache")
    assert kept is not None
    for manifest in layer("kserve").render(world.model):
        if manifest["kind"] != "PersistentVolumeClaim":
            world.put(manifest)
    assert (await look(world, files=[world.model])).stops == []
    world.cluster.objects = {
        ref: one for ref, one in world.cluster.objects.items() if ref.kind.name == "PersistentVolumeClaim"
    }
    kept["metadata"]["uid"] = "another"
    assert (await look(world, files=[world.model])).stops == []


@pytest.mark.parametrize("keep", [True, False])
async def test_a_claim_that_an_application_would_take_along_stays_only_where_it_is_chosen(
    monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    world = with_claim(monkeypatch)
    kept_by(world)
    cascading(world)
    await tear(world, QWEN, keep_volumes=keep)
    assert left(world) == (["PersistentVolumeClaim kserve/qwen-cache"] if keep else [])


async def test_a_model_that_only_a_file_declares_goes_too() -> None:
    world = await everywhere()
    del world.cluster.objects[Ref(kind_of("ConfigMap"), "model-qwen", "pointsman-system")]
    assert (await look(world)).models == ()
    found = await look(world, files=[world.model])
    assert [one.model.name for one in found.models] == ["qwen"]


async def test_a_record_that_cannot_be_read_stops_it_unless_a_file_says_what_it_is() -> None:
    world = await everywhere()
    ref = Ref(kind_of("ConfigMap"), "model-qwen", "pointsman-system")
    world.cluster.objects[ref]["data"] = {"model.json": "{}"}
    assert [one.code for one in (await look(world)).stops] == ["teardown-record"]
    assert (await look(world, files=[world.model])).stops == []


@pytest.mark.parametrize("scope", [QWEN, ALL], ids=["model", "all"])
async def test_another_name_of_the_edge_that_reaches_it_stops_it(scope: Scope) -> None:
    world = await everywhere()
    world.edge.others = [Reacher("chat", "its entry", "config.yaml:4")]
    assert {one.code for one in (await look(world, scope)).stops} == {"teardown-served"}
    world.edge.others = []
    assert (await look(world, scope)).stops == []


async def test_requests_that_run_now_are_counted_and_an_engine_that_does_not_say_makes_the_number_unknown() -> None:
    world = await everywhere()
    world.cluster.engines["serving", "qwen-raw-vllm-0"].faults.running = 3.0
    assert (await look(world)).running == 3
    del world.cluster.engines["kserve", "qwen-kserve-0"]
    assert (await look(world)).running is None


async def test_a_replica_on_its_way_out_that_still_knows_the_alias_is_waited_for_and_named() -> None:
    world = await everywhere()
    world.edge.lagging = [Replica("edge-old", world.edge.members, ready=True, terminating=True)]
    with pytest.raises(NeedsPersonError) as told:
        await tear(world, QWEN)
    assert (told.value.code, "run by 1 of 2 replicas" in told.value.what) == ("teardown-served", True)
    assert "is withdrawn, and tenants may still reach" in told.value.what
    assert "Deployment serving/qwen-raw-vllm" in left(world)
    world.edge.lagging = []
    await carry_on(world, QWEN)
    assert left(world) == []


async def test_an_alias_that_is_put_back_before_its_engines_are_parked_stops_it() -> None:
    world = await everywhere()
    members = world.edge.members

    def back(write: Write) -> None:
        if "record-000004" in ((write.body or {}).get("data") or {}):
            world.edge.members = members

    world.cluster.after = back
    with pytest.raises(NeedsPersonError) as told:
        await tear(world, QWEN)
    assert (told.value.code, "points at raw vLLM again" in told.value.what) == ("teardown-served", True)
    assert world.cluster.objects[Ref(kind_of("Deployment"), "qwen-raw-vllm", "serving")]["spec"]["replicas"] == 1


async def test_somebody_who_makes_it_again_is_told_and_what_came_back_goes_with_the_next_run() -> None:
    world = await everywhere()
    service = live(world, "Service", "kserve", "qwen-kserve")

    def again(write: Write) -> None:
        if any('"step":"look"' in line for line in ((write.body or {}).get("data") or {}).values()):
            world.cluster.after = lambda write: None
            world.put(dict(service or {}))

    world.cluster.after = again
    with pytest.raises(NeedsPersonError) as told:
        await tear(world)
    assert (told.value.code, told.value.where) == ("teardown-undone", "Service kserve/qwen-kserve")
    done = await carry_on(world)
    assert done is not None
    assert (done["state"], left(world)) == ("finished", [])


async def test_a_layer_of_every_model_goes_and_the_one_that_is_served_there_stops_it() -> None:
    world = await everywhere()
    await tear(world, KSERVE)
    assert [name for name in left(world) if "kserve" in name] == []
    assert "Deployment llm-d/qwen-llm-d" in left(world)
    assert "model-qwen" in records(world)
    assert world.edge.outages == []
    raw = await look(world, Scope("layer", "raw-vllm"))
    assert [one.code for one in raw.stops] == ["alias-points"]


async def test_what_changed_while_the_question_was_open_is_asked_anew() -> None:
    from pointsman.teardown.carrying import Carrying
    from tests.teardown.ground import OPTIONS

    world = await everywhere()
    conductor = world.conductor()
    shown = await look(world, conductor=conductor)
    for manifest in layer("kserve").render(world.model)[:1]:
        await world.cluster.delete(Ref(kind_of(manifest["kind"]), manifest["metadata"]["name"], "kserve"))
    with pytest.raises(RefusedError) as told:
        await Carrying(conductor, OPTIONS).begin(shown, await look(world, conductor=conductor))
    assert told.value.code == "teardown-changed"


async def test_rights_that_are_missing_stop_it_before_anything_is_withdrawn() -> None:
    from pointsman.teardown.carrying import Carrying
    from tests.teardown.ground import OPTIONS

    world = await everywhere()
    world.cluster.denied = {"delete services"}
    found = await look(world)
    with pytest.raises(PointsmanError) as told:
        await Carrying(world.conductor(), OPTIONS).refuse_without_rights(found)
    assert told.value.code == "teardown-rights"
    assert told.value.what == "you may not " + "; ".join(
        f"delete services qwen-{layer} in namespace {space}"
        for layer, space in (("raw-vllm", "serving"), ("kserve", "kserve"), ("llm-d", "llm-d"))
    )


async def test_where_there_is_no_edge_nobody_is_served_and_the_layers_go() -> None:
    world = await everywhere()

    async def missing() -> Any:
        raise RefusedError("there is no LiteLLM Deployment", where="edge", code="edge-missing")

    world.edge.read = missing  # type: ignore[method-assign]
    await remember(world.cluster, world.model)
    await tear(world)
    assert left(world) == []


async def test_the_gateway_that_kserves_configuration_names_stays_whoever_hangs_on_it() -> None:
    world = await everywhere()
    world.put(route("ours", "qwen-kserve"))
    world.put(gateway())
    said = {"ingress": json.dumps({"kserveIngressGateway": "kserve/entrance"})}
    metadata = {"name": "inferenceservice-config", "namespace": "kserve"}
    world.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": said})
    stays = {one.name: one.why for one in (await look(world)).stays}
    assert "KServe's configuration names it" in stays["Gateway kserve/entrance"]
    await tear(world)
    assert "Gateway kserve/entrance" in left(world)
    alone = {one.name: one.why for one in (await look(world)).stays}
    assert "KServe's configuration names it" in alone["Gateway kserve/entrance"]


def mounting(claim: str, space: str, **labels: str) -> dict[str, Any]:
    """A workload of somebody's that has no pods now."""
    volumes = [{"name": "cache", "persistentVolumeClaim": {"claimName": claim}}]
    template = {"metadata": {"labels": {"app": "reader"}}, "spec": {"containers": [], "volumes": volumes}}
    metadata = {"name": "reader", "namespace": space, "labels": labels}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": "reader"}}, "template": template},
    }


@pytest.mark.parametrize("scope", [QWEN, ALL], ids=["model", "all"])
async def test_a_claim_that_somebody_at_0_replicas_mounts_stops_it(
    scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = with_claim(monkeypatch)
    await remember(world.cluster, world.model)
    world.put(mounting("qwen-cache", "kserve"))
    (stop,) = (await look(world, scope)).stops
    assert stop.code == "teardown-claim-used"
    assert stop.what.startswith("Deployment kserve/reader, ")
    assert "qwen-cache" in stop.what
    assert (await look(world, scope, keep_volumes=True)).stops == []
    world.put(mounting("qwen-cache", "kserve", **{"pointsman.dev/model": "qwen"}))
    assert (await look(world, scope)).stops == []


async def test_audit_tells_what_was_kept_of_a_model_that_only_a_file_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_claim(monkeypatch)
    world.put(with_uid(claim()))
    world.put(route("ours", "qwen-kserve"))
    world.put(with_uid(gateway()))
    node = world.cluster.objects[Ref(kind_of("Node"), "node-0")]
    node["metadata"]["uid"] = "uid-node"
    await remember(world.cluster, world.model)
    await tear(world, keep_volumes=True, keep_gateways=True, keep_nodes=True)
    names = {"PersistentVolumeClaim kserve/qwen-cache", "Gateway kserve/entrance", "Node node-0"}
    for files in ([], [world.model]):
        said = await audited(world, files)
        assert (said["findings"], {one["name"] for one in said["kept"]}) == ([], names)
    live(world, "PersistentVolumeClaim", "kserve", "qwen-cache")["metadata"]["uid"] = "another"  # type: ignore[index]
    (one,) = (await audited(world, [world.model]))["findings"]
    assert one["what"] == ("no pod mounts it: of model qwen only a file is here, and pointsman up qwen takes it again")


async def test_a_teardown_of_everything_that_is_given_up_leaves_no_record_of_a_model_that_never_ran() -> None:
    world = await everywhere()
    metadata = world.model.metadata.model_copy(update={"name": "never"})
    never = world.model.model_copy(update={"metadata": metadata})
    world.edge.members = ()
    conductor = world.conductor("first@test/1")
    found = await look(world, files=[world.model, never], conductor=conductor)
    world.cluster.after = dying
    with pytest.raises(Died):
        await Carrying(conductor, OPTIONS).begin(found, found)
    world.cluster.after = lambda write: None
    assert [name for name in records(world) if name.startswith("model-")] == ["model-qwen"]


def dying(write: Write) -> None:
    if "record-000004" in ((write.body or {}).get("data") or {}):
        raise Died


async def test_a_layer_that_only_a_replica_on_its_way_out_may_run_is_a_matter_of_moments() -> None:
    world = await everywhere()
    world.edge.lagging = [Replica("edge-old", None, ready=False, terminating=True)]
    (stop,) = (await look(world, KSERVE)).stops
    assert (stop.code, stop.remedy.endswith("run this again in a moment")) == ("alias-points", True)
