"""MODEL on the command line: a spec file, a name in the model folders, or a name that only the cluster knows.

A command that needs the whole spec (``render``, ``plan``, ``move``, ``up``) takes a file before what the cluster
keeps: the file is what the person edits. One that needs a name (``status``, ``history``, ``resume`` and the like)
takes the cluster's word first, so that a move can be taken back although a file is broken or lies elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.errors import ClusterError, SpecError, UsageError
from pointsman.spec.loading import FOLDERS, file_named, known_files, load_model, names_file
from pointsman.spec.model import LAYER_IDS, Model
from pointsman.spec.words import is_name, shown

if TYPE_CHECKING:
    from pointsman.move.boundary import Cluster

__all__ = ["Named", "declared", "name_in", "name_told", "read_model", "unknown"]

PATIENCE = 10.0
"""Seconds for the cluster to say whether it knows a name."""
MOST_TOLD = 20
"""Known names that one error lists."""


@dataclass(frozen=True, slots=True)
class Named:
    """A model, and the file it was read from; None when only the cluster has it."""

    model: Model
    file: Path | None


def declared(word: str, kubeconfig: Path | None, context: str | None) -> Named:
    """The whole model that is meant. Raises UsageError ``model-unknown`` naming every place that was looked in."""
    path = file_named(word, Path())
    if path is not None:
        return Named(read_model(path), path)
    if not is_name(word):
        raise unknown(word)
    return Named(asyncio.run(_kept(word, kubeconfig, context)), None)


def read_model(path: Path) -> Model:
    """The model in a file, with the manifests that it refers to; raises SpecError."""
    found = load_model(path)
    if not any(found.spec.layers.block(layer).written for layer in LAYER_IDS):
        return found
    from pointsman.adopt.taking import taken

    return taken(found, path)


async def _kept(word: str, kubeconfig: Path | None, context: str | None) -> Model:
    """What the cluster keeps under the name."""
    from pointsman.kube.client import Client
    from pointsman.move.records import recorded

    try:
        async with asyncio.timeout(PATIENCE), Client.from_kubeconfig(kubeconfig, context) as client:
            text = await recorded(client, word)
            if text is None:
                raise unknown(word, also=await _known(client), cluster="")
    except TimeoutError:
        raise unknown(word, cluster=f"did not answer within {PATIENCE:g} s") from None
    except ClusterError as error:
        raise unknown(word, cluster=f"could not be asked: {error.what}") from error
    return _read(word, text)


def _read(name: str, text: str) -> Model:
    from pydantic import ValidationError

    from pointsman.move.records import record_ref

    try:
        return Model.model_validate_json(text)
    except ValidationError as error:
        raise SpecError(
            "what the cluster keeps of the model cannot be read by this version",
            where=str(record_ref(name)),
            next_action="name its spec file instead",
            code="spec-kept",
        ) from error


def name_told(word: str) -> str | None:
    """The name of the model whose file is meant, without any cluster; None when ``word`` is no path."""
    path = file_named(word, Path()) if names_file(word) else None
    return load_model(path).name if path else None


async def name_in(cluster: Cluster, word: str) -> str:
    """The name of the model that is meant; raises UsageError ``model-unknown`` when nobody knows one."""
    told = name_told(word)
    if told is not None:
        return told
    if is_name(word) and await _knows(cluster, word):
        return word
    path = file_named(word, Path())
    if path is None:
        raise unknown(word, also=await _known(cluster), cluster="")
    return load_model(path).name


async def _knows(cluster: Cluster, name: str) -> bool:
    """Is it kept, or did it ever move?"""
    from pointsman.move.boundary import SystemClock
    from pointsman.move.journal.ledger import Ledger
    from pointsman.move.records import recorded

    if await recorded(cluster, name) is not None:
        return True
    moves, torn = await Ledger(cluster, SystemClock()).every(model=name)
    return bool(moves or torn)


async def _known(cluster: Cluster) -> list[str]:
    from pointsman.move.records import known_names

    return await known_names(cluster)


def unknown(word: str, *, also: Sequence[str] = (), cluster: str | None = None) -> UsageError:
    """The refusal of a name, with where it was looked for.

    Args:
        word: what was given.
        also: names that the cluster knows.
        cluster: why the cluster said nothing; empty when it said that it knows no such model, None when nobody asked.
    """
    places = ", ".join(f"{folder}/" for folder in FOLDERS)
    looked = {None: places, "": f"{places} and the models that the cluster knows"}
    where = looked.get(cluster, f"{places}; the cluster {cluster}")
    names = sorted({*also, *(path.stem for path in known_files(Path()))})
    told = ", ".join(names[:MOST_TOLD]) + (", …" if len(names) > MOST_TOLD else "")
    return UsageError(
        f"no model is called {shown(word)} (looked in {where})",
        next_action=f"name a spec file, or one of the known models: {told or 'none found'}",
        code="model-unknown",
    )
