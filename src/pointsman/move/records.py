"""The models that the cluster knows of: each spec, as it was last brought up or moved, in a ConfigMap.

``status`` reads them, so that it needs no files and works from any machine.
"""

from __future__ import annotations

from pydantic import ValidationError

from pointsman.kube.resources import kind_of
from pointsman.move.boundary import Cluster
from pointsman.move.lock import NAMESPACE, ensure_namespace
from pointsman.spec.model import Model

__all__ = ["known_models", "remember"]

LABEL = "pointsman.dev/spec"


async def remember(cluster: Cluster, model: Model) -> None:
    """Keep a model's spec."""
    await ensure_namespace(cluster)
    await cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"model-{model.name}",
                "namespace": NAMESPACE,
                "labels": {"app.kubernetes.io/managed-by": "pointsman", LABEL: model.name},
            },
            "data": {"model.json": model.model_dump_json(by_alias=True)},
        }
    )


async def known_models(cluster: Cluster) -> list[Model]:
    """All models, by name; one that this version cannot read is left out."""
    found = await cluster.list(kind_of("ConfigMap"), NAMESPACE, {LABEL: ""})
    models = []
    for item in sorted(found, key=lambda one: str(one["metadata"]["name"])):
        try:
            models.append(Model.model_validate_json((item.get("data") or {}).get("model.json", "")))
        except ValidationError:
            continue
    return models
