"""Objects of what is not there any more: of a model, of an InferenceService, of an Application."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.audit.finding import Finding, Ground, kept_by, kubectl, place_of
from pointsman.cost.models import OURS
from pointsman.kube.resources import ref_of
from pointsman.move.boundary import Object
from pointsman.owners.marks import controller_of, labels, tracked

__all__ = ["KINDS", "of_applications", "of_models", "of_services"]

KINDS = ("Deployment", "StatefulSet", "Service", "InferenceService", "LLMInferenceService", "HTTPRoute")
"""What takes GPUs or addresses, or leads to what does; claims are looked at as volumes."""
OF_SERVICE = "serving.kserve.io/inferenceservice"


def of_models(ground: Ground) -> Iterator[Finding]:
    """With our label of a model that nobody declares, or of a known model that renders no such object any more."""
    if not ground.needs("what is left of deleted models", ("Model", *KINDS)):
        return
    known = {(ref.kind.name, ref.namespace or "", ref.name) for ref in ground.owners.refs}
    torn = bool(ground.owners.problems)
    for one in _candidates(ground):
        name = labels(one).get(OURS, "")
        if not name or (one["kind"], *place_of(one)) in known:
            continue
        if name not in ground.owners.names:
            yield _finding(ground, one, f"model {name}", f"model {name} is not there any more: no record, no file")
        elif not torn:
            yield _finding(ground, one, f"model {name}", f"no layer of model {name} has such an object any more")


def of_services(ground: Ground) -> Iterator[Finding]:
    """What KServe made of an InferenceService that is gone."""
    if not ground.needs("what is left of InferenceServices", ("InferenceService", *KINDS)):
        return
    there = {place_of(one) for one in ground.sight.of("InferenceService")}
    for one in _candidates(ground):
        name = labels(one).get(OF_SERVICE, "")
        if name and (place_of(one)[0], name) not in there and not labels(one).get(OURS):
            yield _finding(ground, one, f"InferenceService {name}", f"InferenceService {name} is gone")


def of_applications(ground: Ground) -> Iterator[Finding]:
    """What an Application deployed that is gone: without its finalizer it leaves everything running (argo-cd 3.2).

    Nothing is said where no Application is here: Argo CD may keep them in another cluster.
    """
    if not ground.needs("what is left of Applications", ("Application", *KINDS)):
        return
    apps = {str(one["metadata"]["name"]) for one in ground.sight.of("Application")}
    for one in _candidates(ground) if apps else ():
        owner = tracked(one, ref_of(one))
        if owner is not None and owner.name not in apps and not labels(one).get(OURS):
            what = f"Application {owner} deployed it and is gone; without its finalizer it leaves everything"
            yield _finding(ground, one, f"Application {owner}", what)


def _candidates(ground: Ground) -> Iterator[Object]:
    """Objects that no controller made and that nobody deletes already."""
    for kind in KINDS:
        for one in ground.sight.of(kind):
            if controller_of(one) is None and "deletionTimestamp" not in one["metadata"]:
                yield one


def _finding(ground: Ground, one: Object, owner: str, what: str) -> Finding:
    name = f"{one['kind']} {'/'.join(place_of(one))}"
    pods = [f"Pod {'/'.join(place_of(pod))}" for pod in _pods(ground, one)]
    money, why = ground.money(name, *pods)
    keeper = kept_by(one)
    note = f"{keeper} may make it again" if keeper.startswith(("Application", "Helm")) else ""
    return Finding("left-over", name, owner, what, kubectl("delete", one), note, money, why)


def _pods(ground: Ground, one: Object) -> Iterator[Object]:
    """Pods of a workload, by its selector."""
    wanted = ((one.get("spec") or {}).get("selector") or {}) if one["kind"] in ("Deployment", "StatefulSet") else {}
    pairs = (wanted.get("matchLabels") or {}).items()
    if pairs:
        yield from ground.pods_with(place_of(one)[0], dict(pairs))
