"""A real cluster with examples in it: what it takes of them, and what ``pointsman doctor`` tells of what is there."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.checks.live.placing import BEFORE, OWN, Placed, called
from tests.conftest import Pointsman, RunningLab
from tests.docs.schemas.holding import held
from tests.gitops.repository import clone

__all__ = [
    "Taken",
    "doctor",
    "gone",
    "in_git",
    "left",
    "past_webhooks",
    "put",
    "scaled_objects",
    "settle",
    "told_of",
    "until",
    "without_pods",
]

Object = dict[str, Any]
_AT_ONCE = 3
_TRIED = (
    *("inferenceservices.serving.kserve.io", "llminferenceservices.serving.kserve.io"),
    "applications.argoproj.io",
)
"""Kinds whose controllers say something of every object."""
_AROUND = re.compile(r"Error from server[^:]*: |error: |error when \w+ \"[^\"]*\": ")


def without_pods(lab: RunningLab) -> None:
    """From now on no pod is made in the namespaces of examples: none of them is about its pods' state."""
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": OWN.replace("/", "-")},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                ]
            },
            "validations": [{"expression": "false", "message": "examples have no pods"}],
        },
    }
    binding = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": policy["metadata"]["name"]},  # type: ignore[index]
        "spec": {
            "policyName": policy["metadata"]["name"],  # type: ignore[index]
            "validationActions": ["Deny"],
            "matchResources": {"namespaceSelector": {"matchExpressions": [{"key": OWN, "operator": "Exists"}]}},
        },
    }
    lab.kubectl("apply", "-f", "-", given=_listed([policy, binding]))


@dataclass(frozen=True, slots=True)
class Taken:
    """What the cluster took of an example."""

    objects: frozenset[str]
    """As findings call them."""
    words: str = ""
    """Why it refused the others; empty when it took all."""


def put(lab: RunningLab, examples: Sequence[Placed], *words: str, alone: Container[str] = ()) -> dict[str, Taken]:
    """Apply them as a person does; ``words`` are options of ``kubectl apply``.

    Those that are ``alone``, and all where the cluster does not take the others as they are, are applied each for
    itself, so that it is known whose a refusal is.
    """
    if not examples:
        return {}
    spaces = [one for example in examples for one in example.objects if one["kind"] == "Namespace"]
    lab.kubectl("apply", "-f", "-", given=_listed(spaces), timeout=120)
    together = [one for one in examples if one.example.path.name not in alone]
    objects = [each for one in together for each in one.objects]
    done = (
        lab.kubectl("apply", *words, "-f", "-", given=_listed(objects), check=False, timeout=400) if objects else None
    )
    if done is None or done.returncode:
        together = []
    rest = [one for one in examples if one not in together]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.map(lambda one: _applied(lab, one, words), rest)
        taken = {one.example.path.name: taken for one, taken in zip(rest, found, strict=True)}
    return taken | {one.example.path.name: Taken(frozenset(map(called, one.objects))) for one in together}


def _applied(lab: RunningLab, example: Placed, words: Sequence[str]) -> Taken:
    objects = [one for one in example.objects if one["kind"] != "Namespace"]
    given = ("apply", *words, "-f", "-", "-o", "name")
    done = lab.kubectl(*given, given=_listed(objects), check=False, timeout=120) if objects else None
    if done is None or done.returncode == 0:
        return Taken(frozenset(map(called, example.objects)))
    there = {tuple(line.split("/")) for line in done.stdout.splitlines()}
    names = {(kind.partition(".")[0], name) for kind, name in there}
    taken = [one for one in objects if (one["kind"].lower(), one["metadata"]["name"]) in names]
    return Taken(frozenset(map(called, taken)), _refusal(done.stderr))


def _listed(objects: Iterable[Object]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})


def _refusal(text: str) -> str:
    """What was said, without kubectl's own words around it."""
    lines = [one for one in text.splitlines() if not one.startswith("Warning:")]
    return " ".join(_AROUND.sub("", " ".join(lines)).split())


def in_git(lab: RunningLab, folder: Path, files: Mapping[str, str]) -> None:
    """Push these files, and one that is new, so that a lab that had them takes them again."""
    clone(lab, folder / "clone").push({**files, "checks-live/run": secrets.token_hex()}, "Checks")


def settle(lab: RunningLab, seconds: float = 90) -> list[str]:
    """Wait until controllers have said something of every object of theirs; those that they never spoke of."""

    def silent() -> list[str]:
        found = json.loads(lab.kubectl("get", ",".join(_served(lab)), "-A", "-o", "json", timeout=120).stdout)
        return sorted(one["metadata"]["name"] for one in found["items"] if not _spoken(one))

    deadline = time.monotonic() + seconds
    while (left := silent()) and time.monotonic() < deadline:
        time.sleep(1)
    return left


def _served(lab: RunningLab) -> list[str]:
    known = lab.kubectl("get", "crd", "-o", "name").stdout
    return [one for one in _TRIED if f"/{one}\n" in known]


def _spoken(one: Object) -> bool:
    status = one.get("status") or {}
    if one["kind"] != "Application":
        return bool(status.get("conditions"))
    skipped = (one["metadata"].get("annotations") or {}).get("argocd.argoproj.io/skip-reconcile") == "true"
    return skipped or bool(status.get("conditions") or (status.get("sync") or {}).get("status"))


def doctor(lab: RunningLab, state: Path, *words: str) -> dict[str, Any]:
    """What it tells, as data."""
    done = Pointsman(state)("doctor", "--kubeconfig", str(lab.kubeconfig), "-o", "json", "--fail", "never", *words)
    assert done.returncode in (0, 5), (done.returncode, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    held("doctor", found)
    assert found["broken"] == []
    return found


def told_of(findings: Iterable[dict[str, Any]], example: Placed) -> set[tuple[str, str]]:
    """``(id, object)`` of all that is told of what stands in an example's namespaces, or bears its names."""
    spaces = set(example.spaces)
    found = {(one["id"], told(one)) for one in findings}
    return {(check, name) for check, name in found if _space(name) in spaces or name in example.names}


def told(one: dict[str, Any]) -> str:
    """The object of a finding; one without names it where it stands."""
    return str(one["object"] or " ".join(str(one["where"]).split()[:2]))


def _space(name: str) -> str:
    return name.partition(" ")[2].partition("/")[0]


def scaled_objects(lab: RunningLab) -> None:
    """KEDA's ScaledObjects can be there; KEDA itself is not."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "scaledobjects.keda.sh"},
        "spec": {
            "group": "keda.sh",
            "names": {"kind": "ScaledObject", "plural": "scaledobjects", "singular": "scaledobject"},
            "scope": "Namespaced",
            "versions": [{"name": "v1alpha1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    lab.kubectl("apply", "-f", "-", given=json.dumps(definition))
    lab.kubectl("wait", "crd/scaledobjects.keda.sh", "--for=condition=Established", "--timeout=30s")


def past_webhooks(lab: RunningLab) -> None:
    """From now on KServe's webhooks do not look at namespaces with the label ``BEFORE``."""
    selector = {"matchExpressions": [{"key": BEFORE, "operator": "DoesNotExist"}]}
    for kind in ("mutatingwebhookconfigurations", "validatingwebhookconfigurations"):
        found = json.loads(lab.kubectl("get", kind, "-o", "json").stdout)["items"]
        for one in (one for one in found if one["metadata"]["name"] == "inferenceservice.serving.kserve.io"):
            patch = [
                {"op": "add", "path": f"/webhooks/{number}/namespaceSelector", "value": selector}
                for number, each in enumerate(one["webhooks"])
                if "pods" not in {name for rule in each["rules"] for name in rule["resources"]}
            ]
            lab.kubectl("patch", kind, one["metadata"]["name"], "--type=json", f"--patch={json.dumps(patch)}")


_OF_EXAMPLES = re.compile(r"-x[0-9]{3}(-|$)")


def left(lab: RunningLab) -> None:
    """Take all examples away, Applications first: else Argo CD goes on deploying them; ``gone`` waits for it."""
    made = lab.kubectl("get", "applicationsets,applications", "-n", "argocd", "-o", "name", check=False).stdout.split()
    if own := [name for name in made if _OF_EXAMPLES.search(name)]:
        lab.kubectl("delete", "-n", "argocd", *own, "--wait=false", timeout=120)
    lab.kubectl("delete", "namespaces", "-l", OWN, "--wait=false", timeout=120)


def gone(lab: RunningLab, *words: str) -> None:
    """Wait until these namespaces are away, whoever deleted them; those of examples where none is named."""
    asked = ("get", "namespaces", *(words or ("-l", OWN)), "--ignore-not-found", "-o", "name")
    until(lambda: not lab.kubectl(*asked).stdout, 240)


def until(look: Callable[[], Any], seconds: float) -> Any:
    """What ``look`` finds at last."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
    return seen
