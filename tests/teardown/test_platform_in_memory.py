"""ApplicationSets of a platform repository: taken down in order, with what they made, in memory with Argo CD played."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.catalog.repository import open_repository
from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import Ref, kind_of
from pointsman.teardown.carrying import Carrying
from pointsman.teardown.scope import Choices
from pointsman.teardown.sets import declared_in
from pointsman.teardown.survey import Survey, survey
from tests.docs.schemas.holding import held
from tests.move.test_kill_everywhere import Died
from tests.teardown.ground import ALL, OPTIONS, carry_on, everywhere, left, live, look
from tests.world.cluster import Write
from tests.world.world import World, layer

Object = dict[str, Any]
API = "argoproj.io/v1alpha1"
FINALIZER = "resources-finalizer.argocd.argoproj.io"
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
SETS = ("platform", "serving", "demos")
"""In the order in which the profile applies them."""


class Argo:
    """Its two controllers, as far as they matter here: a set makes its Application again, an Application takes along
    what it lists where it has the finalizer, and a group makes its Applications again."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.deleted: list[str] = []
        world.cluster.before, world.cluster.after = self.before, self.after
        self._going: dict[Ref, Object] = {}

    def before(self, write: Write) -> None:
        if write.verb == "delete" and write.ref in self.world.cluster.objects:
            self._going[write.ref] = self.world.cluster.objects[write.ref]

    def after(self, write: Write) -> None:
        gone = self._going.pop(write.ref, None)
        if gone is None:
            return
        self.deleted.append(str(write.ref))
        if write.ref.kind.name == "ApplicationSet":
            return
        if write.ref.kind.name == "Application":
            if FINALIZER in (gone["metadata"].get("finalizers") or []):
                self.cascade(gone)
            self.again(gone)

    def cascade(self, app: Object) -> None:
        for one in app["status"]["resources"]:
            ref = Ref(kind_of(one["kind"]), one["name"], one["namespace"])
            live = self.world.cluster.objects.get(ref, {"metadata": {}})
            if "Delete=false" in str((live["metadata"].get("annotations") or {}).get(SYNC_OPTIONS)):
                continue
            found = self.world.cluster.objects.pop(ref, None)
            if found is not None and ref.kind.name == "Application":
                self.deleted.append(str(ref))
                if FINALIZER in (found["metadata"].get("finalizers") or []):
                    self.cascade(found)
        self.world.cluster._control()

    def again(self, app: Object) -> None:
        for ref, one in list(self.world.cluster.objects.items()):
            made = any(
                each["name"] == app["metadata"]["name"] for each in _listed(one) if each["kind"] == "Application"
            )
            if ref.kind.name == "Application" and made:
                self.world.put(app)
        for owner in app["metadata"].get("ownerReferences") or []:
            if Ref(kind_of("ApplicationSet"), owner["name"], "argocd") in self.world.cluster.objects:
                self.world.put(app)


def _listed(app: Object) -> list[Object]:
    return list((app.get("status") or {}).get("resources") or [])


def entry(one: Object) -> Object:
    group, _, version = one["apiVersion"].rpartition("/")
    place = {"namespace": one["metadata"].get("namespace"), "name": one["metadata"]["name"]}
    return {"group": group, "version": version, "kind": one["kind"], **place, "status": "Synced"}


def app(name: str, holds: list[Object], *, owner: str = "", finalizer: bool = True, automated: bool = False) -> Object:
    owners = [{"apiVersion": API, "kind": "ApplicationSet", "name": owner, "uid": owner}] if owner else []
    policy = {"automated": {"prune": True, "selfHeal": True}} if automated else {}
    return {
        "apiVersion": API,
        "kind": "Application",
        "metadata": {
            "name": name,
            "namespace": "argocd",
            "finalizers": [FINALIZER] if finalizer else [],
            "ownerReferences": owners,
        },
        "spec": {
            "project": "platform",
            "destination": {"server": "https://kubernetes.default.svc"},
            "source": {"path": f"catalog/{name}"},
            "syncPolicy": policy,
        },
        "status": {
            "reconciledAt": "2026-01-01T00:00:00Z",
            "sync": {"status": "Synced"},
            "resources": [entry(one) for one in holds],
        },
    }


def workload(world: World, name: str) -> Object:
    """One of the platform's own, that is there."""
    made: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kserve"},
        "spec": {"replicas": 0, "template": {"metadata": {"labels": {}}, "spec": {"containers": []}}},
    }
    world.put(made)
    return made


async def platform(*, finalizer: bool = True) -> World:
    """KServe of the model is kept by an Application of the group demos, llm-d by one of the group serving."""
    world = await everywhere()
    for name, kept, home in (("kserve-demo", "kserve", "demos"), ("llm-d", "llm-d", "serving")):
        child = app(name, layer(kept).render(world.model), finalizer=finalizer)
        world.put(child)
        world.put(app(f"group-{home}", [child], owner=home, automated=True))
    world.put(app("group-platform", [workload(world, "controller")], owner="platform", automated=True))
    for name in SETS:
        world.put(
            {"apiVersion": API, "kind": "ApplicationSet", "metadata": {"name": name, "namespace": "argocd"}, "spec": {}}
        )
    world.put(
        {"apiVersion": API, "kind": "AppProject", "metadata": {"name": "platform", "namespace": "argocd"}, "spec": {}}
    )
    return world


DECLARED = declared_in(open_repository(Path(__file__).parents[2] / "examples/platform", None))


async def seen(world: World, holder: str = "first@test/1", **chosen: Any) -> tuple[Survey, Carrying]:
    conductor = world.conductor(holder)
    choices = Choices(withdraw=("all",), drain_timeout=2.0, **chosen)
    found = await survey(conductor, ALL, choices, OPTIONS, [], DECLARED)
    held("teardown-preview", found.as_dict())
    return found, Carrying(conductor, OPTIONS)


async def tear(world: World, **chosen: Any) -> Any:
    found, carrying = await seen(world, **chosen)
    assert found.stops == []
    done = await carrying.begin(found, found)
    held("teardown", done)
    return done


@pytest.mark.parametrize("finalizer", [True, False])
async def test_sets_go_the_last_applied_first_and_nothing_that_they_made_runs_on(finalizer: bool) -> None:
    world = await platform(finalizer=finalizer)
    world.put(app("edge", [workload(world, "edge")], owner="platform", finalizer=finalizer, automated=True))
    argo = Argo(world)
    done = await tear(world)
    assert left(world) == []
    sets = [name for name in argo.deleted if name.startswith("ApplicationSet")]
    assert sets == [f"ApplicationSet argocd/{name}" for name in ("demos", "serving", "platform")]
    assert argo.deleted.index("Application argocd/kserve-demo") < argo.deleted.index(sets[1])
    assert done["state"] == "finished"


async def test_killed_around_every_record_the_platform_goes_all_the_same() -> None:
    undisturbed = await platform()
    Argo(undisturbed)
    await tear(undisturbed)
    (found,) = [one for ref, one in undisturbed.cluster.objects.items() if ref.name.startswith("teardown-2")]
    for number in range(2, len(found["data"]) + 1):
        world = await platform()
        argo = Argo(world)

        def die(write: Write, number: int = number, argo: Argo = argo) -> None:
            argo.after(write)
            if f"record-{number:06d}" in ((write.body or {}).get("data") or {}):
                raise Died

        world.cluster.after = die
        with pytest.raises(Died):
            await tear(world)
        world.cluster.after = argo.after
        await carry_on(world)
        assert left(world) == [], number


@pytest.mark.parametrize("keep", [True, False])
async def test_claims_that_applications_keep_stay_only_where_it_is_chosen(keep: bool) -> None:
    world = await platform()
    claim: Object = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": {}}
    claim["metadata"] = {"name": "cache", "namespace": "llm-gateway"}
    world.put(claim)
    world.put(app("litellm", [claim], owner="platform"))
    Argo(world)
    await tear(world, keep_volumes=keep)
    assert left(world) == (["PersistentVolumeClaim llm-gateway/cache"] if keep else [])


async def test_an_application_with_an_operation_stops_it() -> None:
    world = await platform()
    world.cluster.objects[Ref(kind_of("Application"), "group-demos", "argocd")]["operation"] = {"sync": {}}
    found, _ = await seen(world)
    assert [one.code for one in found.stops] == ["teardown-operation"]


async def test_a_namespace_that_would_take_along_what_others_have_stops_it_unless_it_is_kept() -> None:
    world = await platform()
    space: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kserve"}}
    world.put(app("namespaces", [space], owner="platform"))
    world.put(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "theirs", "namespace": "kserve"},
            "spec": {},
        }
    )
    found, _ = await seen(world)
    assert [(one.code, "PersistentVolumeClaim kserve/theirs" in one.what) for one in found.stops] == [
        ("teardown-swept", True)
    ]
    space["metadata"]["annotations"] = {"argocd.argoproj.io/sync-options": "Delete=false,Prune=false"}
    world.put(space)
    found, _ = await seen(world)
    assert found.stops == []
    assert live(world, "PersistentVolumeClaim", "kserve", "theirs")


async def test_without_a_repository_sets_stay_and_what_they_make_again_is_left_to_a_commit_with_all_of_it_parked() -> (
    None
):
    world = await platform()
    Argo(world)
    found = await look(world)
    assert [one.code for one in found.platform.traps] == ["teardown-no-repository"]
    carrying = Carrying(world.conductor(), OPTIONS)
    with pytest.raises(NeedsPersonError) as told:
        await carrying.begin(found, found)
    assert (told.value.code, "catalog/group-" in told.value.next_action) == ("teardown-group", True)
    replicas = [one["spec"]["replicas"] for ref, one in world.cluster.objects.items() if ref.kind.name == "Deployment"]
    assert sum(replicas) == 0
    assert world.edge.members == ()
