"""What a move is carried out with, and what it ends in."""

from __future__ import annotations

import getpass
import os
import secrets
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.edge.contract import Edge
from pointsman.edge.in_git import InGit
from pointsman.errors import PointsmanError
from pointsman.layers.contract import Layer
from pointsman.layers.registry import LAYERS
from pointsman.move.boundary import Clock, Cluster, Wire
from pointsman.move.journal.journal import digest
from pointsman.move.steps import Step
from pointsman.report.contract import Observer, Quiet
from pointsman.spec.model import Model

__all__ = ["Means", "Result", "holder_name", "spec_digest", "spec_of"]


def holder_name() -> str:
    """Who we are, for people who wonder who holds a move; ends in something no other process has."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}/{os.getpid()}-{secrets.token_hex(2)}"


@dataclass(frozen=True, slots=True)
class Means:
    """What a move is carried out with."""

    cluster: Cluster
    wire: Wire
    clock: Clock
    edge_for: Callable[[Model, InGit | None], Edge]
    """The edge of a model, changed directly or where git has it."""
    observer: Observer = field(default_factory=Quiet)
    holder: str = field(default_factory=holder_name)
    steps: Sequence[Step] | None = None
    """In the place of the strategies' own steps."""
    layers: Sequence[Layer] = LAYERS


@dataclass(frozen=True, slots=True)
class Result:
    """A move as it ended: its receipt, and the error to leave with when it is not done."""

    receipt: Mapping[str, Any]
    error: PointsmanError | None = None
    interrupted: bool = False


def spec_of(model: Model) -> dict[str, Any]:
    """The whole Model as JSON-like data, as a file would say it."""
    return model.model_dump(mode="json", by_alias=True)


def spec_digest(model: Model) -> str:
    """What changes when anything in the spec does."""
    return digest(model.model_dump_json(by_alias=True))
