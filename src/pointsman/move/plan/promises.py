"""Do manifests that people wrote promise what the spec promises? Asked before tenants could notice."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.layers.contract import Layer, Promise
from pointsman.layers.promise import repository
from pointsman.move.context import Context
from pointsman.move.deployed import deployed_by
from pointsman.move.plan.refusing import refuse
from pointsman.spec.model import Model

__all__ = ["broken_promises", "promises"]


async def promises(context: Context) -> str:
    """What was compared; raises RefusedError naming everything that differs on the first layer where something does."""
    layers = dict.fromkeys([context.source, context.target, *([context.bridge] if context.bridge else [])])
    compared = []
    for layer in layers:
        promise = layer.promise(context.model)
        if promise is None:
            continue
        found = list(broken_promises(context.model, promise))
        if found:
            raise refuse(
                "promises",
                f"{layer.title} promises something else than {context.model.name}: {'; '.join(found)}",
                where=context.model.spec.layers.folder(layer.id),
                next_action="pointsman adopt --fix mends what differs between layers, or correct the model",
            )
        await _refuse_other_folder(context, layer)
        compared.append(f"{context.model.spec.layers.folder(layer.id)} keeps them")
    return "; ".join(compared) or "the layers are rendered from the spec"


async def _refuse_other_folder(context: Context, layer: Layer) -> None:
    """The Application that is named has to be there, and to deploy that folder."""
    written = context.model.spec.layers.block(layer.id).written
    ref = deployed_by(context.model, layer)
    if written is None or ref is None:
        return
    found = await context.cluster.find(ref)
    if found is None:
        raise refuse(
            "promises",
            "there is no such Application, and the layer is deployed by it",
            where=str(ref),
            next_action=f"bring it up (pointsman root), or correct spec.layers.{layer.id}.from.application",
        )
    spec = found.get("spec") or {}
    paths = [str(one.get("path", "")).strip("/") for one in [*(spec.get("sources") or []), spec.get("source") or {}]]
    if written.path.strip("/") not in paths:
        raise refuse(
            "promises",
            f"it deploys {', '.join(filter(None, paths)) or 'no folder'}, not {written.path}",
            where=str(ref),
            next_action=f"correct spec.layers.{layer.id}.from",
        )


def broken_promises(model: Model, promise: Promise) -> Iterator[str]:
    """What manifests say otherwise than the spec, a sentence each. What they do not say is asked of the engine."""
    contract, served = model.spec.contract, model.spec.served_model_name
    if promise.names and served not in promise.names:
        yield f"its engines answer to {', '.join(promise.names)}, not to {served}"
    if promise.max_model_len is not None and promise.max_model_len != contract.max_model_len:
        yield f"a context of {promise.max_model_len} tokens, not {contract.max_model_len}"
    if promise.keyed and contract.auth is None:
        yield "it asks for a key, and spec.contract.auth is none"
    if not promise.keyed and contract.auth is not None and "api-key" not in promise.hidden:
        yield f"it asks for no key, and Secret {contract.auth.secret} is promised"
    if promise.auth and contract.auth and promise.auth != contract.auth:
        yield f"its key is {promise.auth.secret}/{promise.auth.key}, not {contract.auth.secret}/{contract.auth.key}"
    repo = repository(promise.weights)
    if repo is not None and repo.lower() != model.spec.weights.hugging_face.repo.lower():
        yield f"the weights of {repo}, not of {model.spec.weights.hugging_face.repo}"
    if contract.tool_calls and not promise.tool_calls and "enable-auto-tool-choice" not in promise.hidden:
        yield "it calls no tools (--enable-auto-tool-choice)"
