"""Somebody undoes what a move does, again and again: noticed after one round, told with who it is, never a race."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import Ref, kind_of
from tests.move.test_moves_through_git import KSERVE, RAW, moved, world_in
from tests.world.cluster import Write
from tests.world.git import APPLICATION, GitWorld
from tests.world.virtual import run_virtually
from tests.world.world import World, quick

SOURCE = Ref(kind_of("Deployment"), "qwen-raw-vllm", "serving")
TARGET = Ref(kind_of("Deployment"), "qwen-kserve", "kserve")
Object = dict[str, Any]


class Fighter:
    """An Argo CD that was switched to selfHeal in the middle of a move: the object has so many replicas in git."""

    def __init__(self, world: World, ref: Ref, replicas: int) -> None:
        self.world, self.ref, self.replicas, self.rounds = world, ref, replicas, 0
        self.inner, world.cluster.after = world.cluster.after, self.heal
        name = ref.name
        world.put(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": name, "namespace": "argocd"},
                "spec": {"syncPolicy": {"automated": {"selfHeal": True}}},
                "status": {
                    "operationState": {
                        "startedAt": "2026-01-01T00:00:09Z",
                        "operation": {"initiatedBy": {"automated": True}},
                    }
                },
            }
        )

    def heal(self, write: Write) -> None:
        self.inner(write)
        live = self.world.cluster.objects.get(self.ref)
        if write.ref != self.ref or write.verb == "put" or live is None or live["spec"]["replicas"] == self.replicas:
            return
        self.rounds += 1
        owned: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
        metadata = {
            **live["metadata"],
            "labels": {**live["metadata"].get("labels", {}), "app.kubernetes.io/instance": self.ref.name},
            "managedFields": [
                {"manager": "pointsman", "time": "2026-01-01T00:00:11Z", "fieldsV1": owned},
                {"manager": "argocd-controller", "time": "2026-01-01T00:00:10Z", "fieldsV1": owned},
            ],
        }
        self.world.put({**live, "metadata": metadata, "spec": {**live["spec"], "replicas": self.replicas}})

    def stop(self) -> None:
        self.world.cluster.after = self.inner


async def test_a_target_that_is_parked_again_as_soon_as_it_is_woken_is_given_back_at_once() -> None:
    world = World()
    Fighter(world, TARGET, 0)
    result = await world.conductor().move(world.model, "kserve", quick(ready_timeout=20.0))
    assert result.error is not None
    assert (result.error.code, result.receipt["state"]) == ("serve-ready.undone-by-others", "undone")
    assert "argocd-controller at 2026-01-01T00:00:10Z" in result.error.what
    assert "Application argocd/qwen-kserve (Argo CD) is automated with selfHeal" in result.error.what
    assert "last synced by Argo CD itself" in result.error.what
    assert world.serving() == {"raw-vllm": 100}
    assert not world.edge.outages


async def test_a_source_that_is_woken_again_after_it_was_parked_is_told_and_finished_once_they_stop() -> None:
    world = World()
    fighter = Fighter(world, SOURCE, 1)
    result = await world.conductor().move(world.model, "kserve", quick(release_timeout=300.0))
    assert isinstance(result.error, NeedsPersonError)
    assert (result.error.code, result.receipt["state"]) == ("forward-stuck", "forward-stuck")
    assert "argocd-controller at 2026-01-01T00:00:10Z" in result.error.what
    assert fighter.rounds == 1, "it was parked once, and no race was run"
    assert world.serving() == {"kserve": 100}
    fighter.stop()
    done = await world.conductor("second@test/2").carry(result.receipt["move"], _resumed())
    assert done.receipt["state"] == "done"
    assert world.cluster.objects[SOURCE]["spec"]["replicas"] == 0


def _resumed() -> Any:
    from pointsman.move.control import RESUME

    return RESUME


def bot(world: GitWorld, change: Any) -> list[str]:
    """A program that pushes after each commit of ours; what it pushed."""
    pushed: list[str] = []
    inner = world.cluster.after

    def after(write: Write) -> None:
        inner(write)
        made = len(world.marks())
        if made > len(pushed) and write.ref.name == "litellm":
            pushed.append("")
            text = world.values()
            world.git("config", "user.name", "argocd-image-updater")
            world.push(change(text), f"build: update {made}")

    world.cluster.after = after
    return pushed


def test_an_image_updater_that_commits_to_the_same_file_stops_nothing(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    pushed = bot(world, lambda text: text.replace("replicas: 2", f"replicas: 2 # {len(world.marks())}"))
    result = run_virtually(moved(world))
    assert result.error is None, result.error
    assert (len(pushed) >= 4, world.in_git()) == (True, {KSERVE: 100})


def test_somebody_who_takes_every_commit_of_the_alias_back_is_told_by_name_and_not_raced(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    before = world.values()
    bot(world, lambda text: before)
    result = run_virtually(moved(world))
    assert result.error is not None
    assert len(world.marks()) <= 2
    assert world.in_git() == {RAW: 100}
    assert all(one == {RAW: 100} for one in world.running())
    assert "Somebody" in result.error.what or "argocd-image-updater" in result.error.what, result.error.what


def test_somebody_who_commits_over_it_is_named_also_while_an_operation_of_argo_cd_hangs(tmp_path: Path) -> None:
    world = world_in(tmp_path)
    before, inner, done = world.values(), world.cluster.after, list[str]()

    def after(write: Write) -> None:
        if len(world.marks()) == 1 and not done:
            done.append("theirs")
            world.push(before, "As it should be")
            hung: Object = {"initiatedBy": {"automated": True}, "sync": {}}
            state = {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z", "retryCount": 5, "operation": hung}
            live = world.cluster.objects[APPLICATION]
            world.cluster.objects[APPLICATION] = {
                **live,
                "operation": hung,
                "status": {**live["status"], "operationState": state},
            }
        inner(write)

    world.cluster.after = after
    result = run_virtually(moved(world))
    assert done
    assert result.error is not None
    assert "shift-10 failed: somebody else changed the alias in git after commit" in result.error.what
    assert "Somebody in " in result.error.what
    assert world.values() == before
