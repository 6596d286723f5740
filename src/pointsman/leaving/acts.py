"""What takes one layer of a model away, act by act; each may be done again, and ends with a look at what it was for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pointsman.delivery.argocd.application import Application
from pointsman.errors import NeedsPersonError, TemporaryError
from pointsman.kube.resources import Ref
from pointsman.leaving.keeper import CLAIM, Keeper
from pointsman.move.boundary import Cluster
from pointsman.move.context import Context
from pointsman.move.judging.drain import run_out
from pointsman.move.live import read_live
from pointsman.move.steps.deploy import held_back, pods_gone

__all__ = ["Tell", "delete_all", "drain", "end_application", "keep_claims", "park", "refuse_made_again"]

Tell = Callable[[str, str], None]
"""Is told a step, and what was seen at its end."""
SYNC_OPTIONS = "argocd.argoproj.io/sync-options"


async def drain(context: Context) -> None:
    """Until the source's engines have nothing left; whoever still asks comes past the edge.

    Raises NeedsPersonError when they are busy at ``drain_timeout``: nothing is cut.
    """
    cut = await run_out(context, context.source, "drain")
    if cut:
        raise NeedsPersonError(
            f"{context.source.title} is still busy after {context.options.drain_timeout:g} s: {cut} requests under "
            "way, though no alias leads there",
            where=str(context.source.reads(context.model)[0]),
            next_action="find out who calls it past the edge (pointsman plan tells who may), then run this again",
            code="teardown-busy",
        )


async def park(context: Context) -> None:
    """The source holds no accelerator any more; raises NeedsPersonError when somebody wakes it at once."""
    layer, model = context.source, context.model
    for patch in layer.park(model):
        if await context.cluster.find(patch.ref) is not None:
            await context.cluster.patch(patch.ref, patch.body)
    await pods_gone(context, layer, parked=True)
    if not layer.parked(model, await read_live(context.cluster, layer, model)):
        raise NeedsPersonError(
            f"somebody woke {layer.title} again as soon as it was parked",
            where=str(layer.reads(model)[0]),
            next_action="kubectl get --show-managed-fields says who; stop them, then run this again",
            code="teardown-undone",
        )


async def keep_claims(cluster: Cluster, refs: Iterable[Ref]) -> list[str]:
    """Tell Argo CD, on each claim among these, to let it stay (argo-cd 3.2 reads the option off the live object)."""
    kept = []
    for ref in (one for one in refs if one.kind.name == CLAIM):
        live = await cluster.find(ref)
        if live is None:
            continue
        kept.append(str(ref))
        said = str((live["metadata"].get("annotations") or {}).get(SYNC_OPTIONS, ""))
        options = [one.strip() for one in said.split(",") if one.strip()]
        if "Delete=false" not in options:
            wanted = {SYNC_OPTIONS: ",".join([*options, "Delete=false"])}
            await cluster.patch(ref, {"metadata": {"annotations": wanted}})
    return kept


def refuse_made_again(context: Context, keeper: Keeper) -> None:
    """Raise NeedsPersonError for an Application that comes back: it goes by a commit of people."""
    if keeper.comes_back and not keeper.app.deleting:
        assert keeper.maker is not None
        raise NeedsPersonError(
            f"{context.source.title} is parked; Application {keeper.app.ref.name} is made by {keeper.maker.name}, "
            "which would make it again",
            where=str(keeper.app.ref),
            next_action=f"{keeper.maker.advice}; when it is gone run this again, which checks what is left",
            code="teardown-group",
        )


async def end_application(cluster: Cluster, ref: Ref, timeout: float) -> None:
    """Delete an Application and wait until it is gone."""
    await cluster.delete(ref)
    await _gone(cluster, ref, timeout)


async def delete_all(cluster: Cluster, refs: Sequence[Ref], timeout: float) -> list[str]:
    """Delete objects, the last one first, and wait until all are gone, and what controllers made for them before that.

    Raises NeedsPersonError for one that stays.
    """
    going = list(reversed(refs))
    for ref in going:
        await cluster.delete(ref, propagation="Foreground")
    for ref in going:
        await _gone(cluster, ref, timeout)
    return [str(ref) for ref in going]


async def _gone(cluster: Cluster, ref: Ref, timeout: float) -> None:
    try:
        await cluster.wait_gone(ref, timeout)
    except TemporaryError as error:
        raise await _stuck(cluster, ref, error) from error


async def _stuck(cluster: Cluster, ref: Ref, error: TemporaryError) -> NeedsPersonError:
    """What holds a deleted object there, and how to let it go."""
    held, remedy = await held_back(cluster, ref), "look at who is to take that finalizer off"
    if ref.kind.name == "Application":
        app = Application(await cluster.find(ref) or _gone_by_now(ref))
        held = "; ".join([held, *app.errors]) if held else "; ".join(app.errors)
        free = """--type merge -p '{"metadata":{"finalizers":null}}'"""
        remedy = (
            f"see what Argo CD says (kubectl -n {ref.namespace} describe application {ref.name}); without it: kubectl "
            f"-n {ref.namespace} patch application {ref.name} {free} lets it go and leaves its objects"
        )
    return NeedsPersonError(
        f"it is deleted and does not go: {held or error.what}",
        where=str(ref),
        next_action=f"{remedy}; then run this again",
        code="teardown-stuck",
    )


def _gone_by_now(ref: Ref) -> dict[str, Any]:
    return {"metadata": {"name": ref.name}}
