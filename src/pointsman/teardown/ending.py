"""The last steps: everything is looked at once more, and our own records go."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pointsman.errors import NeedsPersonError
from pointsman.kube.resources import Ref, kind_of
from pointsman.leaving.look import look
from pointsman.move.boundary import Cluster
from pointsman.move.holding.lock import NAMESPACE, lease_of
from pointsman.move.journal.teardowns import TeardownProgress
from pointsman.move.records import record_ref
from pointsman.parking.kept import kept_ref
from pointsman.teardown.acting import Acting, Detail
from pointsman.teardown.models import context_on, edge_asked, options_of
from pointsman.teardown.steps import LOOK, Act, act_of, ref_in

__all__ = ["forget", "look_again", "records_gone"]

OURS = {"app.kubernetes.io/managed-by": "pointsman"}
SHOWN = 5
INSIDE = ("ConfigMap", "Lease", "Secret", "Role", "RoleBinding", "Deployment", "Pod", "PersistentVolumeClaim")
"""What somebody else may have put into our namespace: it stays then."""
ROOT_CA = "kube-root-ca.crt"
"""In every namespace, by Kubernetes."""


async def look_again(acting: Acting, progress: TeardownProgress) -> Detail:
    """Is all of it still gone? Raises NeedsPersonError naming what is there again.

    What came back is told, not fought: it is taken away again by whoever carries on after having been told.
    """
    if LOOK in progress.failed:
        for step in progress.plan.steps:
            if act_of(step).verb in ("alias", "workload", "applications", "objects", "route", "left"):
                act = act_of(step)
                await acting.do(act, await acting.sees(act))
    back = [one async for one in _back(acting, progress)]
    if back:
        raise NeedsPersonError(
            f"somebody makes it again: {', '.join(back[:SHOWN])}",
            where=back[0],
            next_action="kubectl get --show-managed-fields says who; stop them",
            code="teardown-undone",
        )
    return {}


async def _back(acting: Acting, progress: TeardownProgress) -> AsyncIterator[str]:
    options = options_of(acting.choices, acting.options)
    for model in acting.models.values():
        if acting.scope.kind != "layer":
            context, there = await edge_asked(acting.conductor, model, options)
            for member in context.alias.members if there else ():
                if member.ours:
                    yield f"member {member.id} of alias {member.alias or model.spec.tenant.alias}"
        for layer in acting.conductor.means.layers:
            if acting.scope.kind == "layer" and layer.id != acting.scope.name:
                continue
            on = await context_on(acting.conductor, model, layer.id, options, unread=True)
            found = await look(on, keep_volumes=acting.choices.keep_volumes)
            for ref in found.going:
                yield str(ref)
            for pod in found.pods:
                yield f"Pod {layer.namespace(model)}/{pod}"
            for keeper in found.keepers:
                yield f"Application {keeper.app.name}"
    for step in progress.plan.steps:
        act = act_of(step)
        if act.verb in ("gateway", "route", "set", "left", "project") and await _there(acting, act, progress, step):
            yield act.what


async def _there(acting: Acting, act: Act, progress: TeardownProgress, step: str) -> bool:
    stays = "stays" in progress.done.get(step, {})
    return not stays and await acting.cluster.find(ref_in(act)) is not None


async def records_gone(acting: Acting, progress: TeardownProgress) -> Detail:
    """Take our records of what is gone away; journals only where they are to be forgotten."""
    refs = [ref for name in progress.plan.models for ref in (kept_ref(name), lease_of(name), record_ref(name))]
    if acting.scope.kind == "all":
        refs += [one async for one in _more(acting, progress.teardown)]
    gone = []
    for ref in dict.fromkeys(refs):
        if await acting.cluster.find(ref) is not None:
            await acting.cluster.delete(ref)
            gone.append(str(ref))
    return {"records": gone}


async def _more(acting: Acting, own: str) -> AsyncIterator[Ref]:
    """What else of ours is there: of models that nobody can read, of dead processes; journals, if they are to go."""
    for one in await acting.cluster.list(kind_of("ConfigMap"), NAMESPACE, OURS):
        name = str(one["metadata"]["name"])
        if name != own and (acting.choices.forget or name.startswith(("model-", "parked-"))):
            yield Ref(kind_of("ConfigMap"), name, NAMESPACE)
    for one in await acting.cluster.list(kind_of("Lease"), NAMESPACE, {"pointsman.dev/lock": ""}):
        yield Ref(kind_of("Lease"), str(one["metadata"]["name"]), NAMESPACE)


async def forget(cluster: Cluster, own: str) -> None:
    """This teardown's own journal, and our namespace if nothing else is in it: the very last thing."""
    await cluster.delete(Ref(kind_of("ConfigMap"), own, NAMESPACE))
    await cluster.delete(Ref(kind_of("Lease"), "teardown", NAMESPACE))
    listed = [one for kind in INSIDE for one in await cluster.list(kind_of(kind), NAMESPACE)]
    if all(one["metadata"]["name"] == ROOT_CA for one in listed):
        await cluster.delete(Ref(kind_of("Namespace"), NAMESPACE))
