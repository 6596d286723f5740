"""``down``: one layer is parked under nobody, by one write, and its GPUs are really free."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.edge.contract import Member, Reacher, Replica
from pointsman.errors import ChangedError, NeedsPersonError, PointsmanError, RefusedError, TemporaryError
from pointsman.kube.resources import Ref, kind_of
from pointsman.parking.down import Down, layers_up
from pointsman.parking.kept import kept
from tests.move.test_kill_everywhere import Died
from tests.parking.ground import CASES, Ground, down, up, writes
from tests.world.argo import application
from tests.world.cluster import Write
from tests.world.engine import Faults
from tests.world.world import quick

Object = dict[str, Any]
every_layer = pytest.mark.parametrize("case", CASES)


@every_layer
async def test_a_layer_that_nobody_calls_is_parked_by_one_write_and_its_gpus_are_free(case: str) -> None:
    world = Ground(case)
    assert len(world.engines()) == 2
    seen = writes(world)
    done = await down(world)
    assert [(one.verb, one.ref) for one in seen] == [("patch", world.ref)]
    assert (done["state"], done["replicas"], done["gpus"], done["freed"]["gpus"]) == ("parked", 2, 2, 2)
    assert done["perHour"] == "5.0"
    assert world.engines() == []
    assert not world.edge.outages


@every_layer
async def test_what_is_about_to_be_written_is_told_exactly(case: str) -> None:
    world = Ground(case)
    found = await shown(world)
    assert found["object"] == str(world.ref)
    assert (found["uid"], found["resourceVersion"]) == (
        world.live["metadata"]["uid"],
        world.live["metadata"]["resourceVersion"],
    )
    (change,) = found["changes"].values()
    assert change == ({"before": 2, "after": 0} if "raw" in case else {"before": None, "after": "true"})
    assert (found["gpus"], found["nodes"], found["perHour"]) == (2, ["node-0"], "5.0")


async def test_volumes_that_go_on_being_paid_for_are_told_with_their_size() -> None:
    assert (await shown(Ground("raw-vllm")))["volumes"] == [{"claim": "serving/raw-vllm-cache", "size": "20Gi"}]
    assert (await shown(Ground("kserve")))["volumes"] == [{"claim": "kserve/qwen-cache", "size": "20Gi"}]


async def shown(world: Ground) -> dict[str, Any]:
    one = Down(world.conductor(), world.model, world.idle.id, quick())
    return (await one.look()).as_dict()


async def refused(world: Ground, kind: type[PointsmanError] = RefusedError, **options: Any) -> PointsmanError:
    before = world.workloads()
    seen = writes(world)
    with pytest.raises(kind) as told:
        await down(world, **options)
    assert (seen, world.workloads()) == ([], before)
    return told.value


@every_layer
async def test_refused_while_the_alias_points_there(case: str) -> None:
    world = Ground(case)
    world.edge.members = (world.member(world.idle.id, 100),)
    error = await refused(world)
    assert (error.code, error.exit_code) == ("alias-points", 1)
    assert "alias qwen-local" in error.where
    assert "config.yaml of ConfigMap" in error.where
    assert "pointsman move qwen --to" in error.next_action


async def test_refused_while_the_alias_gives_it_any_share_though_another_member_serves() -> None:
    world = Ground("kserve")
    world.edge.members = (world.member("raw-vllm", 99), world.member("kserve", 1))
    assert (await refused(world)).code == "alias-points"


async def test_a_standby_may_go_while_another_member_serves_and_not_without() -> None:
    world = Ground("kserve")
    world.edge.members = (world.member("raw-vllm", 100), world.member("kserve", 0))
    (raw,) = (one for one in world.cluster.engines if one[0] == "serving")
    world.cluster.objects[Ref(kind_of("Pod"), raw[1], "serving")]["status"]["conditions"][0]["status"] = "False"
    assert (await refused(world)).code == "alias-points"
    world.cluster.objects[Ref(kind_of("Pod"), raw[1], "serving")]["status"]["conditions"][0]["status"] = "True"
    done = await down(world)
    assert done["state"] == "parked"


async def test_a_standby_may_go_while_a_cloud_answers() -> None:
    world = Ground("kserve")
    cloud = Member("cloud", "", "https://cloud.example", "bedrock/x", 100, "qwen-local")
    world.edge.members = (cloud, world.member("kserve", 0))
    assert (await refused(world)).code == "alias-points"
    world.edge.namespaces[""] = "serving"
    assert (await down(world))["state"] == "parked"


async def test_refused_while_a_replica_still_runs_it_though_nothing_declares_it() -> None:
    world = Ground("kserve")
    old = (world.member("raw-vllm", 50), world.member("kserve", 50))
    world.edge.lagging = [Replica("edge-old", old, ready=True, terminating=True)]
    error = await refused(world)
    assert (error.code, "run by 1 of 2 replicas" in error.what) == ("alias-points", True)
    assert error.next_action.endswith("run this again in a moment")


async def test_refused_while_a_replica_does_not_say_what_it_runs() -> None:
    world = Ground("kserve")
    world.edge.mute = True
    error = await refused(world)
    assert (error.code, "does not say what it runs" in error.what) == ("alias-points", True)


async def test_a_replica_that_is_too_busy_to_say_it_at_once_is_asked_again() -> None:
    world = Ground("kserve")
    world.edge.mute = True

    def says(seconds: float) -> None:
        world.edge.mute = False

    world.clock.passing = says
    assert (await down(world))["state"] == "parked"


async def test_an_alias_that_is_named_may_be_left_without_engine() -> None:
    world = Ground("kserve")
    world.edge.members = (world.member("kserve", 100),)
    done = await down(world, leave=("qwen-local",))
    assert done["state"] == "parked"
    assert [one for one in world.seen.happenings if one.step == "park"]


async def test_refused_while_another_name_of_the_edge_reaches_it_unless_it_may_be_left() -> None:
    world = Ground("kserve")
    world.edge.others = [Reacher("chat", "its entry", "config.yaml:4")]
    error = await refused(world)
    assert (error.code, error.where) == ("alias-points", "config.yaml:4")
    assert (await down(world, leave=("chat",)))["state"] == "parked"


@every_layer
async def test_nothing_is_cut_while_an_engine_is_busy(case: str) -> None:
    world = Ground(case)
    place = world.idle.namespace(world.model)
    world.cluster.engines[place, world.engines()[0]].faults = Faults(running=1.0)
    error = await refused(world, NeedsPersonError)
    assert error.code == "park-busy"
    assert len(world.engines()) == 2


async def test_it_is_drained_before_it_is_stopped() -> None:
    world = Ground("kserve")
    engine = world.cluster.engines["kserve", world.engines()[0]]
    engine.faults = Faults(running=1.0)
    at: list[float] = []

    def ends(seconds: float) -> None:
        if world.clock.monotonic() > 1.0:
            engine.faults.running = 0.0

    def told(write: Write) -> None:
        if write.ref == world.ref:
            at.append(world.clock.monotonic())
            assert engine.faults.running == 0.0

    world.clock.passing, world.cluster.before = ends, told
    await down(world)
    assert len(at) == 1
    assert at[0] > 1.0


async def test_an_engine_that_is_not_ready_and_says_nothing_does_not_hold_it_up() -> None:
    world = Ground("kserve", replicas=1)
    pod = world.engines()[0]
    del world.cluster.engines["kserve", pod]
    world.cluster.objects[Ref(kind_of("Pod"), pod, "kserve")]["status"]["conditions"][0]["status"] = "False"
    assert (await down(world))["state"] == "parked"


@every_layer
async def test_twice_says_that_it_is_parked_already_and_forgets_nothing(case: str) -> None:
    world = Ground(case)
    await down(world)
    seen = writes(world)
    done = await down(world, "second@test/2")
    assert (done["state"], done["replicas"], seen) == ("parked-already", 2, [])
    found = await kept(world.cluster, "qwen", world.idle.id)
    assert found is not None
    assert found.replicas == 2


async def test_a_layer_that_is_not_deployed_holds_nothing() -> None:
    world = Ground("kserve")
    await world.cluster.delete(world.ref)
    await world.cluster.delete(Ref(kind_of("Deployment"), "qwen-predictor", "kserve"))
    seen = writes(world)
    with pytest.raises(RefusedError, match="not deployed, so there is nothing to park") as told:
        await down(world)
    assert (told.value.code, "pointsman status qwen" in told.value.next_action, seen) == ("down-absent", True, [])


async def test_what_is_left_of_a_layer_that_is_not_deployed_is_named() -> None:
    world = Ground("raw-vllm")
    await world.cluster.delete(world.ref)
    with pytest.raises(RefusedError) as told:
        await down(world)
    assert "what is left of it is paid for: serving/raw-vllm-cache" in told.value.what
    assert "pointsman teardown qwen --layer raw-vllm" in told.value.next_action


async def test_a_layer_that_somebody_deletes_meanwhile_is_told_as_gone() -> None:
    world = Ground("kserve")
    await down(world)
    one = Down(world.conductor(), world.model, "kserve", quick(), "pointsman down")
    shown = await one.look()
    await world.cluster.delete(world.ref)
    assert (await one.carry_out(shown))["state"] == "absent"


async def test_without_a_layer_the_only_one_that_is_up_is_meant() -> None:
    world = Ground("kserve")
    assert await layers_up(world.conductor(), world.model) == ["raw-vllm", "kserve"]
    await down(world)
    assert await layers_up(world.conductor(), world.model) == ["raw-vllm"]


@every_layer
async def test_what_changed_while_the_question_was_open_is_not_written_over(case: str) -> None:
    world = Ground(case)
    one = Down(world.conductor(), world.model, world.idle.id, quick(), "pointsman down")
    found = await one.look()
    (patch,) = world.idle.scale(world.model, 3)
    world.put_over(world.ref, patch.body)
    seen = writes(world)
    with pytest.raises(ChangedError) as told:
        await one.carry_out(found)
    assert (told.value.code, told.value.exit_code, seen) == ("changed-meanwhile", 6, [])
    assert len(world.engines()) == 3


@every_layer
async def test_an_alias_that_was_pointed_there_while_the_question_was_open_refuses_it(case: str) -> None:
    world = Ground(case)
    one = Down(world.conductor(), world.model, world.idle.id, quick(), "pointsman down")
    found = await one.look()
    world.edge.members = (world.member(world.idle.id, 100),)
    seen = writes(world)
    with pytest.raises(RefusedError) as told:
        await one.carry_out(found)
    assert (told.value.code, seen) == ("alias-points", [])


async def test_an_application_that_began_to_heal_while_the_question_was_open_refuses_it() -> None:
    world = Ground("raw-vllm")
    kept_by_argo(world)
    one = Down(world.conductor(), world.model, world.idle.id, quick(), "pointsman down")
    found = await one.look()
    healing = {"spec": {"syncPolicy": {"automated": {"selfHeal": True}}}}
    world.put_over(Ref(kind_of("Application"), "layer", "argocd"), healing)
    with pytest.raises(RefusedError) as told:
        await one.carry_out(found)
    assert told.value.code == "park-owner"


async def test_an_alias_that_was_pointed_there_during_the_drain_refuses_it() -> None:
    world = Ground("kserve")

    def pointed(seconds: float) -> None:
        world.edge.members = (world.member("kserve", 100),)

    world.clock.passing = pointed
    error = await refused(world)
    assert error.code == "alias-points"


async def test_an_object_that_was_made_anew_meanwhile_is_another_one() -> None:
    world = Ground("raw-vllm")
    one = Down(world.conductor(), world.model, world.idle.id, quick(), "pointsman down")
    found = await one.look()
    world.put_over(world.ref, {"metadata": {"uid": "uid-new"}})
    with pytest.raises(ChangedError, match="another object by now: uid uid-new"):
        await one.carry_out(found)


async def test_a_status_that_changed_meanwhile_stops_nothing() -> None:
    world = Ground("raw-vllm")
    one = Down(world.conductor(), world.model, world.idle.id, quick(), "pointsman down")
    found = await one.look()
    world.put_over(world.ref, {"status": {"conditions": [{"type": "Progressing", "status": "True"}]}})
    assert (await one.carry_out(found))["state"] == "parked"


@every_layer
async def test_a_change_between_the_last_look_and_the_write_is_told_by_the_api_server(case: str) -> None:
    world = Ground(case)

    def scale(write: Write) -> None:
        if write.ref.name == "parked-qwen" and write.verb == "create":
            world.put_over(world.ref, world.idle.scale(world.model, 1)[0].body)

    world.cluster.before = scale
    with pytest.raises(ChangedError) as told:
        await down(world)
    assert (told.value.code, len(world.engines())) == ("changed-meanwhile", 1)
    assert await kept(world.cluster, "qwen", world.idle.id) is None


@pytest.mark.parametrize("moment", ["before", "after"])
@every_layer
async def test_a_write_without_an_answer_is_never_said_twice(case: str, moment: str) -> None:
    world = Ground(case)
    tries = 0

    def lose(write: Write) -> None:
        nonlocal tries
        if write.ref == world.ref:
            tries += 1
            raise TemporaryError("no answer in time")

    setattr(world.cluster, moment, lose)
    with pytest.raises(NeedsPersonError) as told:
        await down(world)
    assert (told.value.code, tries) == ("park-unknown", 1)
    assert f"-n {world.ref.namespace} {world.ref.name}" in told.value.next_action
    assert "pointsman down" in told.value.next_action
    setattr(world.cluster, moment, lambda write: None)
    done = await down(world, "second@test/2")
    assert (done["state"], done["replicas"], world.engines()) == ("parked", 2, [])
    assert (await up(world, "third@test/3"))["replicas"] == 2


@pytest.mark.parametrize("moment", ["before", "after"])
@every_layer
async def test_killed_at_any_write_it_goes_on_when_it_is_run_again(case: str, moment: str) -> None:
    number, over = 0, False
    while not over:
        world = Ground(case)
        left = number

        def die(write: Write) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                raise Died

        setattr(world.cluster, moment, die)
        try:
            await down(world)
            over = True
        except Died:
            number += 1
        setattr(world.cluster, moment, lambda write: None)
        done = await down(world, "second@test/2")
        assert (done["state"] in ("parked", "parked-already"), done["replicas"], world.engines()) == (True, 2, [])
        assert not world.edge.outages
        assert (await up(world, "third@test/3"))["replicas"] == 2, number
    assert number >= 4


async def test_killed_before_it_saw_that_the_gpus_are_free_it_sees_to_that_when_it_is_run_again() -> None:
    world = Ground("raw-vllm")

    def die(write: Write) -> None:
        if write.ref == world.ref:
            world.cluster.objects[Ref(kind_of("Node"), "node-0")]["status"]["allocatable"]["nvidia.com/gpu"] = "1"
            raise Died

    world.cluster.after = die
    with pytest.raises(Died):
        await down(world)
    world.cluster.after = lambda write: None
    with pytest.raises(NeedsPersonError) as told:
        await down(world, "second@test/2")
    assert (told.value.code, "node node-0 shows" in told.value.what) == ("park-not-free", True)


def asking(world: Ground, name: str) -> Object:
    """A Deployment of others that wants a GPU."""
    spec = {"containers": [{"name": "a", "resources": {"limits": {"nvidia.com/gpu": "1"}}}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": spec}
    metadata = {"name": name, "namespace": "serving"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 1, "template": template},
    }


async def test_a_pod_that_waited_for_a_gpu_and_has_one_by_now_proves_it_too() -> None:
    world = Ground("raw-vllm", gpus=3)
    world.put(asking(world, "notebook"))
    done = await down(world)
    assert done["freed"] == {"gpus": 2, "takenBy": ["serving/notebook-0"], "roomFor": []}


async def test_a_pod_that_still_waits_and_finds_room_now_is_named() -> None:
    world = Ground("raw-vllm", gpus=3)
    pod = {**asking(world, "notebook")["spec"]["template"], "status": {"phase": "Pending", "conditions": []}}

    def waits(write: Write) -> None:
        if write.ref == world.ref:
            named = {"name": "notebook", "namespace": "serving", "uid": "n", "labels": {}}
            world.cluster._store(Ref(kind_of("Pod"), "notebook", "serving"), {**pod, "metadata": named})

    world.cluster.after = waits
    assert (await down(world))["freed"]["roomFor"] == ["serving/notebook"]


async def test_a_gpu_that_its_node_does_not_give_back_is_not_free() -> None:
    world = Ground("raw-vllm")

    def withdraw(write: Write) -> None:
        if write.ref == world.ref:
            world.cluster.objects[Ref(kind_of("Node"), "node-0")]["status"]["allocatable"]["nvidia.com/gpu"] = "2"

    world.cluster.after = withdraw
    with pytest.raises(NeedsPersonError) as told:
        await down(world)
    assert told.value.code == "park-not-free"
    assert "node node-0 shows 1 of 3 GPUs free" in told.value.what


async def test_refused_while_a_move_is_open() -> None:
    world = Ground("kserve")

    def die(write: Write) -> None:
        if write.ref.name.startswith("qwen-2026") and "000004" in ((write.body or {}).get("data") or {}):
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "llm-d", quick())
    world.cluster.before = lambda write: None
    assert (await refused(world)).code == "move-open"
    with pytest.raises(RefusedError) as told:
        await up(world)
    assert told.value.code == "move-open"


async def test_refused_while_another_operator_holds_the_model() -> None:
    world = Ground("kserve")
    lock = world.conductor("other@test/9").lock_of(world.model)
    await lock.take()

    def alive(seconds: float) -> None:
        lease = world.cluster.objects[lock.ref]
        lease["spec"]["renewTime"] = f"2026-01-01T00:00:{int(world.clock.monotonic()) % 60:02d}.000000Z"

    world.clock.passing = alive
    error = await refused(world)
    assert (error.code, "other@test/9" in error.what) == ("move-held", True)


async def test_rights_that_are_missing_stop_it_before_anything_is_written() -> None:
    world = Ground("raw-vllm")
    world.cluster.denied = {"patch deployments"}
    error = await refused(world)
    assert (error.code, "patch deployments.apps raw-vllm" in error.what) == ("park-rights", True)


def kept_by_argo(world: Ground, **policy: Any) -> None:
    app = application("layer", syncPolicy=policy)
    app["status"] = {"reconciledAt": "2026-01-01T00:00:00Z", "sync": {"status": "Synced"}}
    world.put(app)
    tracking = f"layer:apps/Deployment:{world.ref.namespace}/{world.ref.name}"
    world.put_over(world.ref, {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracking}}})


async def test_an_application_that_would_wake_it_again_stops_it_with_the_way_out() -> None:
    world = Ground("raw-vllm")
    kept_by_argo(world, automated={"selfHeal": True})
    error = await refused(world)
    assert (error.code, "ignoreDifferences" in error.next_action) == ("park-owner", True)


async def test_an_application_that_leaves_replicas_alone_does_not() -> None:
    world = Ground("raw-vllm")
    kept_by_argo(world, automated={"selfHeal": True}, syncOptions=["RespectIgnoreDifferences=true"])
    rule = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
    world.put_over(Ref(kind_of("Application"), "layer", "argocd"), {"spec": {"ignoreDifferences": [rule]}})
    assert (await down(world))["state"] == "parked"


async def test_one_that_is_synced_by_hand_is_told() -> None:
    world = Ground("raw-vllm")
    kept_by_argo(world)
    assert any("when somebody syncs it" in one for one in (await shown(world))["notes"])


async def test_whoever_wakes_it_at_once_is_told_and_no_race_is_run() -> None:
    world = Ground("raw-vllm")

    def wake(write: Write) -> None:
        if write.ref == world.ref and write.body["spec"]["replicas"] == 0:
            world.put_over(world.ref, {"spec": {"replicas": 2}})

    world.cluster.after = wake
    with pytest.raises(NeedsPersonError) as told:
        await down(world)
    assert told.value.code == "undone-by-others"
