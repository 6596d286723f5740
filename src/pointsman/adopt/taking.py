"""Filling in the manifests that a model refers to, when its spec is read.

What is taken is kept with the model from then on: in a plan, in the journal of a move, in what the cluster knows of it.
So none of it may be secret, and the folder is read once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointsman.adopt.folder import objects_in
from pointsman.errors import PointsmanError, SpecError
from pointsman.kube.resources import KINDS
from pointsman.layers.contract import Layer, Manifest
from pointsman.layers.registry import LAYERS
from pointsman.spec.blocks import Written
from pointsman.spec.model import Model

__all__ = ["LARGEST", "root_of", "taken", "taken_from"]

LARGEST = 192 << 10
"""Bytes of one layer's manifests as JSON: a model is kept in one object of the cluster, which holds 1 MiB."""
_MARKS = ("platform.yaml", ".git")
"""What a repository's root has."""
_SECRET = re.compile(r"(api_?key|token|password|passwd|secret|credential)s?$", re.IGNORECASE)
_FLAG = re.compile(r"--(api[-_]key|hf[-_]token)(=|$)")
_KNOWN = {(kind.api_version, kind.name): kind for kind in KINDS}
_STATUS = ("status",)


def taken(model: Model, file: Path) -> Model:
    """The model with every ``from`` filled in; raises SpecError naming what cannot be taken, and where it stands."""
    return taken_from(model, root_of(file))


def taken_from(model: Model, root: Path) -> Model:
    """The same, where it is known which repository the folders are of."""
    blocks = {layer: model.spec.layers.block(layer.id).written for layer in LAYERS}
    read = {layer: _taken(root, written, layer) for layer, written in blocks.items() if written is not None}
    found = model.with_layers({layer.id: {"written": written} for layer, written in read.items()})
    sizes = {layer.id: {"replicas": _replicas(layer, found)} for layer in read}
    return found.with_layers(sizes)


def root_of(file: Path) -> Path:
    """The root of the repository that a file lies in: the nearest folder with one's marks, else the file's own."""
    folders = file.resolve().parents
    return next((one for one in folders if any((one / mark).exists() for mark in _MARKS)), folders[0])


def _taken(root: Path, written: Written, layer: Layer) -> Written:
    place = f"{written.path} (spec.layers.{layer.id}.from)"
    folder = objects_in(root, written.path)
    if folder.left_out:
        first = folder.left_out[0]
        raise SpecError(
            f"what it deploys cannot be read as a whole: {first.why}",
            where=first.where or place,
            next_action=first.next_action or f"correct it, or name another folder in spec.layers.{layer.id}.from.path",
            code="from-unread",
        )
    objects = []
    for one in folder.objects:
        kept = _kept(dict(one.data), one.where or place, written)
        if kept is not None:
            objects.append(kept)
    if len(json.dumps(objects)) > LARGEST:
        raise SpecError(
            f"its manifests are larger than {LARGEST >> 10} KiB",
            where=place,
            next_action="name the folder of the workload alone",
            code="from-too-large",
        )
    return written.model_copy(update={"objects": tuple(objects)})


def _kept(manifest: Manifest, where: str, written: Written) -> Manifest | None:
    """The manifest as it is kept; None for what an Application deploys and a move does not touch."""
    kind = _KNOWN.get((str(manifest.get("apiVersion")), str(manifest.get("kind"))))
    if kind is not None and not kind.namespaced:
        return None  # its namespace has to be there, and goes with nobody
    if kind is not None and kind.name == "Secret":
        if written.application is None:
            raise _refused_secret("a Secret stands there", where, "take it out of the folder, or name the Application")
        return None
    if kind is None:
        if written.application is None:
            raise SpecError(
                f"{manifest.get('kind')} ({manifest.get('apiVersion')}) is no kind that is applied here",
                where=where,
                next_action="name the Application that deploys the folder (from: {…, application: NAME})",
                code="from-kind",
            )
        return None
    _refuse_secrets(manifest, where)
    return {key: value for key, value in manifest.items() if key not in _STATUS}


def _refuse_secrets(value: Any, where: str) -> None:
    """Whatever looks like a secret and stands there in plain text."""
    if isinstance(value, Mapping):
        name, said = value.get("name"), value.get("value")
        if isinstance(name, str) and isinstance(said, str) and said and _SECRET.search(name) and "$(" not in said:
            raise _refused_secret(f"{name} stands there in plain text", where, "put it into a Secret (secretKeyRef)")
        for inner in value.values():
            _refuse_secrets(inner, where)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, str) and (found := _FLAG.match(inner)):
                said = inner[found.end() :] if found.group(2) == "=" else str(value[index + 1 : index + 2] or "")
                if said and "$" not in said:
                    raise _refused_secret(
                        f"--{found.group(1)} stands there in plain text", where, "put it into a Secret (VLLM_API_KEY)"
                    )
            _refuse_secrets(inner, where)


def _refused_secret(what: str, where: str, next_action: str) -> SpecError:
    return SpecError(
        f"{what}, and a model's manifests are kept in plans and journals",
        where=where,
        next_action=next_action,
        code="from-secret",
    )


def _replicas(layer: Layer, model: Model) -> int:
    """How many engines are declared, which a folder that is parked in git does not say.

    Raises SpecError when the layer cannot say what it is made of, where it is reached and what it promises.
    """
    block = model.spec.layers.block(layer.id)
    assert block.written is not None
    try:
        layer.render(model), layer.endpoint(model), layer.engines(model), layer.needs(model)
        promise = layer.promise(model)
    except PointsmanError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SpecError(
            f"a manifest in it has another shape than its kind ({type(error).__name__}: {error})",
            where=model.spec.layers.folder(layer.id),
            next_action="look at it with kubectl apply --dry-run=server",
            code="from-shape",
        ) from None
    assert promise is not None
    return block.replicas or promise.replicas or model.spec.replicas
