"""Names that a shell completes and no program knows beforehand: models, layers, features, Applications, moves.

What a place takes is what its help calls it (``MODEL``, ``--layer LAYER``), so a new command has them without a word
more. Files are looked at first. A cluster is asked for half a second and then no more: in a thread, because a name
server or a credential plugin may hold up whoever waits for it; the program ends without it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pointsman.catalog.repository import Repository
    from pointsman.kube.client import Client
    from pointsman.spec.model import Model

__all__ = ["names_at"]

BOUND = 0.5
"""Seconds that a cluster has."""
GRACE = 0.2
"""Seconds in which a credential plugin is ended."""

Said = Mapping[str, Any]
"""What the words so far say: parameters by their names."""
Names = Callable[[Said], Iterable[str]]


def names_at(command: str, param: Any, said: Said) -> list[str]:
    """The names that this parameter of a command may have; none where nobody knows any, or nobody answers in time."""
    word = (param.metavar or param.name or "").strip("[]").upper()
    read = _NAMES.get((command, word)) or _NAMES.get(("", word))
    with suppress(Exception):
        return sorted(set(read(said))) if read else []
    return []


def _layers(said: Said) -> Iterable[str]:
    from pointsman.spec.model import LAYER_IDS

    return LAYER_IDS


def _models(said: Said) -> Iterable[str]:
    from pointsman.spec.loading import known_files

    return [*(path.stem for path in known_files(Path())), *_of_cluster(said, _known)]


def _aliases(said: Said) -> Iterable[str]:
    from pointsman.spec.loading import known_files, load_model

    found = ["all"] if said.get("everything") else []
    for path in known_files(Path()):
        with suppress(Exception):
            found += _names_of(load_model(path))
    return [*found, *_of_cluster(said, _called)]


def _names_of(model: Model) -> list[str]:
    return [model.spec.tenant.alias, *model.spec.tenant.aliases]


def _moves(said: Said) -> Iterable[str]:
    return [*_of_cluster(said, _moved), *_models(said)]


def _applications(said: Said) -> Iterable[str]:
    async def named(client: Client) -> Sequence[str]:
        from pointsman.kube.resources import kind_of

        return await client.names(kind_of("Application"), said.get("namespace") or "argocd")

    return _of_cluster(said, named)


async def _known(client: Client) -> Sequence[str]:
    from pointsman.move.records import known_names

    return await known_names(client)


async def _called(client: Client) -> Sequence[str]:
    from pointsman.move.records import known_models

    return [name for one in await known_models(client) for name in _names_of(one)]


async def _moved(client: Client) -> Sequence[str]:
    from pointsman.kube.resources import kind_of
    from pointsman.move.holding.lock import NAMESPACE
    from pointsman.move.journal.ledger import MOVE

    return await client.names(kind_of("ConfigMap"), NAMESPACE, {MOVE: ""})


def _of_cluster(said: Said, names: Callable[[Client], Awaitable[Sequence[str]]]) -> list[str]:
    """What a cluster says within the bound."""
    from pointsman.kube.client import Client, Limits
    from pointsman.kube.kubeconfig import load_access

    found: list[str] = []

    async def ask() -> None:
        access = load_access(said.get("kubeconfig"), said.get("context"))
        async with asyncio.timeout(BOUND), Client(access, limits=Limits(first=0.0)) as client:
            found.extend(await names(client))

    def asked() -> None:
        with suppress(Exception):
            asyncio.run(ask())

    thread = threading.Thread(target=asked, daemon=True)
    thread.start()
    thread.join(BOUND + GRACE)
    return list(found)


def _repository(said: Said) -> Repository:
    from pointsman.catalog.repository import open_repository

    return open_repository(said.get("repo") or Path(), said.get("env"))


def _features(said: Said) -> Iterable[str]:
    from pointsman.catalog.config import read_config
    from pointsman.catalog.features import features_of
    from pointsman.catalog.groups import resolved

    repository = _repository(said)
    config = read_config(repository)
    return [one.name for one in features_of(config, resolved(repository, config))]


def _profiles(said: Said) -> Iterable[str]:
    return _repository(said).platform.spec.profiles


_NAMES: dict[tuple[str, str], Names] = {
    ("", "MODEL"): _models,
    ("", "LAYER"): _layers,
    ("", "MODEL|LAYER"): lambda said: [*_layers(said), *_models(said)],
    ("", "ALIAS"): _aliases,
    ("", "MOVE"): _moves,
    ("", "PROFILE"): _profiles,
    ("features", "NAME"): _features,
    ("sync", "NAME"): _applications,
    ("wait", "NAME"): _applications,
}
"""By command and word; no command: whichever it is."""
