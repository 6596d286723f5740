"""Which strategy is chosen, what it asks of tenants, and that a move by it ends where it should, or where it began."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pointsman.errors import RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.move.plan.plan import Plan
from pointsman.move.plan.schedule import rounds
from pointsman.report.contract import Happening, Topic
from pointsman.spec.model import Model
from pointsman.spec.resources import Accelerator
from tests.docs.schemas.holding import held
from tests.world.engine import Faults
from tests.world.world import World, quick

DOWN = {"allow_downtime": 60.0}


def bridged(world: World) -> Model:
    """The world's model, which may be served from a CPU by KServe on the way."""
    spec = world.model.spec
    layers = spec.layers.model_copy(
        update={"kserve": spec.layers.kserve.model_copy(update={"accelerator": Accelerator(gpus_per_replica=0)})}
    )
    move = spec.move.model_copy(update={"bridge": "kserve"})
    return world.model.model_copy(update={"spec": spec.model_copy(update={"layers": layers, "move": move})})


async def planned(world: World, **options: object) -> Plan:
    plan = await world.conductor().plan(world.model, "llm-d", quick(**options))
    held("plan", plan.as_dict())
    return plan


@pytest.mark.parametrize(
    ("gpus", "replicas", "strategy"),
    [
        (1, 1, "gap"),
        (2, 1, "side-by-side"),
        (4, 1, "side-by-side"),
        (2, 2, "replica-by-replica"),
        (3, 2, "replica-by-replica"),
        (4, 2, "side-by-side"),
        (3, 3, "replica-by-replica"),
        (4, 3, "replica-by-replica"),
        (6, 3, "side-by-side"),
    ],
)
async def test_the_kindest_strategy_that_fits_is_chosen(gpus: int, replicas: int, strategy: str) -> None:
    plan = await planned(World(gpus=gpus, replicas=replicas), **DOWN)
    assert plan.strategy == strategy
    assert (plan.prediction.downtime > 0) == (strategy == "gap")


async def test_tenants_without_an_engine_are_never_the_programs_own_choice() -> None:
    with pytest.raises(RefusedError, match="--allow-downtime") as refused:
        await planned(World(gpus=1))
    assert refused.value.code == "preflight.room"


async def test_a_strategy_that_cannot_work_is_refused_with_the_reason() -> None:
    with pytest.raises(RefusedError, match=r"0 of 1 nvidia\.com/gpu free"):
        await planned(World(gpus=1), strategy="side-by-side", **DOWN)
    with pytest.raises(RefusedError, match="two replicas or more"):
        await planned(World(gpus=1), strategy="replica-by-replica")
    with pytest.raises(RefusedError, match=r"spec\.move\.bridge"):
        await planned(World(gpus=1), strategy="bridge")


async def test_a_bridge_is_chosen_before_a_gap() -> None:
    world = World(gpus=1)
    world.model = bridged(world)
    plan = await planned(world, **DOWN)
    assert plan.strategy == "bridge"
    assert plan.prediction.downtime == 0


@pytest.mark.parametrize(("replicas", "spare"), [(n, s) for n in range(2, 9) for s in range(n)])
def test_every_round_fits_and_leaves_tenants_enough(replicas: int, spare: int) -> None:
    found = rounds(replicas, spare)
    source, target, share = replicas, found.first, 0
    if not spare:
        source = replicas - 1
    for step in found.steps:
        kind, _, count = step.partition("-")
        if kind == "source" and count.isdigit():
            source = int(count)
        elif kind == "target" and count.isdigit():
            target = int(count)
        elif kind == "shift":
            assert share < int(count), "a share that does not grow"
            share = int(count)
        elif kind == "park":
            source = 0
        assert source + target <= replicas + spare
        if share not in (0, 100):
            assert share * replicas <= 100 * target, "the target carries more than its part"
        if source:
            assert source + target >= found.least
    assert (source, target, share) == (0, replicas, 100)


MOVES = [
    (1, 1, {"allow_downtime": 60.0}),
    (2, 2, {}),
    (4, 3, {}),
    (3, 3, {}),
]


@pytest.mark.parametrize(("gpus", "replicas", "options"), MOVES)
async def test_a_move_ends_on_the_target_whole(gpus: int, replicas: int, options: dict[str, float]) -> None:
    world = World(gpus=gpus, replicas=replicas)
    result = await world.conductor().move(world.model, "llm-d", quick(**options))
    assert result.error is None
    assert world.serving() == {"llm-d": 100}
    assert world.workloads()["Deployment serving/qwen-raw-vllm"] == 0
    assert world.workloads()["Deployment llm-d/qwen-llm-d"] == replicas
    assert world.edge.outages == []


async def test_a_move_over_a_bridge_parks_both_others_and_never_leaves_tenants_alone() -> None:
    world = World(gpus=1)
    world.model = bridged(world)
    result = await world.conductor().move(world.model, "llm-d", quick())
    assert result.error is None
    assert world.serving() == {"llm-d": 100}
    deployments = {name: one for name, one in world.workloads().items() if name.startswith("Deployment")}
    assert list(deployments.values()) == [0, 0, 1]
    assert world.edge.outages == []


def failures() -> Iterator[tuple[int, int, dict[str, float], str]]:
    """A way to fail at every step that can be interrupted."""
    ids = ("reference", "close", "drain", "release", "deploy", "serve-ready", "contract", "open", "hold")
    yield from ((1, 1, {"allow_downtime": 60.0}, step) for step in ids)
    ids = ("deploy", "shift-33", "source-2", "target-2", "shift-66", "source-1", "target-3", "shift-100", "drain")
    yield from ((4, 3, {}, step) for step in ids)
    yield from ((3, 3, {}, step) for step in ("source-2", "contract", "source-1", "shift-66", "shift-100"))


@pytest.mark.parametrize(("gpus", "replicas", "options", "step"), list(failures()))
async def test_an_interrupted_move_leaves_everything_as_it_was(
    gpus: int, replicas: int, options: dict[str, float], step: str
) -> None:
    world = World(gpus=gpus, replicas=replicas)
    before = world.workloads()
    conductor = world.conductor()

    def interrupt(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == step:
            conductor.interrupt()

    world.seen.react = interrupt
    result = await conductor.move(world.model, "llm-d", quick(**options))
    assert result.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}
    assert {name: one for name, one in world.workloads().items() if not name.startswith("Pod")} == {
        name: one for name, one in before.items() if not name.startswith("Pod")
    }
    assert len(world.cluster.serving("serving")) == replicas
    assert world.edge.outages == []


@pytest.mark.parametrize("step", ["bridge.shift-50", "bridge.release", "deploy", "contract", "shift-50", "drain"])
async def test_an_interrupted_move_over_a_bridge_goes_all_the_way_back(step: str) -> None:
    world = World(gpus=1)
    world.model = bridged(world)
    before = world.workloads()
    conductor = world.conductor()

    def interrupt(happening: Happening) -> None:
        if happening.topic is Topic.STEP_BEGUN and happening.step == step:
            conductor.interrupt()

    world.seen.react = interrupt
    result = await conductor.move(world.model, "llm-d", quick())
    assert result.receipt["state"] == "undone"
    assert world.serving() == {"raw-vllm": 100}
    kept = {name: one for name, one in world.workloads().items() if not name.startswith("Pod")}
    assert kept == {name: one for name, one in before.items() if not name.startswith("Pod")}
    assert world.edge.outages == []


async def test_a_target_that_does_not_serve_in_a_gap_gives_tenants_their_source_back() -> None:
    world = World(gpus=1)
    world.cluster.faults["llm-d"] = Faults(never_ready=True)
    result = await world.conductor().move(world.model, "llm-d", quick(**DOWN))
    assert result.error is not None
    assert "serve-ready" in str(result.error.code)
    assert world.serving() == {"raw-vllm": 100}
    assert len(world.cluster.serving("serving")) == 1


async def test_the_gap_is_measured_and_the_next_one_predicted_from_it() -> None:
    world = World(gpus=1)
    there = await world.conductor().move(world.model, "llm-d", quick(**DOWN))
    measured = there.receipt["downtime"]["measuredSeconds"]
    assert measured is not None
    back = await world.conductor().move(world.model, "raw-vllm", quick(**DOWN))
    assert back.error is None
    plan = await planned(world, **DOWN)
    assert plan.prediction.downtime_source == "median of 1 gaps there" if measured else plan.prediction.downtime > 0


async def test_a_pod_of_somebody_else_that_waits_for_the_gpu_is_counted_first() -> None:
    world = World(gpus=2)
    container = {"name": "x", "resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod = {"metadata": {"name": "other", "namespace": "x"}, "spec": {"containers": [container]}, "status": {}}
    world.cluster.objects[Ref(kind_of("Pod"), "other", "x")] = {"kind": "Pod", **pod}
    with pytest.raises(RefusedError, match="1 pod waits for a node already"):
        await planned(world)
    world.cluster.objects[Ref(kind_of("Pod"), "other", "x")]["status"] = {"phase": "Running"}
    assert (await planned(world)).strategy, "what runs waits for nothing, whoever plays its node"
