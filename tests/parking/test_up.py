"""``up --layer``: a layer comes back as it was parked, proved by completions, and the alias stays where it is."""

from __future__ import annotations

import pytest

from pointsman.errors import ChangedError, NeedsPersonError, RefusedError, TemporaryError
from pointsman.kube.resources import Ref, kind_of
from pointsman.parking.kept import kept
from pointsman.parking.waking import Waking
from tests.move.test_kill_everywhere import Died
from tests.parking.ground import CASES, COMMANDS, Ground, down, up, writes
from tests.world.argo import application
from tests.world.cluster import Write
from tests.world.engine import Faults
from tests.world.world import quick

every_layer = pytest.mark.parametrize("case", CASES)


@every_layer
async def test_what_was_parked_comes_back_with_the_same_replicas_and_the_alias_stays(case: str) -> None:
    world = Ground(case, replicas=3)
    before, members = dict(world.live["spec"]), world.edge.members
    marks = world.live["metadata"].get("annotations")
    await down(world)
    seen = writes(world)
    done = await up(world, "second@test/2")
    assert (done["state"], done["replicas"], len(world.engines())) == ("serving", 3, 3)
    assert [(one.verb, one.ref) for one in seen] == [("patch", world.ref)]
    assert (world.live["spec"], world.live["metadata"].get("annotations") or None) == (before, marks or None)
    assert (world.edge.members, world.edge.writes, world.edge.outages) == (members, [], [])
    assert await kept(world.cluster, "qwen", world.idle.id) is None


@every_layer
async def test_on_what_serves_it_says_so_and_writes_nothing(case: str) -> None:
    world = Ground(case)
    seen = writes(world)
    done = await up(world)
    assert (done["state"], done["replicas"], seen) == ("serving-already", 2, [])
    assert (done["next"], done["notes"]) == ("pointsman down", [])


async def test_where_an_alias_points_there_down_is_not_what_comes_next() -> None:
    world = Ground("kserve")
    seen = writes(world)
    one = Waking(world.conductor(), world.model, "raw-vllm", quick(), COMMANDS)
    done = await one.carry_out(await one.look())
    assert (done["state"], done["next"], seen) == ("serving-already", "pointsman status", [])
    (note,) = done["notes"]
    assert note.startswith("alias qwen-local points at it (")


@every_layer
async def test_what_is_about_to_be_started_is_told_with_its_price(case: str) -> None:
    world = Ground(case, replicas=3)
    await down(world)
    found = (await waking(world).look()).as_dict()
    assert (found["replicas"], found["gpus"], found["perHour"]) == (3, 3, "7.5")
    assert found["uid"] == world.live["metadata"]["uid"]
    assert "parked by first@test/1" in found["notes"][0]


def waking(world: Ground) -> Waking:
    return Waking(world.conductor(), world.model, world.idle.id, quick(), COMMANDS)


async def test_a_layer_that_a_move_parked_gets_what_is_declared() -> None:
    world = Ground("raw-vllm", replicas=3)
    world.put_over(world.ref, {"spec": {"replicas": 0}})
    found = await waking(world).look()
    assert (found.replicas, "nothing is kept" in found.notes[0]) == (1, True)
    assert (await up(world))["replicas"] == 1


async def test_what_is_kept_of_another_object_does_not_count() -> None:
    world = Ground("raw-vllm", replicas=3)
    await down(world)
    world.put_over(world.ref, {"metadata": {"uid": "uid-new"}})
    assert (await up(world))["replicas"] == 1


async def test_it_serves_only_once_an_engine_gives_a_completion() -> None:
    world = Ground("kserve")
    await down(world)
    world.cluster.faults["kserve"] = Faults(broken=True)
    with pytest.raises(NeedsPersonError) as told:
        await up(world)
    assert told.value.code == "up-not-serving"
    assert "pointsman down parks it" in told.value.next_action
    for engine in world.cluster.engines.values():
        engine.faults = Faults()
    assert (await up(world, "second@test/2"))["state"] == "serving-already"


async def test_a_layer_that_is_not_deployed_is_not_made() -> None:
    world = Ground("kserve")
    await world.cluster.delete(world.ref)
    with pytest.raises(RefusedError) as told:
        await up(world)
    assert (told.value.code, "pointsman move qwen --to kserve" in told.value.next_action) == ("up-absent", True)


@pytest.mark.parametrize(
    ("layer_id", "way"),
    [
        ("kserve", "pointsman up qwen brings the model up on raw-vllm, which it is declared on; then pointsman move"),
        ("raw-vllm", "pointsman up qwen brings it up"),
    ],
)
async def test_where_nobody_is_served_the_way_to_a_layer_that_is_not_deployed_begins_with_up(
    layer_id: str, way: str
) -> None:
    world = Ground(layer_id)
    await world.cluster.delete(world.ref)
    world.edge.members = ()
    with pytest.raises(RefusedError) as told:
        await up(world)
    assert (told.value.code, told.value.next_action.startswith(way)) == ("up-absent", True), told.value.next_action


async def test_without_room_nothing_is_woken() -> None:
    world = Ground("raw-vllm", gpus=3)
    await down(world)
    other = world.cluster.objects[Ref(kind_of("Deployment"), "qwen-predictor", "kserve")]
    world.put_over(Ref(kind_of("InferenceService"), "qwen", "kserve"), {"spec": {"predictor": {"minReplicas": 2}}})
    assert other
    seen = writes(world)
    with pytest.raises(RefusedError) as told:
        await up(world)
    assert (told.value.code, seen) == ("preflight.room", [])


@every_layer
async def test_what_changed_between_look_and_write_is_not_written_over(case: str) -> None:
    world = Ground(case)
    await down(world)
    one = waking(world)
    found = await one.look()
    world.put_over(world.ref, {"metadata": {"labels": {"team": "other"}}})
    seen = writes(world)
    with pytest.raises(ChangedError):
        await one.carry_out(found)
    assert (seen, world.engines()) == ([], [])


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_write_without_an_answer_is_never_said_twice(moment: str) -> None:
    world = Ground("kserve")
    await down(world)
    tries = 0

    def lose(write: Write) -> None:
        nonlocal tries
        if write.ref == world.ref:
            tries += 1
            raise TemporaryError("no answer in time")

    setattr(world.cluster, moment, lose)
    with pytest.raises(NeedsPersonError) as told:
        await up(world)
    assert (told.value.code, tries) == ("park-unknown", 1)
    setattr(world.cluster, moment, lambda write: None)
    assert (await up(world, "second@test/2"))["replicas"] == 2


@pytest.mark.parametrize("moment", ["before", "after"])
@every_layer
async def test_killed_at_any_write_it_goes_on_when_it_is_run_again(case: str, moment: str) -> None:
    number, over = 0, False
    while not over:
        world = Ground(case)
        await down(world)
        left = number

        def die(write: Write) -> None:
            nonlocal left
            left -= 1
            if left == -1:
                raise Died

        setattr(world.cluster, moment, die)
        try:
            await up(world, "second@test/2")
            over = True
        except Died:
            number += 1
        setattr(world.cluster, moment, lambda write: None)
        assert (await up(world, "third@test/3"))["replicas"] == 2
        assert await kept(world.cluster, "qwen", world.idle.id) is None
    assert number >= 3


async def test_an_application_that_would_park_it_again_stops_it() -> None:
    world = Ground("raw-vllm")
    await down(world)
    world.put(application("layer", syncPolicy={"automated": {"selfHeal": True}}))
    tracking = f"layer:apps/Deployment:{world.ref.namespace}/{world.ref.name}"
    world.put_over(world.ref, {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": tracking}}})
    with pytest.raises(RefusedError) as told:
        await up(world)
    assert told.value.code == "park-owner"
