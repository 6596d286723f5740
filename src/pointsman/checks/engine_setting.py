"""1xx: what surrounds an engine: its image, its user, its secrets, where its weights lie."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.findings import AddItem
from pointsman.adopt.words import Place, source_said
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.engine_pod import EnginePod, engine_pods, own_pods, tag_of
from pointsman.checks.view import View, entries, get, listed

__all__ = ["CHECKS"]

_MOVING = frozenset({"", "latest", "nightly", "main", "stable", "dev"})
_NAMES = ("USER", "LOGNAME", "LNAME", "USERNAME")
_OF_IMAGE = 2000
"""The user that vLLM's image has an entry for (docker/Dockerfile)."""
_SINCE = {"shutdown-timeout": (0, 18), "disable-access-log-for-endpoints": (0, 16)}
"""Flags that came late, and with which version."""
_TRUE = frozenset({"1", "true", "yes", "on"})
_KEPT = ("persistentVolumeClaim", "hostPath", "nfs", "csi", "image", "ephemeral")


def _moves(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        image = one.container.get("image")
        if isinstance(image, str) and image and "@" not in image and tag_of(image) in _MOVING and "$" not in image:
            tag = tag_of(image)
            what = f"its image is {image}: what {':' + tag if tag else 'no tag'} means changes without a change in git"
            yield one.told(what, (*one.place, "image"))


def _nameless(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        user, place = _user(one)
        named = any(name in one.env for name in _NAMES) or one.from_elsewhere
        if not isinstance(user, int) or user in (0, _OF_IMAGE) or named or not one.of_vllm:
            continue
        fix = AddItem(one.engine.standing, one.place, "env", {"name": "USER", "value": "vllm"})
        what = f"it runs as user {user}, which its image does not know, and USER is not set"
        yield one.told(what, place, "", (fix,))


def _user(one: EnginePod) -> tuple[Any, Place]:
    for within, place in ((one.container, one.place), (one.pod, one.pod_place)):
        found = get(within, "securityContext", "runAsUser")
        if found is not None:
            return found, (*place, "securityContext", "runAsUser")
    return None, ()


def _offline(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        if not one.of_vllm:
            continue
        said = next((key for key in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE") if _is_true(one.env.get(key))), "")
        source = source_said(one.words)
        if not said or one.engine.weights is None or source is None or not source.known or source.value[:1] in "/.":
            continue
        if source.value != one.engine.weights.value or one.pod.get("initContainers") or _keeps(one):
            continue
        what = f"{said} is set, and no volume that outlives the pod holds {source.value}: it cannot be loaded"
        yield one.told(what, one.at(source))


def _is_true(value: Any) -> bool:
    return isinstance(value, str) and value.lower() in _TRUE


def _keeps(one: EnginePod) -> bool:
    """Has its container a volume that may hold weights?"""
    mounted = {each.get("name") for each in listed(one.container, "volumeMounts")}
    volumes = [each for each in listed(one.pod, "volumes") if each.get("name") in mounted]
    return any(key in each for each in volumes for key in _KEPT)


def _named_twice(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        names = [
            str(each.get("name") or "") if isinstance(each, Mapping) else "" for each in entries(one.container, "env")
        ]
        for name, count in Counter(names).items():
            if count > 1 and name:
                last = len(names) - 1 - names[::-1].index(name)
                what = f"the variable {name} is written {count} times: an apply is refused, or one of them is lost"
                yield one.told(what, (*one.place, "env", last))


def _too_new(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        for name, since in _SINCE.items():
            said = one.flag(name)
            if said is not None and one.version is not None and one.version < since:
                is_, was = (".".join(map(str, each)) for each in (one.version, since))
                what = f"--{name} came with vLLM {was}, and its image is {is_}: vLLM exits, as it does not know it"
                yield one.told(what, one.at(said))


_ENGINES = frozenset({"engines"})

CHECKS = (
    Check(
        "PM122",
        "image-moves",
        Level.warning,
        _ENGINES,
        cause="a tag that moves makes two pods of one Deployment two engines, and a restart an upgrade",
        remedy="name a version, or better a digest",
        sure=Sure.rule,
        fact="Kubernetes, Images: imagePullPolicy is Always for :latest",
        run=_moves,
    ),
    Check(
        "PM123",
        "user-without-name",
        Level.warning,
        _ENGINES,
        cause="PyTorch asks for the user's name when it is imported; without an entry in /etc/passwd vLLM exits",
        remedy="set USER (and HOME, and the caches, to places it may write), or run as 2000, which the image knows",
        sure=Sure.source,
        fact="vLLM issue 44548, PyTorch issue 140765: getpass.getuser raises KeyError",
        run=_nameless,
        fixable=True,
    ),
    Check(
        "PM125",
        "offline-without-weights",
        Level.error,
        _ENGINES,
        cause="offline, nothing is asked of the hub: what is not in the cache cannot be loaded, and vLLM exits",
        remedy="mount the claim that holds the weights, download them in an init container, or take the variable out",
        sure=Sure.source,
        fact="huggingface_hub, HF_HUB_OFFLINE: LocalEntryNotFoundError",
        run=_offline,
    ),
    Check(
        "PM126",
        "variable-written-twice",
        Level.warning,
        _ENGINES,
        cause="for a server-side apply env is a map by name: a name that comes twice is refused; else the last counts",
        remedy="keep one of them",
        sure=Sure.measured,
        fact="Kubernetes 1.34, its API server: duplicate entries for key; env is a map by name",
        run=_named_twice,
    ),
    Check(
        "PM127",
        "flag-of-later-version",
        Level.error,
        _ENGINES,
        cause="vLLM exits when it is given a flag that it does not know; a flag of a later version is one",
        remedy="take a later image, or take the flag out",
        sure=Sure.source,
        fact="vLLM pull requests 36666 (0.18) and 30011 (0.16), as KServe's presets ask vllm --version",
        run=_too_new,
    ),
)
