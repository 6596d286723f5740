"""What one vLLM container promises, each part with its place.

What is promised is read as the layers of written manifests read it (``pointsman.layers.promise``), so that what is
adopted is what will be moved. Here is added where each part stands, and what only a person's eye would find: the
repository that a container before it downloads, the claim that a path lies on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pointsman.adopt.adapters import adapters_given
from pointsman.adopt.pieces import mapped
from pointsman.adopt.promise import Auth, Fact
from pointsman.adopt.words import Place, Said, Word, flag_said, source_said, values_said, words_of
from pointsman.layers.command import Command, command_of, in_script
from pointsman.layers.promise import Promise, promise_of, repository
from pointsman.layers.written.objects import container_port
from pointsman.spec.arguments import PROMISED, base, flags

__all__ = ["Reading", "read_container"]

_DOWNLOAD = re.compile(
    r"(?:download\s+|snapshot_download\(\s*(?:repo_id\s*=\s*)?)[\"']?([A-Za-z0-9][-._\w]*/[A-Za-z0-9][-._\w]*)"
)
_ACCELERATOR = re.compile(r"gpu|mig-|gaudi|i915|tpu|neuron|npu", re.IGNORECASE)


@dataclass(slots=True)
class Reading:
    """What was read."""

    promise: Promise
    name: str = ""
    names: list[Fact] = field(default_factory=list)
    context: Fact | None = None
    auth: Fact = field(default_factory=lambda: Fact(Auth(), ()))
    port: Fact = field(default_factory=lambda: Fact(8000, ()))
    weights: Fact | None = None
    claim: tuple[str, str] | None = None
    gpus: int = 0
    accelerator: str = ""
    requests: dict[str, str] = field(default_factory=dict)
    limits: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, Fact] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    hidden: frozenset[str] = frozenset()
    scripted: bool = False
    unknown: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Given:
    """What a layer's controller says in the place of the container."""

    command: Command | None = None
    names: tuple[str, ...] = ()
    weights: str = ""
    port: int = 8000
    preset: bool = False
    """Are the container's words laid over a preset's?"""


def read_container(
    container: Mapping[str, Any], place: Place, pod: Mapping[str, Any], at: Place, given: Given | None = None
) -> Reading:
    """The promise of a container at ``place`` of its object, in a pod at ``at``."""
    given = given or Given()
    command = given.command or command_of(container)
    port = container_port(container, given.port)
    promise = promise_of(command, container, pod, names=given.names, weights=given.weights or None, port=port)
    words = words_of(container, preset=given.preset)
    found = Reading(promise, str(container.get("name") or ""))
    said = values_said(words, "served-model-name")
    source = source_said(words)
    found.names = [_placed(name, [*said, *([source] if source else [])], place) for name in promise.names]
    if promise.max_model_len is not None:
        length = flag_said(words, "max-model-len")
        found.context = _placed(promise.max_model_len, [length] if length else [], place, like=True)
    found.auth = Fact(_auth(promise, container, words), _key_place(container, words, place))
    found.port = _port(promise, container, words, place)
    _weights(found, promise, (container, pod), (source, place, at))
    _resources(found, container)
    found.arguments = _arguments(command, words, place)
    found.args = command.args
    found.hidden, found.scripted = promise.hidden, in_script(container)
    found.adapters = adapters_given(command)
    found.unknown = [promise.unknown] if promise.unknown else []
    return found


def _placed(value: Any, said: Sequence[Said], place: Place, *, like: bool = False) -> Fact:
    """Where a value stands: in the words that say it, else somewhere in the container."""
    for one in said:
        if like or one.value == value:
            return Fact(value, (*place, *one.place), one.token)
    return Fact(value, place)


def _auth(promise: Promise, container: Mapping[str, Any], words: Sequence[Word]) -> Auth:
    if promise.auth is not None:
        return Auth(promise.auth.secret, promise.auth.key)
    said = flag_said(words, "api-key")
    variable = next((one for one in _listed(container, "env") if one.get("name") == "VLLM_API_KEY"), {})
    key = said.value if said else str(variable.get("value") or "")
    mark = hashlib.sha256(key.encode()).hexdigest() if key and "$" not in key else ""
    return Auth(plain=promise.plain_key, mark=mark if promise.plain_key else "")


def _key_place(container: Mapping[str, Any], words: Sequence[Word], place: Place) -> Place:
    for at, one in enumerate(_listed(container, "env")):
        if one.get("name") == "VLLM_API_KEY":
            return (*place, "env", at)
    said = flag_said(words, "api-key")
    return (*place, *said.place) if said else place


def _port(promise: Promise, container: Mapping[str, Any], words: Sequence[Word], place: Place) -> Fact:
    said = flag_said(words, "port")
    if said is not None:
        return _placed(promise.port, [said], place, like=True)
    ports = _listed(container, "ports")
    return Fact(promise.port, (*place, "ports", 0, "containerPort") if ports else place)


def _weights(
    found: Reading,
    promise: Promise,
    around: tuple[Mapping[str, Any], Mapping[str, Any]],
    places: tuple[Said | None, Place, Place],
) -> None:
    container, pod = around
    source, place, at = places
    said = promise.weights or ""
    repo = repository(said) if not said.startswith(("pvc://", "oci://", "s3://", "gs://")) else None
    if repo:
        found.weights = _placed(repo, [source] if source else [], place)
    elif said.startswith("pvc://"):
        claim, _, path = said[6:].partition("/")
        found.claim = (claim, path)
    elif said.startswith("/"):
        found.claim = _claim(said, container, pod)
    if found.weights is None:
        found.weights = _staged(pod, at)


def _claim(path: str, container: Mapping[str, Any], pod: Mapping[str, Any]) -> tuple[str, str] | None:
    """The claim that a path of the container lies on, and the path there."""
    mounts = [
        (str(one.get("mountPath")).rstrip("/"), one)
        for one in _listed(container, "volumeMounts")
        if path == one.get("mountPath") or path.startswith(str(one.get("mountPath")).rstrip("/") + "/")
    ]
    for mounted, mount in sorted(mounts, key=lambda pair: len(pair[0]), reverse=True):
        volume = next((one for one in _listed(pod, "volumes") if one.get("name") == mount.get("name")), {})
        claim = mapped(volume.get("persistentVolumeClaim")).get("claimName")
        if claim:
            inner = "/".join(
                part for part in (str(mount.get("subPath") or ""), path[len(mounted) :].strip("/")) if part
            )
            return str(claim), inner
        return None
    return None


def _staged(pod: Mapping[str, Any], at: Place) -> Fact | None:
    """The repository that a container before it downloads."""
    for number, one in enumerate(_listed(pod, "initContainers")):
        for key in ("command", "args"):
            parts = one.get(key)
            text = " ".join(str(part) for part in parts) if isinstance(parts, list) else ""
            for variable in _listed(one, "env"):
                text = text.replace(f"$({variable.get('name')})", str(variable.get("value")))
                text = re.sub(rf"\$\{{?{re.escape(str(variable.get('name')))}\b\}}?", str(variable.get("value")), text)
            match = _DOWNLOAD.search(text)
            if match:
                return Fact(match[1], (*at, "initContainers", number, key))
    return None


def _resources(found: Reading, container: Mapping[str, Any]) -> None:
    said = mapped(container.get("resources"))
    limits, requests = mapped(said.get("limits")), mapped(said.get("requests"))
    found.limits = {str(key): str(value) for key, value in limits.items()}
    found.requests = {str(key): str(value) for key, value in requests.items()}
    for key, value in {**found.requests, **found.limits}.items():
        if _ACCELERATOR.search(key) and value.isdigit():
            found.gpus, found.accelerator = int(value), key


def _arguments(command: Command, words: Sequence[Word], place: Place) -> dict[str, Fact]:
    """Flags by which tenants would notice on which layer they are."""
    found = {}
    for flag in flags(command.args):
        name = base(flag.name)
        if (name in PROMISED or name == "enable-auto-tool-choice") and flag.name not in command.hidden:
            given = command.args[flag.start : flag.end]
            text = " ".join([given[0].partition("=")[2], *given[1:]]).strip() or "on"
            said = flag_said(words, flag.name)
            found[name] = Fact(text, (*place, *(said.place if said else ())), said.token if said else "")
    return found


def _listed(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = data.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
