"""A whole model, and everything, taken away in memory; and the process killed around every record of its journal."""

from __future__ import annotations

import json

import pytest

from pointsman.kube.resources import Ref, kind_of
from pointsman.report.teardown import ended_line, survey_lines
from pointsman.teardown.acting import told
from pointsman.teardown.scope import Scope
from pointsman.teardown.steps import act_of
from tests.move.test_kill_everywhere import Died, moments
from tests.teardown.ground import ALL, QWEN, carry_on, everywhere, journal, left, look, records, tear
from tests.world.cluster import Write


async def test_a_model_goes_with_its_alias_first_and_its_record_last() -> None:
    world = await everywhere()
    done = await tear(world, QWEN)
    assert left(world) == []
    assert world.edge.members == ()
    assert world.edge.outages == []
    assert (done["state"], done["gpus"], done["aliases"]) == ("finished", 3, ["qwen-local"])
    words = [(one["word"], one["step"]) for one in map(json.loads, journal(world).values())]
    assert words[1] == ("intent", "alias:qwen")
    assert words[-2:] == [("outcome", "records"), ("finished", "")]
    assert [name for name in records(world) if not name.startswith("teardown-2")] == ["teardown"]


async def test_everything_goes_and_journals_of_moves_stay() -> None:
    world = await everywhere()
    await tear(world)
    assert left(world) == []
    assert [name for name in records(world) if name.startswith(("model-", "parked-", "move-"))] == []


async def test_with_forget_nothing_of_ours_is_left() -> None:
    world = await everywhere()
    await tear(world, forget=True)
    assert (left(world), records(world)) == ([], [])
    assert Ref(kind_of("Namespace"), "pointsman-system") not in world.cluster.objects


async def test_our_namespace_stays_where_somebody_else_put_something() -> None:
    world = await everywhere()
    metadata = {"name": "theirs", "namespace": "pointsman-system"}
    world.put({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {}})
    await tear(world, forget=True)
    assert records(world) == ["theirs"]
    assert Ref(kind_of("Namespace"), "pointsman-system") in world.cluster.objects


@moments("after", "before")
@pytest.mark.parametrize("scope", [QWEN, ALL], ids=["model", "all"])
async def test_killed_around_every_record_it_is_carried_on_to_the_same_end(scope: Scope, moment: str) -> None:
    undisturbed = await everywhere()
    whole = await tear(undisturbed, scope)
    total = len(journal(undisturbed))
    assert total > 20
    deaths = 0
    for number in range(1, total + 1):
        world = await everywhere()

        def die(write: Write, number: int = number) -> None:
            if write.ref.name.startswith("teardown-2") and f"record-{number:06d}" in (
                (write.body or {}).get("data") or {}
            ):
                raise Died

        setattr(world.cluster, moment, die)
        with pytest.raises(Died):
            await tear(world, scope)
        setattr(world.cluster, moment, lambda write: None)
        deaths += 1
        done = await carry_on(world, scope)
        if done is None and left(world):
            done = await tear(world, scope, "second@test/2")
        if done is not None:
            told = [done[one] for one in ("aliases", "gone", "gpus", "applications")]
            assert told == [whole[one] for one in ("aliases", "gone", "gpus", "applications")], number
        assert (left(world), world.edge.members, world.edge.outages) == ([], (), []), number
        assert [one for one in records(world) if one.startswith(("model-", "move-"))] == [], number
    print(f"{scope.title}: {deaths} deaths {moment} a record, all carried on")  # noqa: T201


@pytest.mark.parametrize("scope", [QWEN, ALL], ids=["model", "all"])
async def test_records_are_counted_alike_before_and_after_and_one_thing_is_one(scope: Scope) -> None:
    world = await everywhere()
    shown = survey_lines(scope.title, (await look(world, scope)).as_dict(), "here")
    assert "  - 1 record of ours, last of all" in shown
    assert [one for one in shown if "1 GPUs" in one or " 1 engine pods" in one] == []
    done = await tear(world, scope)
    written = [json.loads(one) for one in journal(world).values()]
    (gone,) = [one["detail"] for one in written if (one["word"], one["step"]) == ("outcome", "records")]
    assert told(act_of("records"), gone) == "1 record of ours gone"
    assert ended_line("it", {**done, "gone": ["x"], "gpus": 1, "aliases": [], "kept": []}) == (
        "it is gone: 1 object, 1 GPU free again"
    )
