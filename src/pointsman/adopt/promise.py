"""What an engine promises, as its manifests say it; each part with the place that says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place

__all__ = ["Auth", "Engine", "Fact"]


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is said."""

    value: Any
    place: Place
    """Where in the object."""
    token: str = ""
    """The piece of text that says it; empty where it is no text of its own."""


@dataclass(frozen=True, slots=True)
class Auth:
    """The key that an engine asks for."""

    secret: str = ""
    key: str = ""
    plain: bool = False
    """It stands in the manifest itself, or comes from where nothing here tells."""
    mark: str = field(default="", repr=False)
    """What tells a key that stands there from another; not the key."""

    def differs(self, other: Auth) -> bool:
        """Is it surely another key?"""
        if self.plain and other.plain:
            return bool(self.mark and other.mark and self.mark != other.mark)
        return self != other

    def __str__(self) -> str:
        return f"{self.secret}/{self.key}" if self.secret else "a key of no Secret" if self.plain else "none"


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine on one layer."""

    layer: str
    standing: Standing
    container: Place
    """Where its container stands in the object."""
    container_name: str
    names: tuple[Fact, ...]
    """Served names; the first one is what ``/v1/models`` says."""
    context: Fact | None
    """``--max-model-len``; None when the weights' own configuration decides."""
    auth: Fact
    """Its value is an ``Auth``."""
    port: Fact
    weights: Fact | None
    """Hugging Face repository."""
    claim: tuple[str, str] | None
    """Claim and path on it, where weights lie on one."""
    gpus: int
    accelerator: str
    image: str
    requests: dict[str, str] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    replicas: int = 1
    pod_labels: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, Fact] = field(default_factory=dict)
    """Other flags by which tenants would notice."""
    args: tuple[str, ...] = ()
    """Every argument of the engine, what is loaded left out."""
    adapters: tuple[str, ...] = ()
    """LoRA adapters that it answers to, too, by their names."""
    hidden: frozenset[str] = frozenset()
    """Flags whose values are filled in when it starts, or stand in what is not read."""
    scripted: bool = False
    """Is it started by a shell's script, which takes no further arguments?"""
    several: bool = False
    """Are there other containers in its pod?"""
    unknown: tuple[str, ...] = ()
    """What cannot be told, in words."""

    @property
    def name(self) -> str:
        """The object's name."""
        return self.standing.name

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return self.standing.namespace

    @property
    def asks(self) -> str:
        """The key that it asks for, for people."""
        return "?" if self.auth.value == Auth() and "api-key" in self.hidden else str(self.auth.value)

    def at(self, fact: Fact | None) -> str:
        """The line that says so, or the container's."""
        return self.standing.at(*(fact.place if fact else self.container))

    def serves(self, name: str) -> bool:
        """Does it answer to this name?"""
        return any(one.value == name for one in self.names)

    def __str__(self) -> str:
        return str(self.standing)
