"""71x: accelerators: pods that find none, nodes that cannot be used, and those that are paid for and idle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Run, Source, Sure, Told
from pointsman.checks.state import accelerators, asked_by_kind, by_kind, condition, label, settled, since
from pointsman.checks.view import View, get, listed
from pointsman.report.counting import count_of

__all__ = ["CHECKS", "owner"]

_ENDED = ("Succeeded", "Failed")
_MINUTES = 5.0
"""So long an autoscaler may take to bring a node, or a plugin to offer what it has."""
_IDLE = 30.0
_LABELS = ("nvidia.com/gpu.present", "cloud.google.com/gke-accelerator", "k8s.amazonaws.com/accelerator")
"""Labels by which a node says that it has accelerators (NVIDIA GPU feature discovery, GKE, EKS)."""


@dataclass(frozen=True, slots=True)
class _Node:
    standing: Standing
    total: Mapping[str, int]
    """Accelerators that it offers, by the resource's name."""
    used: Mapping[str, int]

    def free(self, name: str) -> int:
        """Those of this name that nobody asks for."""
        return max(0, self.total.get(name, 0) - self.used.get(name, 0))

    def fits(self, wanted: Mapping[str, int]) -> bool:
        """Is it ready, and has it so many free of each?"""
        return self.ready and all(self.free(name) >= count for name, count in wanted.items())

    @property
    def ready(self) -> bool:
        said = condition(self.standing, "Ready").get("status") == "True"
        return said and get(self.standing.data, "spec", "unschedulable") is not True


def owner(pod: Standing) -> str:
    """What a pod belongs to, so that its siblings are told once."""
    found = listed(pod.data, "metadata", "ownerReferences")
    return f"{pod.namespace}/{found[0].get('name')}" if found else str(pod)


def _live(view: View) -> list[Standing]:
    return [one for one in view.of("Pod") if get(one.data, "status", "phase") not in _ENDED]


def _nodes(view: View) -> list[_Node]:
    used: dict[str, dict[str, int]] = {}
    for pod in _live(view):
        there = used.setdefault(str(get(pod.data, "spec", "nodeName") or ""), {})
        for name, count in asked_by_kind(get(pod.data, "spec")).items():
            there[name] = there.get(name, 0) + count
    made = []
    for one in view.of("Node"):
        total = by_kind(get(one.data, "status", "allocatable"))
        if total:
            made.append(_Node(one, total, used.get(one.name, {})))
    return made


def _waiting(view: View) -> Iterator[tuple[Standing, Mapping[str, int]]]:
    """Pods that ask for accelerators and find no node, and what they ask for."""
    for pod in _live(view):
        wanted = asked_by_kind(get(pod.data, "spec"))
        said = condition(pod, "PodScheduled")
        if wanted and said.get("reason") == "Unschedulable" and settled(view, since(pod, said), _MINUTES):
            yield pod, wanted


def _kept_out(pod: Standing, nodes: list[_Node], wanted: Mapping[str, int]) -> tuple[_Node, str] | None:
    """A node with room whose taint alone keeps the pod out, and the taint."""
    chosen = get(pod.data, "spec", "nodeSelector")
    selector = chosen if isinstance(chosen, Mapping) else {}
    for node in nodes:
        if not node.fits(wanted):
            continue
        taints = [one for one in listed(node.standing.data, "spec", "taints") if _repels(one, pod)]
        if not taints:
            return None
        if all(label(node.standing, key) == value for key, value in selector.items()):
            said = f"{taints[0].get('key')}={taints[0].get('value') or ''}:{taints[0].get('effect')}"
            return node, said
    return None


def _repels(taint: Mapping[str, object], pod: Standing) -> bool:
    if taint.get("effect") not in ("NoSchedule", "NoExecute"):
        return False
    return not any(_tolerates(one, taint) for one in listed(pod.data, "spec", "tolerations"))


def _tolerates(one: Mapping[str, object], taint: Mapping[str, object]) -> bool:
    """As ``v1.Toleration.ToleratesTaint`` does."""
    if one.get("effect") and one["effect"] != taint.get("effect"):
        return False
    if one.get("key") and one["key"] != taint.get("key"):
        return False
    if one.get("operator") == "Exists":
        return True
    return bool(one.get("key")) and (one.get("value") or "") == (taint.get("value") or "")


def _pending(view: View) -> Iterator[Told]:
    nodes, told = _nodes(view), dict[str, list[Standing]]()
    for pod, wanted in _waiting(view):
        if _kept_out(pod, nodes, wanted) is None:
            told.setdefault(owner(pod), []).append(pod)
    ready = [one for one in nodes if one.ready]
    for pods in told.values():
        wanted = asked_by_kind(get(pods[0].data, "spec"))
        what = (
            f"{len(pods)} of its kind wait{'s' if len(pods) == 1 else ''} for {_amounts(wanted)} on one node:"
            f" {'; '.join(_taken(name, ready) for name in wanted)};"
            f" {condition(pods[0], 'PodScheduled').get('message') or 'no node takes it'}"
        )
        yield Told(pods[0], what, ("status", "conditions"))


def _amounts(wanted: Mapping[str, int]) -> str:
    """``2 GPUs``; what is not a whole GPU by its name."""
    return " and ".join(
        f"{count} GPU{'s'[: count != 1]}" if name.endswith("/gpu") else f"{count} {name}"
        for name, count in wanted.items()
    )


def _taken(name: str, nodes: list[_Node]) -> str:
    used, total = sum(one.used.get(name, 0) for one in nodes), sum(one.total.get(name, 0) for one in nodes)
    most = max((one.free(name) for one in nodes), default=0)
    return f"{used} of {total} are asked for, and no node has more than {most} free"


def _tainted(view: View) -> Iterator[Told]:
    nodes, seen = _nodes(view), set[str]()
    for pod, wanted in _waiting(view):
        found = _kept_out(pod, nodes, wanted)
        if found and owner(pod) not in seen:
            seen.add(owner(pod))
            node, taint = found
            free = _amounts({name: node.free(name) for name in wanted})
            what = f"{node.standing} has {free} free, and its taint {taint} is not tolerated"
            yield Told(pod, what, ("spec", "tolerations"))


def _lost(view: View) -> Iterator[Told]:
    for one in view.of("Node"):
        said = condition(one, "Ready")
        count = accelerators(get(one.data, "status", "capacity"))
        if count and said.get("status") != "True" and settled(view, said.get("lastTransitionTime"), _MINUTES):
            why = said.get("message") or said.get("reason") or "it says nothing"
            yield Told(one, f"it has {count_of(count, 'GPU')} and is not Ready: {why}", ("status", "conditions"))


def _not_offered(view: View) -> Iterator[Told]:
    for one in view.of("Node"):
        named = next((key for key in _LABELS if label(one, key) not in ("", "false")), "")
        old = settled(view, get(one.data, "metadata", "creationTimestamp"), 3 * _MINUTES)
        if named and old and not accelerators(get(one.data, "status", "allocatable")):
            what = f"its label {named} says that it has GPUs, and it offers none to pods"
            yield Told(one, what, ("status", "allocatable"))


def _idle(view: View) -> Iterator[Told]:
    for node in _nodes(view):
        old = settled(view, get(node.standing.data, "metadata", "creationTimestamp"), _IDLE)
        if node.ready and old and not any(node.used.values()):
            count = sum(node.total.values())
            yield Told(node.standing, f"none of its {count} GPUs is asked for by a pod", ("status", "allocatable"))


def _burning(view: View) -> Iterator[Told]:
    """A pod of an LLMInferenceService that has no address, long after it was made."""
    told = set[str]()
    for pod in _live(view):
        if label(pod, "app.kubernetes.io/part-of") != "llminferenceservice" or get(pod.data, "status", "podIP"):
            continue
        name = label(pod, "app.kubernetes.io/name")
        service = view.find("LLMInferenceService", pod.namespace, name)
        old = settled(view, get(pod.data, "metadata", "creationTimestamp"), _MINUTES)
        if old and service is not None and name not in told:
            told.add(name)
            what = f"its pod {pod.name} has no address yet ({get(pod.data, 'status', 'phase')})"
            part = "prefill" if label(pod, "llm-d.ai/role") == "prefill" else "template"
            yield Told(service, what, ("spec", part))


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
        layers=frozenset({"llm-d"}) if number == 718 else frozenset(),
    )


CHECKS: tuple[Check, ...] = (
    _check(
        713,
        "gpu-pending",
        Level.error,
        {"Pod", "Node"},
        (
            "a pod waits for ever for GPUs that no node has free, and its layer never becomes ready",
            "free some (park a layer, scale down), add a node, or ask for fewer GPUs",
            "Kubernetes scheduler, condition PodScheduled; seen in the lab with a full GPU",
        ),
        _pending,
    ),
    _check(
        714,
        "gpu-taint",
        Level.error,
        {"Pod", "Node"},
        (
            "a taint keeps a pod off the node that has GPUs for it, so both wait",
            "add the toleration to the engine's pods, or take the taint off",
            "Kubernetes scheduler, TaintToleration; seen in the lab",
        ),
        _tainted,
    ),
    _check(
        715,
        "gpu-node-not-ready",
        Level.error,
        {"Node"},
        (
            "a node with GPUs that is not Ready is paid for and serves nobody",
            "see its kubelet and driver, or replace the node",
            "Kubernetes, condition Ready of a Node",
        ),
        _lost,
    ),
    _check(
        716,
        "gpu-not-offered",
        Level.error,
        {"Node"},
        (
            "GPUs that no device plugin offers cannot be asked for, whatever the node has",
            "install the device plugin (or the GPU operator), and see its pod on this node",
            "Kubernetes device plugins; NVIDIA GPU feature discovery labels",
        ),
        _not_offered,
    ),
    _check(
        717,
        "gpu-idle",
        Level.info,
        {"Pod", "Node"},
        (
            "GPUs are paid for by the hour, whether a pod asks for them or not",
            "scale the node pool down, unless it is kept for a move or a peak",
            "requests of all pods on the node",
        ),
        _idle,
    ),
    _check(
        718,
        "waiting-pod-burns",
        Level.warning,
        {"Pod", "LLMInferenceService"},
        (
            "while a pod has no address, llmisvc makes an RSA key at every reconcile: a core burns until it is placed",
            "give it a GPU, or stop it (serving.kserve.io/stop) until there is one",
            "KServe 0.20.0, measured with its controller in the lab",
        ),
        _burning,
    ),
)
