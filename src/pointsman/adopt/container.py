"""What one vLLM container promises: read from its words, its variables, its resources and its volumes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.adopt.promise import Auth, Fact
from pointsman.adopt.words import Place, Said, Word, flag_said, source_said, values_said, words_of
from pointsman.spec.arguments import PROMISED, base, flags

__all__ = ["Reading", "read_container"]

_REPO = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]*/[A-Za-z0-9][-._A-Za-z0-9]*")
_DOWNLOAD = re.compile(
    r"(?:download\s+|snapshot_download\(\s*(?:repo_id\s*=\s*)?)[\"']?([A-Za-z0-9][-._\w]*/[A-Za-z0-9][-._\w]*)"
)
_LENGTH = re.compile(r"(\d+)([kKmM]?)")
_THOUSANDS = {"": 1, "k": 1000, "K": 1024, "m": 10**6, "M": 1 << 20}
_ACCELERATOR = re.compile(r"gpu|mig-|gaudi|i915|tpu|neuron|npu", re.IGNORECASE)


@dataclass(slots=True)
class Reading:
    """What was read."""

    name: str = ""
    image: str = ""
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
    args: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def read_container(
    container: Mapping[str, Any],
    place: Place,
    pod: Mapping[str, Any],
    at: Place,
    under: Mapping[str, Any] | None = None,
) -> Reading:
    """The promise of a container at ``place`` of its object, in a pod at ``at``.

    ``under``: a runtime's container, whose words come first and whose values count where this one says nothing.
    """
    base_words = words_of(under or {})
    own = words_of(container)
    words = [*base_words, *own]
    found = Reading(str(container.get("name") or (under or {}).get("name") or ""))
    found.image = str(container.get("image") or (under or {}).get("image") or "")
    names = (
        values_said(words, "served-model-name") or values_said(words, "model_name") or values_said(words, "model-name")
    )
    found.names = [_fact(one, place) for one in names if one.known]
    found.unknown += [
        f"its served name {one.value} is a variable that is set elsewhere" for one in names if not one.known
    ]
    found.context = _context(words, place, found)
    found.auth = _auth(container, under or {}, words, place)
    found.port = _port(container, under or {}, words, place)
    _weights(found, words, container, pod, place, at)
    _resources(found, container if container.get("resources") else {**(under or {}), **container})
    found.arguments = _arguments(words, place)
    source = source_said(words)
    found.args = [
        word.text for word in words if source is None or word.place != source.place or word.text != source.value
    ]
    return found


def _fact(said: Said, place: Place, value: Any = None) -> Fact:
    return Fact(said.value if value is None else value, (*place, *said.place), said.token)


def _context(words: list[Word], place: Place, found: Reading) -> Fact | None:
    said = flag_said(words, "max-model-len")
    if said is None:
        return None
    match = _LENGTH.fullmatch(said.value)
    if not said.known or match is None or int(match[1]) < 1:
        found.unknown.append(f"its context length {said.value!r} is no number that stands here")
        return None
    return _fact(said, place, int(match[1]) * _THOUSANDS[match[2]])


def _auth(container: Mapping[str, Any], under: Mapping[str, Any], words: list[Word], place: Place) -> Fact:
    said = flag_said(words, "api-key")
    variables = _listed(container, "env") + _listed(under, "env")
    for at, one in enumerate(variables):
        if one.get("name") != "VLLM_API_KEY":
            continue
        reference = _map(_map(one.get("valueFrom")).get("secretKeyRef"))
        if reference.get("name"):
            auth = Auth(str(reference["name"]), str(reference.get("key") or ""))
            return Fact(auth, (*place, "env", at))
        return Fact(Auth(plain=True), (*place, "env", at))
    if said is not None:
        return Fact(Auth(plain=True), (*place, *said.place))
    return Fact(Auth(), place)


def _port(container: Mapping[str, Any], under: Mapping[str, Any], words: list[Word], place: Place) -> Fact:
    said = flag_said(words, "port")
    if said is not None and said.known and said.value.isdigit():
        return _fact(said, place, int(said.value))
    ports = _listed(container, "ports") or _listed(under, "ports")
    if len(ports) == 1 and isinstance(ports[0].get("containerPort"), int):
        return Fact(ports[0]["containerPort"], (*place, "ports", 0, "containerPort"))
    return Fact(8000, place)


def _weights(
    found: Reading, words: list[Word], container: Mapping[str, Any], pod: Mapping[str, Any], place: Place, at: Place
) -> None:
    said = source_said(words)
    model_id = flag_said(words, "model_id")
    uri = container.get("storageUri")
    if isinstance(uri, str):
        _of_uri(found, uri, (*place, "storageUri"))
    elif said is not None and said.known and _REPO.fullmatch(said.value):
        found.weights = _fact(said, place)
    elif model_id is not None and model_id.known and _REPO.fullmatch(model_id.value):
        found.weights = _fact(model_id, place)
    elif said is not None and said.known and said.value.startswith("/"):
        found.claim = _claim(said.value, container, pod)
    if found.weights is None and (staged := _staged(pod, at)) is not None:
        found.weights = staged


def _of_uri(found: Reading, uri: str, place: Place) -> None:
    if uri.startswith("hf://"):
        found.weights = Fact(uri[5:], place, uri)
    elif uri.startswith("pvc://"):
        claim, _, path = uri[6:].partition("/")
        found.claim = (claim, path)


def _claim(path: str, container: Mapping[str, Any], pod: Mapping[str, Any]) -> tuple[str, str] | None:
    """The claim that a path of the container lies on, and the path there."""
    mounts = [
        (str(one.get("mountPath")).rstrip("/"), one)
        for one in _listed(container, "volumeMounts")
        if path == one.get("mountPath") or path.startswith(str(one.get("mountPath")).rstrip("/") + "/")
    ]
    for mounted, mount in sorted(mounts, key=lambda pair: len(pair[0]), reverse=True):
        volume = next((one for one in _listed(pod, "volumes") if one.get("name") == mount.get("name")), {})
        claim = _map(volume.get("persistentVolumeClaim")).get("claimName")
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
    said = _map(container.get("resources"))
    limits, requests = _map(said.get("limits")), _map(said.get("requests"))
    found.limits = {str(key): str(value) for key, value in limits.items()}
    found.requests = {str(key): str(value) for key, value in requests.items()}
    for key, value in {**found.requests, **found.limits}.items():
        if _ACCELERATOR.search(key) and value.isdigit():
            found.gpus, found.accelerator = int(value), key


def _arguments(words: list[Word], place: Place) -> dict[str, Fact]:
    """Flags by which tenants would notice on which layer they are."""
    found = {}
    texts = [word.text for word in words]
    for flag in flags(texts):
        name = base(flag.name)
        if name in PROMISED or name == "enable-auto-tool-choice":
            given = texts[flag.start : flag.end]
            said = " ".join([given[0].partition("=")[2], *given[1:]]).strip() or "on"
            found[name] = Fact(said, (*place, *words[flag.start].place), words[flag.start].token)
    return found


def _listed(data: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = data.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
