"""71x and 72x: pods of engines and of the tenants' edge that do not live, or are never made; and their volumes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Run, Source, Sure, Told
from pointsman.checks.gpus import owner
from pointsman.checks.state import annotation, condition, label, older, serves_models, settled
from pointsman.checks.view import View, get, listed
from pointsman.kube.quantity import quantity

__all__ = ["CHECKS"]

_PULLS = frozenset({"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName"})
_DEFAULT = "storageclass.kubernetes.io/is-default-class"
_RECENTLY = 24 * 60.0
"""Minutes after which a death is history."""
_MINUTES = 5.0


def _ours(view: View) -> Iterator[Standing]:
    """Pods of the layers, of engines, and of LiteLLM."""
    for one in view.of("Pod"):
        layered = label(one, "serving.kserve.io/inferenceservice") or label(one, "pointsman.dev/model")
        part = label(one, "app.kubernetes.io/part-of") == "llminferenceservice"
        if layered or part or serves_models(get(one.data, "spec")):
            yield one


def _containers(pod: Standing) -> Iterator[Mapping[str, Any]]:
    for key in ("initContainerStatuses", "containerStatuses"):
        yield from listed(pod.data, "status", key)


def _waits(one: Mapping[str, Any]) -> str:
    return str(get(one, "state", "waiting", "reason") or "")


def _ended(one: Mapping[str, Any]) -> Mapping[str, Any]:
    """How its last process ended."""
    found = get(one, "state", "terminated") or get(one, "lastState", "terminated")
    return found if isinstance(found, Mapping) else {}


def _once(pods: Iterator[tuple[Standing, str, str]]) -> Iterator[Told]:
    """One finding of siblings whose containers fare alike."""
    told = set[tuple[str, str]]()
    for pod, container, what in pods:
        key = (owner(pod), container)
        if key not in told:
            told.add(key)
            yield Told(pod, what, ("status", "containerStatuses"))


def _crashing(view: View) -> Iterator[Told]:
    def each() -> Iterator[tuple[Standing, str, str]]:
        for pod in _ours(view):
            for one in _containers(pod):
                ended = _ended(one)
                if _waits(one) == "CrashLoopBackOff" and ended.get("reason") != "OOMKilled":
                    how = f"exit code {ended.get('exitCode')}" if ended else "no word of why"
                    what = (
                        f"container {one.get('name')} has crashed {one.get('restartCount')} times, the last with {how}"
                    )
                    yield pod, str(one.get("name")), what

    return _once(each())


def _killed(view: View) -> Iterator[Told]:
    def each() -> Iterator[tuple[Standing, str, str]]:
        for pod in _ours(view):
            for one in _containers(pod):
                ended = _ended(one)
                recent = not older(view, ended.get("finishedAt"), _RECENTLY)
                if ended.get("reason") == "OOMKilled" and (recent or _waits(one) == "CrashLoopBackOff"):
                    limit = _limit(pod, str(one.get("name")))
                    when = f"last at {ended.get('finishedAt')}"
                    yield (
                        pod,
                        str(one.get("name")),
                        f"container {one.get('name')} was killed for its memory{limit}, {when}",
                    )

    return _once(each())


def _limit(pod: Standing, name: str) -> str:
    found = [one for one in listed(pod.data, "spec", "containers") if one.get("name") == name]
    limit = get(found[0], "resources", "limits", "memory") if found else None
    return f" (its limit is {limit})" if limit else ""


def _unpulled(view: View) -> Iterator[Told]:
    def each() -> Iterator[tuple[Standing, str, str]]:
        for pod in _ours(view):
            for one in _containers(pod):
                if _waits(one) in _PULLS:
                    said = get(one, "state", "waiting", "message") or _waits(one)
                    yield pod, str(one.get("name")), f"image {one.get('image')} is not pulled: {said}"

    return _once(each())


def _refused(view: View) -> Iterator[Told]:
    """What a Deployment says when the API server refuses its pods: a quota, Pod Security, a webhook."""
    children = view.made("Deployment")
    for one in [*view.of("Deployment"), *children]:
        said = condition(one, "ReplicaFailure")
        if said.get("status") != "True":
            continue
        if one in children or serves_models(get(one.data, "spec", "template", "spec")):
            yield Told(one, f"its pods are refused: {said.get('message') or said.get('reason')}", _CONDITIONS)


_CONDITIONS = ("status", "conditions")


def _full(view: View) -> Iterator[Told]:
    spaces = {one.namespace for one in view.engines}
    for one in view.of("ResourceQuota"):
        used, hard = get(one.data, "status", "used"), get(one.data, "status", "hard")
        if one.namespace not in spaces or not isinstance(used, Mapping) or not isinstance(hard, Mapping):
            continue
        for name, most in hard.items():
            if _OF_PODS.match(str(name)) and _used_up(used.get(name), most):
                yield Told(one, f"{name} is used up: {used[name]} of {most}", ("spec", "hard", str(name)))


_OF_PODS = re.compile(r"requests\.|limits\.|(cpu|memory|pods|count/pods)$")


def _used_up(used: Any, most: Any) -> bool:
    """One amount is written in many ways; and a quota that was lowered has less than is used."""
    try:
        limit = quantity(str(most))
        return limit > 0 and quantity(str(used)) >= limit
    except ValueError:
        return False


def _unbound(view: View) -> Iterator[Told]:
    classes = {one.name: one for one in view.of("StorageClass")}
    chosen = [one for one in classes.values() if annotation(one, _DEFAULT) == "true"]
    for one in view.of("PersistentVolumeClaim"):
        phase, name = get(one.data, "status", "phase"), get(one.data, "spec", "storageClassName")
        old = settled(view, get(one.data, "metadata", "creationTimestamp"), _MINUTES)
        if phase == "Lost":
            yield Told(one, "its volume is gone (Lost), and what was on it with it", ("status", "phase"))
        elif phase == "Pending" and old and not get(one.data, "spec", "volumeName"):
            why = _why(name, classes, bool(chosen))
            if why:
                yield Told(one, f"it is Pending: {why}", ("spec", "storageClassName"))


def _why(name: Any, classes: Mapping[str, Standing], default: bool) -> str:
    """Empty where it may wait for its first pod, or for a volume that a person makes."""
    if name is None:
        return "" if default else "it names no StorageClass, and none is the default"
    if not name:
        return ""
    found = classes.get(str(name))
    if found is None:
        return f"there is no StorageClass {name}"
    waits = found.data.get("volumeBindingMode") == "WaitForFirstConsumer"
    return "" if waits else f"{found.data.get('provisioner')} has made no volume of StorageClass {name}"


def _check(number: int, name: str, level: Level, reads: set[str], texts: tuple[str, str, str], check: Run) -> Check:
    cause, remedy, fact = texts
    return Check(
        f"PM{number}",
        name,
        level,
        frozenset(reads),
        cause=cause,
        remedy=remedy,
        sure=Sure.measured if "lab" in fact else Sure.source,
        fact=fact,
        run=check,
        sources=frozenset({Source.cluster}),
        whole=len(reads) > 1,
    )


_STATUS = "Kubernetes, status of a Pod's containers"
CHECKS: tuple[Check, ...] = (
    _check(
        719,
        "crash-loop",
        Level.error,
        {"Pod"},
        (
            "a pod that crashes at every start serves nobody and holds its GPU meanwhile",
            "read why: kubectl logs --previous; then correct arguments, key or memory",
            _STATUS,
        ),
        _crashing,
    ),
    _check(
        720,
        "out-of-memory",
        Level.error,
        {"Pod"},
        (
            "a container that is killed for its memory loses every request that it was answering",
            "raise the memory limit; loading weights takes host memory, not only the GPU's",
            _STATUS,
        ),
        _killed,
    ),
    _check(
        721,
        "image-not-pulled",
        Level.error,
        {"Pod"},
        (
            "a pod whose image cannot be pulled never starts, and holds its place meanwhile",
            "correct name, tag or digest, or give the namespace an imagePullSecret",
            _STATUS,
        ),
        _unpulled,
    ),
    _check(
        722,
        "pods-refused",
        Level.error,
        {"Deployment"},
        (
            "where a quota, Pod Security or a webhook refuses its pods, a Deployment stays short of them in silence",
            "give the namespace what they need, or the pods what the namespace asks",
            "Kubernetes, Deployment condition ReplicaFailure (FailedCreate); seen in the lab",
        ),
        _refused,
    ),
    _check(
        723,
        "quota-full",
        Level.warning,
        {"ResourceQuota", "engines"},
        (
            "the next pod is refused: the surge of a rolling update, a bigger replica count, a move's target",
            "raise the quota, or set strategy Recreate where one pod at a time is meant",
            "Kubernetes, ResourceQuota admission; seen in the lab",
        ),
        _full,
    ),
    _check(
        724,
        "claim-unbound",
        Level.error,
        {"PersistentVolumeClaim", "StorageClass"},
        (
            "a pod waits for ever for a claim that nobody makes a volume for",
            "name a StorageClass that is there, make one the default, or see its provisioner",
            "Kubernetes, PersistentVolumeClaim phases and default StorageClass; seen in the lab",
        ),
        _unbound,
    ),
)
