"""A real cluster with examples in it: what it takes of them, and what ``pointsman doctor`` tells of what is there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.checks.live.placing import OWN, Placed
from tests.conftest import Pointsman, RunningLab

__all__ = ["doctor", "gone", "put", "settle", "told_of", "until", "without_pods"]

Object = dict[str, Any]
_AT_ONCE = 3
_TRIED = (
    *("inferenceservices.serving.kserve.io", "llminferenceservices.serving.kserve.io"),
    "applications.argoproj.io",
)
"""Kinds whose controllers say something of every object."""
_WORDS = re.compile(r"(?:^Error from server[^:]*: |^error: )?(?:error when \w+ \"[^\"]*\": )?(?P<words>.*)", re.DOTALL)


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
    lab.kubectl("apply", "-f", "-", given=json.dumps(_listed([policy, binding])))


def put(lab: RunningLab, examples: Sequence[Placed]) -> dict[str, str]:
    """Apply each as a person does; by example's name, the words of those that the cluster refuses."""
    spaces = [one for example in examples for one in example.objects if one["kind"] == "Namespace"]
    lab.kubectl("apply", "-f", "-", given=json.dumps(_listed(spaces)), timeout=120)

    def apply(example: Placed) -> str:
        objects = [one for one in example.objects if one["kind"] != "Namespace"]
        done = lab.kubectl("apply", "-f", "-", given=json.dumps(_listed(objects)), check=False, timeout=120)
        return "" if done.returncode == 0 else _refusal(done.stderr)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return {one.example.path.name: words for one, words in zip(examples, pool.map(apply, examples), strict=True) if words}


def _listed(objects: Iterable[Object]) -> Object:
    return {"apiVersion": "v1", "kind": "List", "items": list(objects)}


def _refusal(text: str) -> str:
    """What was said, without kubectl's own words around it."""
    lines = [one for one in text.splitlines() if not one.startswith("Warning:")]
    found = _WORDS.match("\n".join(lines).strip())
    return " ".join((found["words"] if found else text).split())


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
    assert found["broken"] == []
    return found


def told_of(findings: Iterable[dict[str, Any]], example: Placed) -> set[tuple[str, str]]:
    """``(id, object)`` of all that is told of what stands in an example's namespaces, or bears its names."""
    spaces = set(example.spaces)
    found = {(one["id"], _object(one)) for one in findings}
    return {(check, name) for check, name in found if _space(name) in spaces or name in example.names}


def _object(one: dict[str, Any]) -> str:
    """A finding without an object names one where it stands."""
    return str(one["object"] or " ".join(str(one["where"]).split()[:2]))


def _space(name: str) -> str:
    return name.partition(" ")[2].partition("/")[0]


def gone(lab: RunningLab, seconds: float = 180) -> None:
    """Take all examples away, and wait until they are."""
    lab.kubectl("delete", "namespaces", "-l", OWN, "--wait=false", timeout=120)
    until(lambda: not lab.kubectl("get", "namespaces", "-l", OWN, "-o", "name").stdout, seconds)


def until(look: Callable[[], Any], seconds: float) -> Any:
    """What ``look`` finds at last."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)
    return seen
