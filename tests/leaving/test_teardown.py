"""``teardown``: one layer of a model goes, in order, under nobody."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pointsman.edge.contract import Member, Reacher, Replica
from pointsman.errors import NeedsPersonError, PointsmanError, RefusedError
from pointsman.kube.resources import Ref, kind_of
from pointsman.leaving.look import Look
from pointsman.leaving.teardown import Teardown
from pointsman.spec.model import Model
from tests.docs.schemas.holding import held
from tests.move.test_kill_everywhere import Died
from tests.world.argo import application
from tests.world.cluster import Write
from tests.world.engine import Faults
from tests.world.world import World, layer, quick

Object = dict[str, Any]
FINALIZER = "resources-finalizer.argocd.argoproj.io"
DEPLOYMENT = Ref(kind_of("Deployment"), "qwen-kserve", "kserve")
CLAIM = Ref(kind_of("PersistentVolumeClaim"), "qwen-cache", "kserve")
APP = Ref(kind_of("Application"), "kserve-demo", "argocd")


def two_layers() -> World:
    """Tenants are served from raw vLLM; KServe runs beside it, where nobody calls it."""
    world = World()
    for manifest in layer("kserve").render(world.model):
        world.put(manifest)
    return world


def going(world: World, **options: Any) -> Teardown:
    keep = options.pop("keep_volumes", False)
    model: Model = options.pop("model", world.model)
    return Teardown(world.conductor(), model, "kserve", quick(drain_timeout=2.0, **options), keep)


async def gone(world: World, **options: Any) -> Any:
    one = going(world, **options)
    found = await one.look()
    held("teardown-layer-preview", {"model": one.model.name, "layer": one.layer, **found.as_dict()})
    done = await one.carry_out(found)
    held("teardown-layer", done)
    return done


async def refused(world: World, **options: Any) -> PointsmanError:
    before = dict(world.workloads())
    with pytest.raises(RefusedError) as told:
        await gone(world, **options)
    assert world.workloads() == before
    return told.value


def entries(world: World, *more: Object) -> list[Object]:
    """The layer's objects, as ``status.resources`` lists them."""
    found = [*layer("kserve").render(world.model), *more]
    return [
        {
            "group": one["apiVersion"].rpartition("/")[0],
            "version": one["apiVersion"].rpartition("/")[2],
            "kind": one["kind"],
            "namespace": one["metadata"]["namespace"],
            "name": one["metadata"]["name"],
            "status": "Synced",
        }
        for one in found
    ]


def kept_by(world: World, *more: Object, finalizers: Sequence[str] = (FINALIZER,), **fields: Any) -> Object:
    """An Application that deployed the layer."""
    app = application("kserve-demo", **fields.pop("spec", {}))
    app["metadata"] |= {"finalizers": list(finalizers), **fields.pop("metadata", {})}
    app["status"] = {
        "reconciledAt": "2026-01-01T00:00:00Z",
        "sync": {"status": "Synced"},
        "resources": entries(world, *more),
        **fields.pop("status", {}),
    }
    world.put(app | fields)
    return app


def cascading(world: World) -> None:
    """Argo CD's finalizer at work: what an Application tracks goes with it, but for what is marked."""
    deleted: dict[Ref, Object] = {}

    def before(write: Write) -> None:
        if write.verb == "delete" and write.ref == APP and write.ref in world.cluster.objects:
            deleted[write.ref] = world.cluster.objects[write.ref]

    def after(write: Write) -> None:
        app = deleted.pop(write.ref, None)
        if app is None or FINALIZER not in app["metadata"]["finalizers"]:
            return
        for one in app["status"]["resources"]:
            ref = Ref(kind_of(one["kind"]), one["name"], one["namespace"])
            live = world.cluster.objects.get(ref, {"metadata": {}})
            if "Delete=false" not in (live["metadata"].get("annotations") or {}).get(
                "argocd.argoproj.io/sync-options", ""
            ):
                world.cluster.objects.pop(ref, None)
        world.cluster._control()

    world.cluster.before, world.cluster.after = before, after


def claim(model: str = "qwen") -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": CLAIM.name, "namespace": CLAIM.namespace, "labels": {"pointsman.dev/model": model}},
        "spec": {"resources": {"requests": {"storage": "20Gi"}}},
    }


def order(world: World) -> list[str]:
    """Writes that a teardown makes, from now on."""
    seen: list[str] = []
    inner = world.cluster.after

    def after(write: Write) -> None:
        if write.ref.namespace != "pointsman-system" and write.verb in ("delete", "patch"):
            seen.append(f"{write.verb} {write.ref}")
        inner(write)

    world.cluster.after = after
    return seen


async def test_a_layer_that_nobody_is_served_from_goes_parked_first() -> None:
    world = two_layers()
    seen = order(world)
    done = await gone(world)
    assert seen == [
        "patch Deployment kserve/qwen-kserve",
        "delete Deployment kserve/qwen-kserve",
        "delete Service kserve/qwen-kserve",
    ]
    assert done["objects"] == ["Deployment kserve/qwen-kserve", "Service kserve/qwen-kserve"]
    assert not world.edge.outages
    assert [name for name in world.workloads() if "qwen-kserve" in name] == []


async def test_what_goes_is_told_before() -> None:
    world = two_layers()
    kept_by(world, claim())
    found = (await going(world).look()).as_dict()
    assert found["objects"] == ["Service kserve/qwen-kserve", "Deployment kserve/qwen-kserve"]
    assert (found["gpus"], found["pods"], found["parked"]) == (1, ["qwen-kserve-0"], False)
    assert found["applications"][0]["name"] == "argocd/kserve-demo"


def served_with(world: World, weight: int) -> None:
    point = layer("kserve").endpoint(world.model)
    member = Member("qwen-kserve", "kserve", point.base_url, world.model.spec.served_model_name, weight, "qwen-local")
    world.edge.members = (*world.edge.members, member)


async def test_refused_while_an_alias_names_it_even_as_a_standby() -> None:
    world = two_layers()
    served_with(world, 0)
    error = await refused(world)
    assert (error.code, "declared" in error.what) == ("teardown-served", True)


async def test_refused_while_a_replica_still_runs_it_though_nothing_declares_it() -> None:
    world = two_layers()
    served_with(world, 50)
    running, world.edge.members = world.edge.members, world.edge.members[:1]
    world.edge.lagging = [Replica("edge-old", running, ready=True, terminating=True)]
    error = await refused(world)
    assert (error.code, "run by 1 of 2 replicas" in error.what) == ("teardown-served", True)
    assert error.next_action.endswith("that one is on its way out: run this again in a moment")


async def test_a_replica_on_its_way_out_that_does_not_say_what_it_runs_is_a_matter_of_moments() -> None:
    world = two_layers()
    world.edge.lagging = [Replica("edge-old", None, ready=False, terminating=True)]
    error = await refused(world)
    assert "replica edge-old of its edge, on its way out, does not say what it runs" in error.what
    assert error.next_action.endswith("run this again in a moment")
    world.edge.lagging += [Replica("edge-new", None, ready=True, terminating=False)]
    assert "pointsman move qwen" in (await refused(world)).next_action


async def test_refused_while_a_replica_does_not_say_what_it_runs() -> None:
    world = two_layers()
    world.edge.mute = True
    assert "does not say what it runs" in (await refused(world)).what


async def test_refused_while_another_name_of_the_edge_reaches_it_unless_it_may_be_left() -> None:
    world = two_layers()
    world.edge.others = [Reacher("chat", "its entry", "config.yaml:4")]
    assert (await refused(world)).code == "teardown-served"
    await gone(world, leave=("chat",))


async def test_refused_while_the_model_is_declared_on_it() -> None:
    world = two_layers()
    spec = world.model.spec.model_copy(update={"layer": "kserve"})
    error = await refused(world, model=world.model.model_copy(update={"spec": spec}))
    assert error.code == "teardown-declared"


async def test_refused_while_a_move_is_open() -> None:
    world = two_layers()

    def die(write: Write) -> None:
        if write.ref.name.startswith("qwen-2026") and "000004" in ((write.body or {}).get("data") or {}):
            raise Died

    world.cluster.before = die
    with pytest.raises(Died):
        await world.conductor().move(world.model, "llm-d", quick())
    world.cluster.before = lambda write: None
    assert (await refused(world)).code == "move-open"


async def test_a_layer_that_is_still_asked_is_not_cut() -> None:
    world = two_layers()
    world.cluster.engines["kserve", "qwen-kserve-0"].faults = Faults(running=1.0)
    with pytest.raises(NeedsPersonError) as told:
        await gone(world)
    assert told.value.code == "teardown-busy"
    assert DEPLOYMENT in world.cluster.objects
    assert world.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 1


async def test_an_application_goes_after_the_workload_is_parked() -> None:
    world = two_layers()
    kept_by(world)
    cascading(world)
    seen = order(world)
    done = await gone(world)
    assert seen == ["patch Deployment kserve/qwen-kserve", "delete Application argocd/kserve-demo"]
    assert (done["applications"], done["objects"]) == (["argocd/kserve-demo"], [])


async def test_what_an_application_without_finalizer_leaves_running_is_told_and_deleted() -> None:
    world = two_layers()
    kept_by(world, finalizers=())
    cascading(world)
    found = await going(world).look()
    assert [one.code for one in found.traps] == ["teardown-no-finalizer"]
    done = await gone(world)
    assert done["objects"] == ["Deployment kserve/qwen-kserve", "Service kserve/qwen-kserve"]
    assert APP not in world.cluster.objects


async def test_a_finalizer_that_takes_claims_along_is_told_and_they_can_be_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = with_claim(monkeypatch)
    kept_by(world)
    cascading(world)
    found = await going(world).look()
    assert [one.code for one in found.traps] == ["teardown-volumes"]
    assert found.as_dict()["volumes"] == [{"claim": "kserve/qwen-cache", "size": "20Gi"}]
    done = await gone(world, keep_volumes=True)
    assert done["kept"] == ["PersistentVolumeClaim kserve/qwen-cache"]
    assert CLAIM in world.cluster.objects


async def test_without_that_the_claim_goes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_claim(monkeypatch)
    await gone(world)
    assert CLAIM not in world.cluster.objects


async def test_a_claim_that_a_pod_of_others_uses_stops_it(monkeypatch: pytest.MonkeyPatch) -> None:
    world = with_claim(monkeypatch)
    pod = {"name": "notebook", "namespace": "kserve", "labels": {}}
    volumes = [{"name": "w", "persistentVolumeClaim": {"claimName": "qwen-cache"}}]
    world.cluster._store(
        Ref(kind_of("Pod"), "notebook", "kserve"),
        {"metadata": pod, "spec": {"containers": [], "volumes": volumes}, "status": {"conditions": []}},
    )
    found = await going(world).look()
    assert [(one.code, one.stops) for one in found.traps] == [("teardown-claim-used", True)]
    assert "notebook" in found.traps[0].what


def with_claim(monkeypatch: pytest.MonkeyPatch) -> World:
    """The layer has a claim, as the real ones do."""
    cls: Any = type(layer("kserve"))
    rendered: Callable[[Any, Model], list[Object]] = cls.render

    def render(self: Any, model: Model) -> list[Object]:
        found = rendered(self, model)
        return [claim(), *found] if self.id == "kserve" else found

    monkeypatch.setattr(cls, "render", render)
    return two_layers()


@pytest.mark.parametrize(
    ("fields", "code", "told"),
    [
        ({"operation": {"sync": {}}}, "operation", "waits for Argo CD to take it"),
        ({"metadata": {"annotations": {"argocd.argoproj.io/skip-reconcile": "true"}}}, "skip-reconcile", "notice"),
    ],
)
async def test_what_would_keep_an_application_from_ending_stops_it_before(fields: Object, code: str, told: str) -> None:
    world = two_layers()
    kept_by(world, **fields)
    error = await refused(world)
    assert (error.code, told in error.what, bool(error.next_action)) == (f"teardown-{code}", True, True)


async def test_an_application_that_keeps_other_workloads_too_stops_it() -> None:
    world = two_layers()
    kept_by(world, layer("llm-d").render(world.model)[-1])
    error = await refused(world)
    assert (error.code, "Deployment llm-d/qwen-llm-d" in error.what) == ("teardown-shared", True)


async def test_a_project_that_is_gone_is_told_with_the_way_out_and_hangs_with_it() -> None:
    world = two_layers()
    no_project = {"type": "InvalidSpecError", "message": "Application referencing project p which does not exist"}
    kept_by(world, status={"conditions": [no_project]})
    found = await going(world).look()
    trap = next(one for one in found.traps if one.code == "teardown-unreadable")
    assert ("project p which does not exist" in trap.what, '"finalizers":null' in trap.remedy) == (True, True)
    app = world.cluster.objects[APP]

    def hold(write: Write) -> None:
        if write.verb == "delete" and write.ref == APP:
            dying = {**app["metadata"], "deletionTimestamp": "2026-01-01T00:00:09Z"}
            world.cluster.objects[APP] = {**app, "metadata": dying}

    world.cluster.after = hold
    with pytest.raises(NeedsPersonError) as told:
        await gone(world)
    assert told.value.code == "teardown-stuck"
    assert f"held back by finalizer {FINALIZER}" in told.value.what
    assert '"finalizers":null' in told.value.next_action
    world.cluster.after = lambda write: None
    del world.cluster.objects[APP]
    assert (await gone(world))["objects"] == ["Deployment kserve/qwen-kserve", "Service kserve/qwen-kserve"]


def group(world: World, *, automated: bool = True) -> None:
    """The group that makes the Application from a folder in git."""
    policy = {"syncPolicy": {"automated": {"prune": True, "selfHeal": True}}} if automated else {}
    app = application("group-demos", **policy)
    app["spec"]["source"]["path"] = "clusters/ai-dev/catalog/demos"
    app["metadata"]["ownerReferences"] = [{"kind": "ApplicationSet", "name": "demos", "uid": "1"}]
    app["status"] = {
        "reconciledAt": "2026-01-01T00:00:00Z",
        "sync": {"status": "Synced"},
        "resources": [
            {
                "group": "argoproj.io",
                "version": "v1alpha1",
                "kind": "Application",
                "namespace": "argocd",
                "name": "kserve-demo",
            }
        ],
    }
    world.put(app)


async def test_an_application_that_its_group_makes_again_is_left_to_a_commit_with_the_layer_parked() -> None:
    world = two_layers()
    kept_by(world)
    group(world)
    cascading(world)
    found = await going(world).look()
    trap = next(one for one in found.traps if one.code == "teardown-made-again")
    assert "clusters/ai-dev/catalog/demos" in trap.remedy
    assert "pointsman features disable" in trap.remedy
    with pytest.raises(NeedsPersonError) as told:
        await gone(world)
    assert told.value.code == "teardown-group"
    assert APP in world.cluster.objects
    assert world.cluster.objects[DEPLOYMENT]["spec"]["replicas"] == 0
    # The commit is made and pushed: the group's Application takes its own away, and that takes the rest along.
    await world.cluster.delete(APP)
    done = await gone(world)
    assert (done["applications"], done["objects"]) == ([], [])


async def test_an_application_whose_group_is_synced_by_hand_is_deleted() -> None:
    world = two_layers()
    kept_by(world)
    group(world, automated=False)
    cascading(world)
    assert (await gone(world))["applications"] == ["argocd/kserve-demo"]


async def test_an_application_that_would_wake_it_again_stops_it() -> None:
    world = two_layers()
    kept_by(world, spec={"syncPolicy": {"automated": {"selfHeal": True}}})
    live = world.cluster.objects[DEPLOYMENT]
    tracking = "kserve-demo:apps/Deployment:kserve/qwen-kserve"
    live["metadata"]["annotations"] = {"argocd.argoproj.io/tracking-id": tracking}
    error = await refused(world)
    assert error.code == "teardown-owner"


async def test_an_object_of_others_under_the_layers_name_stops_it() -> None:
    world = two_layers()
    world.cluster.objects[DEPLOYMENT]["metadata"]["labels"] = {}
    error = await refused(world)
    assert (error.code, "was not made for model qwen" in error.what) == ("teardown-foreign", True)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_killed_at_any_write_it_goes_on_when_it_is_run_again(moment: str) -> None:
    undisturbed = two_layers()
    kept_by(undisturbed, finalizers=())
    seen = order(undisturbed)
    await gone(undisturbed)
    assert len(seen) >= 4
    for number in range(len(seen)):
        world = two_layers()
        kept_by(world, finalizers=())
        left = number

        def die(write: Write) -> None:
            nonlocal left
            if write.ref.namespace != "pointsman-system" and write.verb in ("delete", "patch"):
                left -= 1
                if left == -1:
                    raise Died

        setattr(world.cluster, moment, die)
        with pytest.raises(Died):
            await gone(world)
        setattr(world.cluster, moment, lambda write: None)
        await gone(world)
        assert [name for name in world.workloads() if "kserve" in name and "Namespace" not in name] == [
            "Secret kserve/vllm-api-key"
        ], number
        assert not world.edge.outages


async def test_what_changed_while_the_question_was_open_is_asked_anew() -> None:
    world = two_layers()
    one = going(world)
    shown: Look = await one.look()
    kept_by(world)
    with pytest.raises(RefusedError) as told:
        await one.carry_out(shown)
    assert told.value.code == "teardown-changed"


async def test_rights_that_are_missing_stop_it_before_anything_is_parked() -> None:
    world = two_layers()
    world.cluster.denied = {"delete services"}
    assert (await refused(world)).code == "teardown-rights"


async def test_saying_it_twice_changes_nothing() -> None:
    world = two_layers()
    await gone(world)
    seen = order(world)
    done = await gone(world)
    assert (seen, done["objects"], done["applications"]) == ([], [], [])


async def test_a_layer_whose_engines_never_got_ready_goes_as_well() -> None:
    world = World()
    world.cluster.faults["kserve"] = Faults(never_ready=True)
    for manifest in layer("kserve").render(world.model):
        world.put(manifest)
    await gone(world)
    assert DEPLOYMENT not in world.cluster.objects
