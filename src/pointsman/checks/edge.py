"""5xx: the pods of the tenants' edge: every request passes them, and every change of an alias rolls them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pointsman.adopt.edges import Edge, located
from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.view import View, get, listed
from pointsman.edge.config_strict import scalars

__all__ = ["CHECKS"]

_DEPLOYMENTS = frozenset({"edges", "Deployment"})
_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")
_TEMPLATE = ("spec", "template")
_RELOADED, _ROLLED = ("reload",), ("reload", "checksum", "hash")
"""Words in annotations of a Deployment, and of its pods, that tell that a change of the configuration rolls them."""
_FROM = "os.environ/"
_EVERYWHERE = frozenset({"HOME", "HOSTNAME", "PATH"})
_HASHED = re.compile(r"-[2456789bcdfghkmt]{10}$")
"""What Kustomize puts behind a name: ten characters of an alphabet without vowels (kustomize, api/hasher)."""


def _mounting(view: View) -> Iterator[tuple[Edge, Standing, Standing]]:
    """Each edge's ConfigMap, and the Deployment whose pods read it."""
    deployments = view.of("Deployment")
    for edge in view.edges:
        config_map = edge.config_map or edge.generated
        for one in deployments if config_map else ():
            assert config_map is not None
            if one.namespace == config_map.namespace and config_map.name in _maps(one):
                yield edge, config_map, one


def _maps(deployment: Standing) -> set[str]:
    volumes = listed(deployment.data, *_TEMPLATE, "spec", "volumes")
    projected = [one for volume in volumes for one in listed(volume, "projected", "sources")]
    return {str(get(one, "configMap", "name")) for one in (*volumes, *projected)}


def _scaled(view: View, deployment: Standing) -> int | None:
    """The fewest replicas that an autoscaler leaves it; None where it has none."""
    for one in view.of(*_SCALERS):
        target = get(one.data, "spec", "scaleTargetRef")
        kind = get(target, "kind") or "Deployment"
        if (one.namespace, kind, get(target, "name")) == (deployment.namespace, "Deployment", deployment.name):
            hpa = one.kind == "HorizontalPodAutoscaler"
            least = get(one.data, "spec", "minReplicas" if hpa else "minReplicaCount")
            return least if isinstance(least, int) else int(hpa)
    return None


def _replicas(view: View, deployment: Standing) -> int:
    """The fewest that it has."""
    scaled, found = _scaled(view, deployment), get(deployment.data, "spec", "replicas")
    return scaled if scaled is not None else found if isinstance(found, int) else 1


def _single(view: View) -> Iterator[Told]:
    for _, _, one in _mounting(view):
        if _scaled(view, one) is None and view.adopted.world.whole(one.namespace):
            continue
        if _replicas(view, one) == 1 or _scaled(view, one) == 0:
            last = (
                "its only replica" if _scaled(view, one) is None else "the one replica that its autoscaler may leave it"
            )
            what = f"every tenant's requests pass {last}: when its node goes, all aliases are down"
            yield Told(one, what, ("spec", "replicas"))


def _abrupt(view: View) -> Iterator[Told]:
    for _, _, one in _mounting(view):
        place = (*_TEMPLATE, "spec", "containers")
        containers = listed(one.data, *place)
        proxies = [at for at, each in enumerate(containers) if "litellm" in str(each.get("image"))] or [0]
        if containers and get(containers[proxies[0]], "lifecycle", "preStop") is None:
            what = "it has no preStop: a roll refuses requests that come before its endpoint is gone"
            yield Told(one, what, (*place, proxies[0]))


def _unguarded(view: View) -> Iterator[Told]:
    for _, _, one in _mounting(view):
        if _replicas(view, one) < 2 or view.adopted.world.whole(one.namespace):
            continue
        labels = get(one.data, *_TEMPLATE, "metadata", "labels")
        if not any(_selects(each, one.namespace, labels) for each in view.of("PodDisruptionBudget")):
            yield Told(one, "no PodDisruptionBudget keeps one of its pods while nodes are drained")


def _selects(budget: Standing, namespace: str, labels: object) -> bool:
    if budget.namespace != namespace:
        return False
    wanted = get(budget.data, "spec", "selector", "matchLabels")
    has = labels if isinstance(labels, dict) else {}
    return not isinstance(wanted, dict) or all(has.get(key) == value for key, value in wanted.items())


def _unrolled(view: View) -> Iterator[Told]:
    for _, config_map, one in _mounting(view):
        own = get(one.data, "metadata", "annotations")
        pods = get(one.data, *_TEMPLATE, "metadata", "annotations")
        if not (_marked(own, _RELOADED) or _marked(pods, _ROLLED)) and not _HASHED.search(config_map.name):
            what = f"nothing rolls its pods when ConfigMap {config_map.name} changes, so they run with the old aliases"
            yield Told(one, what, (*_TEMPLATE, "metadata", "annotations"))


def _marked(annotations: object, words: tuple[str, ...]) -> bool:
    return any(word in str(key) for key in (annotations if isinstance(annotations, dict) else {}) for word in words)


def _absent(view: View) -> Iterator[Told]:
    for edge, _, one in _mounting(view):
        given = _variables(edge, one)
        asked = {} if given is None else _asked(edge)
        for name in sorted(asked.keys() - (given or set()) - _EVERYWHERE):
            what = f"no container of {one} has the variable {name}, which this is to be read from"
            yield Told(None, what, where=located(edge, asked[name]))


def _asked(edge: Edge) -> dict[str, str]:
    """Variables that its configuration names, and where each stands first."""
    found: dict[str, str] = {}
    for node in scalars(edge.config.root) if edge.config.root is not None else ():
        if node.value.startswith(_FROM):
            found.setdefault(node.value.removeprefix(_FROM).strip(), edge.config.line(node))
    return found


def _variables(edge: Edge, deployment: Standing) -> set[str] | None:
    """What its process finds in its environment; None where that cannot be told from here."""
    containers = listed(deployment.data, *_TEMPLATE, "spec", "containers")
    elsewhere = any(get(one, "envFrom") or _scripted(one) for one in containers)
    if elsewhere or edge.config.settings("general_settings").get("key_management_system"):
        return None
    own = edge.config.settings("environment_variables")
    return {str(key) for key in own} | {str(get(each, "name")) for one in containers for each in listed(one, "env")}


def _scripted(container: object) -> bool:
    """Does it start a shell, which may set variables of its own?"""
    command = get(container, "command")
    return isinstance(command, list) and any(str(one).rpartition("/")[2] in ("sh", "bash", "ash") for one in command)


CHECKS = (
    Check(
        "PM522",
        "edge-single",
        Level.warning,
        _DEPLOYMENTS | {*_SCALERS},
        cause="one replica of the edge is one node away from an outage of every alias",
        remedy="run two replicas or more",
        sure=Sure.rule,
        fact="a drained or lost node takes its pods along; LiteLLM 1.106.2 takes about 12 s to start",
        run=_single,
    ),
    Check(
        "PM523",
        "edge-abrupt",
        Level.warning,
        _DEPLOYMENTS,
        cause="at SIGTERM LiteLLM finishes what runs and refuses what is new, while Services still lead there",
        remedy="add a preStop that sleeps some seconds: lifecycle: {preStop: {exec: {command: [sleep, '10']}}}",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2",
        run=_abrupt,
    ),
    Check(
        "PM524",
        "edge-unguarded",
        Level.info,
        _DEPLOYMENTS | {*_SCALERS, "PodDisruptionBudget"},
        cause="without a budget a drain of several nodes may take all replicas of the edge at once",
        remedy="write a PodDisruptionBudget with maxUnavailable: 1",
        sure=Sure.source,
        fact="Kubernetes, disruptions",
        run=_unguarded,
    ),
    Check(
        "PM525",
        "edge-not-rolled",
        Level.warning,
        _DEPLOYMENTS,
        cause="LiteLLM reads its file at start alone: a changed ConfigMap is in effect only after its pods rolled",
        remedy="annotate the pod template with a checksum of the configuration, or generate the ConfigMap with a hash",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2: there is no reload",
        run=_unrolled,
    ),
    Check(
        "PM526",
        "variable-missing",
        Level.error,
        _DEPLOYMENTS,
        cause="LiteLLM takes a variable that is not there for nothing: without its key, a member fails every request",
        remedy="set it in the Deployment, from a Secret where it is one, or correct its name",
        sure=Sure.measured,
        fact="LiteLLM 1.106.2: 500, Missing credentials, after 5 s of tries",
        run=_absent,
    ),
)
