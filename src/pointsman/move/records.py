"""The models that the cluster knows of: each spec, as it was last brought up or moved, in a ConfigMap.

``status`` reads them, so that it needs no files and works from any machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pointsman.kube.resources import Ref, kind_of
from pointsman.move.boundary import Cluster, Object
from pointsman.move.holding.lock import NAMESPACE, ensure_namespace

if TYPE_CHECKING:
    from pointsman.spec.model import Model

__all__ = [
    "KEPT",
    "UNKEPT",
    "Record",
    "known_models",
    "known_names",
    "record_of",
    "record_ref",
    "recorded",
    "records",
    "remember",
    "restore_record",
]

LABEL = "pointsman.dev/spec"
PREFIX = "model-"
UNKEPT = "the cluster keeps no record of it"
KEPT = (kind_of("ConfigMap"), NAMESPACE, {LABEL: ""})
"""Where all records are: kind, namespace, labels."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the cluster keeps of one model."""

    name: str
    """The model's, as its ConfigMap is called."""
    model: Model | None
    """None when it cannot be read."""
    problem: str = ""
    """Why not, as a sentence."""


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
    return Ref(kind_of("ConfigMap"), f"{PREFIX}{name}", NAMESPACE)


async def records(cluster: Cluster) -> AsyncIterator[list[Record]]:
    """Every model's record, readable or not, a page at a time; of one that comes twice the later counts."""
    async for page in cluster.pages(*KEPT):
        yield [_record(item) for item in page]


async def record_of(cluster: Cluster, name: str) -> Record | None:
    """One model's record; None when there is none."""
    found = await cluster.find(record_ref(name))
    return _record(found) if found else None


async def known_names(cluster: Cluster) -> list[str]:
    """The names of all models, readable or not, in their order."""
    return sorted(name.removeprefix(PREFIX) for name in await cluster.names(*KEPT))


async def known_models(cluster: Cluster) -> list[Model]:
    """All models, by name; one that this version cannot read is left out."""
    found = {one.name: one.model async for page in records(cluster) for one in page}
    return [model for _, model in sorted(found.items()) if model is not None]


def _record(item: Object) -> Record:
    from pydantic import ValidationError

    from pointsman.spec.model import Model

    name = str(item["metadata"]["name"]).removeprefix(PREFIX)
    data = item.get("data")
    text = data.get("model.json") if isinstance(data, dict) else None
    if not text or not isinstance(text, str):
        return Record(name, None, "its record is empty")
    try:
        model = Model.model_validate_json(text)
    except ValidationError as error:
        place = ".".join(str(part) for part in error.errors(include_url=False)[0]["loc"])
        return Record(name, None, "this version cannot read its record" + (f" (at {place})" if place else ""))
    if model.name != name:
        return Record(name, None, f"its record is of another model, {model.name}")
    return Record(name, model)
