"""Who deploys a layer: the Application that its Model names, or whoever carries the move."""

from __future__ import annotations

from pointsman.delivery.argocd.application import application_ref
from pointsman.kube.resources import Ref
from pointsman.layers.contract import Layer
from pointsman.spec.model import Model

__all__ = ["deployed_by"]


def deployed_by(model: Model, layer: Layer) -> Ref | None:
    """The Application that deploys the layer's manifests; None where they are applied."""
    written = model.spec.layers.block(layer.id).written
    if written is None or written.application is None:
        return None
    return application_ref(written.application, written.application_namespace)
