"""While a teardown is open: nothing else begins with its models, it is told, carried on as agreed, or given up."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from pointsman.audit.audit import Means, audit
from pointsman.edge.contract import AliasState
from pointsman.errors import NeedsPersonError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.leaving.teardown import Teardown
from pointsman.move.bring_up import bring_up
from pointsman.move.holding.lock import TeardownLock
from pointsman.move.journal.ledger import Ledger
from pointsman.move.journal.teardowns import TeardownOpening, Teardowns
from pointsman.move.overview import overview
from pointsman.move.records import remember
from pointsman.parking.down import Down
from pointsman.parking.waking import Waking
from pointsman.spec.model import Model
from pointsman.teardown.carrying import Carrying
from pointsman.teardown.scope import Choices, Scope, refuse_other_choices
from tests.docs.schemas.holding import held
from tests.move.test_kill_everywhere import Died
from tests.teardown.ground import ALL, OPTIONS, QWEN, carry_on, everywhere, journal, left, look, records, tear
from tests.world.cluster import Write, copied
from tests.world.layers import LAYERS
from tests.world.world import World, quick


async def begun(scope: Scope = QWEN, record: int = 4, **chosen: Any) -> World:
    """A world whose teardown died right after one of its records."""
    world = await everywhere()

    def die(write: Write) -> None:
        if f"record-{record:06d}" in ((write.body or {}).get("data") or {}):
            raise Died

    world.cluster.after = die
    with pytest.raises(Died):
        await tear(world, scope, **chosen)
    world.cluster.after = lambda write: None
    return world


@pytest.mark.parametrize("verb", ["move", "up", "down", "up --layer", "teardown --layer"])
@pytest.mark.parametrize("scope", [QWEN, ALL], ids=["model", "all"])
async def test_nothing_else_begins_with_the_model(scope: Scope, verb: str) -> None:
    world = await begun(scope)
    before = (world.workloads(), world.edge.members)
    one = world.conductor("second@test/2")
    work: Callable[[], Awaitable[Any]] = {
        "move": lambda: one.move(world.model, "kserve", quick()),
        "up": lambda: bring_up(one, world.model, quick()),
        "down": lambda: Down(one, world.model, "kserve", quick()).look(),
        "up --layer": lambda: Waking(one, world.model, "kserve", quick()).look(),
        "teardown --layer": lambda: Teardown(one, world.model, "kserve", quick()).look(),
    }[verb]
    with pytest.raises(RefusedError) as told:
        await work()
    assert told.value.code == "teardown-open"
    assert f"teardown {scope.words} carries it on" in told.value.next_action
    assert (world.workloads(), world.edge.members) == before


@pytest.mark.parametrize("verb", ["move", "up", "down", "up --layer"])
async def test_what_begins_at_the_same_moment_sees_it_under_the_models_lock(verb: str) -> None:
    world, torn_down = await everywhere(), await begun()
    (found,) = [one for ref, one in torn_down.cluster.objects.items() if ref.name.startswith("teardown-2")]

    def between(write: Write) -> None:
        if write.ref.name == "move-qwen":
            world.cluster.before = lambda write: None
            world.put(found)

    world.cluster.before = between
    one, before = world.conductor(), world.workloads()
    work: Callable[[], Awaitable[Any]] = {
        "move": lambda: one.move(world.model, "kserve", quick()),
        "up": lambda: bring_up(one, world.model, quick()),
        "down": lambda: looked(Down(one, world.model, "kserve", quick(drain_timeout=2.0))),
        "up --layer": lambda: looked(Waking(one, world.model, "kserve", quick())),
    }[verb]
    with pytest.raises(RefusedError) as told:
        await work()
    assert told.value.code == "teardown-open"
    assert world.workloads() == before
    assert await Ledger(world.cluster, world.clock).moves(model="qwen") == []


async def looked(action: Down | Waking) -> Any:
    return await action.carry_out(await action.look())


async def test_it_is_not_begun_while_a_move_is_open() -> None:
    world = await everywhere()

    def die(write: Write) -> None:
        if write.ref.name.startswith("qwen-2026") and "000004" in ((write.body or {}).get("data") or {}):
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "llm-d", quick())
    world.cluster.before = lambda write: None
    with pytest.raises(RefusedError) as told:
        await tear(world)
    assert told.value.code == "move-open"
    assert "qwen-raw-vllm" in str(left(world))


async def test_another_one_that_would_take_the_same_away_is_refused_and_one_of_another_model_is_not() -> None:
    world = await begun(QWEN)
    carrying = Carrying(world.conductor("second@test/2"), OPTIONS)
    for scope in (ALL, Scope("layer", "kserve")):
        with pytest.raises(RefusedError) as told:
            await carrying.open_one(scope)
        assert told.value.code == "teardown-open"
    assert await carrying.open_one(Scope("model", "other")) is None


async def test_status_tells_it_of_each_of_its_models() -> None:
    world = await begun()

    async def aliases(models: Any) -> dict[str, AliasState]:
        return {model.name: await world.edge.read() for model in models}

    (row,) = await overview(world.cluster, world.clock, LAYERS, aliases)
    assert (row["teardown"]["step"], row["teardown"]["next"]) == ("drain:qwen/raw-vllm", "pointsman teardown qwen")
    assert "teardown of model qwen is open at step drain:qwen/raw-vllm" in row["warnings"][0]


async def audited(world: World, files: Sequence[Model] = ()) -> dict[str, Any]:
    async def aliases(models: Any) -> dict[str, AliasState]:
        return {model.name: await world.edge.read() for model in models}

    return await audit(Means(world.cluster, world.clock, LAYERS, aliases), None, files)


async def test_audit_tells_it_once_nobody_carries_it_on_and_no_layer_of_it_besides() -> None:
    world = await begun()
    one = (await audited(world))["findings"]
    assert [(each["kind"], each["end"]) for each in one] == [("teardown", "pointsman teardown qwen")]
    lock = TeardownLock(world.cluster, world.clock, "living@test/9")
    world.clock.seconds += 60
    await lock.take()
    assert (await audited(world))["findings"] == []


async def test_audit_says_of_each_thing_that_is_left_when_a_step_did_less_than_it_said() -> None:
    world = await everywhere()
    await tear(world)
    for manifest in LAYERS[1].render(world.model):
        world.put(manifest)
    kinds = {each["kind"] for each in (await audited(world))["findings"]}
    assert kinds == {"left-over"}


async def test_audit_counts_nothing_that_was_told_to_stay_but_another_object_of_that_name() -> None:
    world = await everywhere()
    node = world.cluster.objects[Ref(kind_of("Node"), "node-0")]
    node["metadata"]["uid"] = "uid-node"
    await tear(world, keep_nodes=True)
    said = await audited(world)
    assert (said["findings"], [one["name"] for one in said["kept"]]) == ([], ["Node node-0"])
    await remember(world.cluster, world.model)
    assert [one["name"] for one in (await audited(world))["findings"]] == ["Node node-0"], "it idles beside a model"
    await world.cluster.delete(Ref(kind_of("ConfigMap"), "model-qwen", "pointsman-system"))
    node["metadata"]["uid"] = "another"
    said = await audited(world)
    assert ([one["name"] for one in said["findings"]], said["kept"]) == (["Node node-0"], [])


@pytest.mark.parametrize(
    ("said", "option"),
    [({"keep_volumes": True}, "--keep-volumes"), ({"leave": ["chat"]}, "--leave"), ({"drain_timeout": 5.0}, "--drain")],
)
def test_other_choices_than_it_was_begun_with_are_refused(said: dict[str, Any], option: str) -> None:
    kept = Choices(withdraw=("all",), leave=("one",))
    refuse_other_choices(kept, {"leave": ["one"], "keep_volumes": False}, "pointsman teardown --all")
    with pytest.raises(RefusedError) as told:
        refuse_other_choices(kept, said, "pointsman teardown --all")
    assert (told.value.code, option in told.value.what) == ("teardown-choices", True)


async def test_what_is_to_be_forgotten_is_forgotten_by_whoever_carries_on() -> None:
    world = await begun(ALL, 6, forget=True)
    labels = {"app.kubernetes.io/managed-by": "pointsman", "pointsman.dev/move": "qwen-1"}
    metadata = {"name": "qwen-1", "namespace": "pointsman-system", "labels": labels}
    world.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {}})
    await carry_on(world)
    assert records(world) == []


async def test_choices_are_taken_from_the_journal_by_whoever_carries_on() -> None:
    world = await begun(ALL, 6, keep_volumes=True)
    world.put(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "old", "namespace": "kserve", "labels": {"pointsman.dev/model": "qwen"}},
            "spec": {},
        }
    )
    done = await carry_on(world)
    assert done is not None
    assert done["choices"]["keep_volumes"] is True
    assert left(world) == ["PersistentVolumeClaim kserve/old"]


async def test_given_up_what_is_gone_stays_gone_and_the_model_can_be_brought_up_again() -> None:
    world = await begun(QWEN, 6)
    carrying = Carrying(world.conductor("second@test/2"), OPTIONS)
    progress = await carrying.open_one(QWEN)
    assert progress is not None
    ended = await carrying.abandon(progress)
    held("teardown", {**ended.as_dict(), "left": [one for one in ended.plan.steps if one not in ended.done]})
    assert (ended.as_dict()["state"], len(ended.done)) == ("abandoned", 2)
    assert world.edge.members == ()
    assert await carrying.open_one(QWEN) is None
    await bring_up(world.conductor("third@test/3"), world.model, quick())
    assert world.serving() == {"raw-vllm": 100}


async def test_a_live_process_that_carries_it_is_left_alone() -> None:
    world = await begun()
    lock = TeardownLock(world.cluster, world.clock, "living@test/9")
    world.clock.seconds += 60
    await lock.take()

    def renews(seconds: float) -> None:
        found = world.cluster.objects[lock.ref]
        found["spec"]["renewTime"] = world.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    world.clock.passing = renews
    with pytest.raises(RefusedError) as told:
        await carry_on(world, QWEN)
    assert told.value.code == "teardown-held"
    notices = [one.text for one in world.seen.happenings]
    assert "the lock of teardowns, held by living@test/9, is watched for 15 s for a sign of life" in notices


@pytest.mark.parametrize(
    "change",
    [
        lambda data: {**data, "record-000003": data["record-000002"]},
        lambda data: {key: line for key, line in data.items() if key != "record-000002"},
        lambda data: {**data, "record-000001": data["record-000001"].replace("qwen", "other")},
        lambda data: {**data, "record-000003": data["record-000003"].replace("http-400", "http-200")},
        lambda data: {**data, "record-000002": "{"},
        lambda data: {**data, "record-000002": {"v": 1}},
        lambda data: list(data.values()),
        lambda data: {**data, "record-000002": json.dumps({**json.loads(data["record-000002"]), "v": 2})},
        lambda data: {},
    ],
)
async def test_a_journal_that_no_teardown_can_have_written_is_not_carried_on(change: Any) -> None:
    world = await begun()
    (ref,) = [ref for ref in world.cluster.objects if ref.name.startswith("teardown-2")]
    world.cluster.objects[ref]["data"] = change(journal(world))
    before = left(world)
    with pytest.raises(NeedsPersonError) as told:
        await carry_on(world, QWEN)
    assert told.value.code == "teardown-torn"
    assert left(world) == before
    _, unread = await Teardowns(world.cluster, world.clock).every()
    assert len(unread) == 1


async def test_one_that_lost_its_journal_to_another_process_stops() -> None:
    world = await everywhere()

    def steal(write: Write) -> None:
        if "record-000004" in ((write.body or {}).get("data") or {}):
            world.cluster.after = lambda write: None
            found = copied(world.cluster.objects[write.ref])
            last = json.loads(found["data"]["record-000004"])
            found["data"]["record-000005"] = json.dumps({**last, "seq": 5})
            found["metadata"]["resourceVersion"] = "9999999"
            world.cluster.objects[write.ref] = found

    world.cluster.after = steal
    with pytest.raises(NeedsPersonError) as told:
        await tear(world, QWEN)
    assert told.value.code == "teardown-lost"
    assert "Deployment serving/qwen-raw-vllm" in left(world)


async def test_after_the_end_nothing_is_there_to_take_away() -> None:
    world = await everywhere()
    await tear(world)
    assert (await look(world)).gone
    assert not (await look(world, forget=True)).gone


@pytest.mark.parametrize(
    ("steps", "choices"),
    [(["left:Secret kserve/vllm-api-key"], {}), (["set:Secret kserve/vllm-api-key"], {}), ([], {"keep_volumes": []})]
    + [([step], {}) for step in ("objects:other/kserve", "objects:qwen/none", "wipe:qwen", "objects", "alias")],
)
async def test_a_journal_that_would_take_anything_away_is_not_believed(steps: list[str], choices: Any) -> None:
    world = await everywhere()
    ledger = Teardowns(world.cluster, world.clock)
    said = {**Choices().as_dict(), **choices}
    opening = TeardownOpening(scope="all", models=("qwen",), steps=(*steps, "look", "records"), choices=said)
    await ledger.open("teardown-20260101-000000-ab12", opening, epoch=1, holder="somebody")
    with pytest.raises(NeedsPersonError) as told:
        await carry_on(world)
    assert told.value.code == "teardown-torn"
    assert Ref(kind_of("Secret"), "vllm-api-key", "kserve") in world.cluster.objects


async def test_what_became_somebody_elses_meanwhile_stays() -> None:
    world = await everywhere()
    for name in ("old", "older"):
        metadata = {"name": name, "namespace": "kserve", "labels": {"pointsman.dev/model": "gone"}}
        world.put({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}})

    def taken(write: Write) -> None:
        if any('"step":"objects:qwen/llm-d"' in line for line in ((write.body or {}).get("data") or {}).values()):
            world.cluster.objects[Ref(kind_of("Service"), "old", "kserve")]["metadata"]["labels"] = {}

    world.cluster.after = taken
    await tear(world)
    assert left(world) == ["Service kserve/old"]
