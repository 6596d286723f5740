"""The models that the cluster knows of: each spec, as it was last brought up or moved, in a ConfigMap.

``status`` reads them, so that it needs no files and works from any machine.
"""

from __future__ import annotations

from pydantic import ValidationError

from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Cluster
from pointsman.move.holding.lock import NAMESPACE, ensure_namespace
from pointsman.spec.model import Model

__all__ = ["known_models", "record_ref", "recorded", "remember", "restore_record"]

LABEL = "pointsman.dev/spec"


async def remember(cluster: Cluster, model: Model) -> None:
    """Keep a model's spec."""
    await _keep(cluster, model.name, model.model_dump_json(by_alias=True))


async def recorded(cluster: Cluster, name: str) -> str | None:
    """A model's spec as it is kept now, to be restored; None when there is none."""
    found = await cluster.find(record_ref(name))
    return str((found.get("data") or {}).get("model.json", "")) if found else None


async def restore_record(cluster: Cluster, name: str, text: str | None) -> None:
    """Put back what ``recorded`` told."""
    if text is None:
        await cluster.delete(record_ref(name))
    else:
        await _keep(cluster, name, text)


async def _keep(cluster: Cluster, name: str, text: str) -> None:
    await ensure_namespace(cluster)
    await cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": record_ref(name).name,
                "namespace": NAMESPACE,
                "labels": {"app.kubernetes.io/managed-by": "pointsman", LABEL: name},
            },
            "data": {"model.json": text},
        }
    )


def record_ref(name: str) -> Ref:
    """Where a model's spec is kept."""
    return Ref(kind_of("ConfigMap"), f"model-{name}", NAMESPACE)


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
