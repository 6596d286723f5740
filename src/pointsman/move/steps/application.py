"""A layer that an Argo CD Application deploys from a folder that people wrote: it is synced, not applied."""

from __future__ import annotations

from pointsman.delivery.argocd.draft import Wish, prepare
from pointsman.delivery.argocd.sync import carry_out
from pointsman.delivery.boundary import Means
from pointsman.errors import MoveFailedError
from pointsman.kube.resources import Ref
from pointsman.layers.contract import Layer
from pointsman.move.context import Context
from pointsman.move.deployed import deployed_by
from pointsman.move.diff import plan_object
from pointsman.move.waits import Wait

__all__ = ["synced"]

STEP = "deploy"
_SIZES = {"spec.replicas", "spec.predictor.minReplicas", "spec.predictor.maxReplicas"}
"""How many engines there are is the move's to say, whatever git says."""


async def synced(context: Context, layer: Layer) -> None:
    """Sync the layer's Application, and see that what it deployed is what the folder said.

    Raises what the sync was refused by or failed with, and MoveFailedError when something else was deployed.
    """
    ref = deployed_by(context.model, layer)
    assert ref is not None
    means = Means(context.cluster, context.clock, lambda line: context.note(STEP, line, {}))
    wish = Wish(ref.namespace or "", context.options.ready_timeout, ready=False)
    with context.waits.during(Wait.ARGO_CD):
        result = await carry_out(means, await prepare(means, ref.name, wish))
    if result.error is not None:
        raise result.error
    await _refuse_other(context, layer, ref)


async def _refuse_other(context: Context, layer: Layer, application: Ref) -> None:
    """Git may have moved on since the folder was read, or the Application may read another branch."""
    for manifest in layer.render(context.model):
        plan = await plan_object(context.cluster, manifest)
        changes = [one.path for one in plan.changes if one.path not in _SIZES]
        if plan.action == "make" or changes:
            said = f"{changes[0]} differs" if changes else "it is not there"
            raise MoveFailedError(
                f"{application} deployed something else than the folder says that the model was read from: "
                f"of {plan.ref} {said}",
                where=str(plan.ref),
                next_action="bring the clone to the commit that the Application reads, and plan again",
                code="from-other",
            )
