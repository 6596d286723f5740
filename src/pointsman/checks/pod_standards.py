"""The Pod Security Standards as Kubernetes 1.34 enforces them: what each level does not admit, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.words import Place
from pointsman.checks.view import Pod, entries, get, listed

__all__ = ["baseline", "restricted", "unsaid"]

Wrong = tuple[Place, str]
"""Where it stands, and a sentence."""

_HOST = ("hostNetwork", "hostPID", "hostIPC")
_VOLUMES = frozenset(
    {
        *("name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image"),
        *("persistentVolumeClaim", "projected", "secret"),
    }
)
_ADDED = frozenset(
    {
        *("AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE"),
        *("SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT"),
    }
)
_SYSCTLS = frozenset(
    {
        "kernel.shm_rmid_forced",
        *(
            f"net.ipv4.{name}"
            for name in (
                *("ip_local_port_range", "ip_unprivileged_port_start", "tcp_syncookies", "ping_group_range"),
                *("ip_local_reserved_ports", "tcp_keepalive_time", "tcp_fin_timeout", "tcp_keepalive_intvl"),
                *("tcp_keepalive_probes", "tcp_rmem", "tcp_wmem"),
            )
        ),
    }
)
_SELINUX = frozenset({"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"})
_ASKING = (
    *(("startupProbe",), ("livenessProbe",), ("readinessProbe",)),
    *(("lifecycle", "postStart"), ("lifecycle", "preStop")),
)


def baseline(pod: Pod) -> Iterator[Wrong]:
    """What ``baseline`` does not admit; ``restricted`` does not, either."""
    for key in _HOST:
        if pod.spec.get(key) is True:
            yield (*pod.place, key), f"{key} is true"
    for at, one in enumerate(listed(pod.spec, "volumes")):
        if "hostPath" in one:
            yield (*pod.place, "volumes", at), f"volume {one.get('name')} is a hostPath"
    yield from _context(pod.place, pod.spec, "the pod")
    for at, one in enumerate(listed(pod.spec, "securityContext", "sysctls")):
        if one.get("name") not in _SYSCTLS:
            yield (*pod.place, "securityContext", "sysctls", at), f"it sets the sysctl {one.get('name')}"
    for place, container in _containers(pod):
        yield from _context(place, container, f"container {container.get('name')}")
        yield from _container(place, container)


def _containers(pod: Pod) -> list[tuple[Place, Mapping[str, Any]]]:
    return [*pod.containers("initContainers"), *pod.containers()]


def _context(place: Place, of: Mapping[str, Any], who: str) -> Iterator[Wrong]:
    """What stands in the securityContext of pods and of containers alike."""
    own = (*place, "securityContext")
    for key in ("seccompProfile", "appArmorProfile"):
        if get(of, "securityContext", key, "type") == "Unconfined":
            yield (*own, key), f"{who} has the {key} Unconfined"
    options = get(of, "securityContext", "seLinuxOptions")
    if isinstance(options, Mapping) and (
        str(options.get("type") or "") not in _SELINUX or options.get("user") or options.get("role")
    ):
        yield (*own, "seLinuxOptions"), f"{who} has SELinux options of its own"
    if get(of, "securityContext", "windowsOptions", "hostProcess") is True:
        yield (*own, "windowsOptions"), f"{who} is a process of the host"


def _container(place: Place, container: Mapping[str, Any]) -> Iterator[Wrong]:
    name, own = container.get("name"), (*place, "securityContext")
    if get(container, "securityContext", "privileged") is True:
        yield own, f"container {name} is privileged"
    if get(container, "securityContext", "procMount") not in (None, "Default"):
        yield (*own, "procMount"), f"container {name} has another procMount than Default"
    added = next((one for one in _capabilities(container) if one not in _ADDED), None)
    if added is not None:
        yield (*own, "capabilities", "add"), f"container {name} adds the capability {added}"
    for at, one in enumerate(listed(container, "ports")):
        if one.get("hostPort"):
            yield (*place, "ports", at), f"container {name} takes a port of the host"
    for keys in _ASKING:
        for kind in ("httpGet", "tcpSocket"):
            if get(container, *keys, kind, "host"):
                yield (*place, *keys, kind, "host"), f"{keys[-1]} of container {name} asks another host"


def _capabilities(container: Mapping[str, Any]) -> list[str]:
    return [str(one) for one in entries(container, "securityContext", "capabilities", "add")]


def restricted(pod: Pod, *, whole: bool) -> Iterator[Wrong]:
    """What ``restricted`` does not admit beyond that; ``whole``: nobody else adds what is not said here."""
    for at, one in enumerate(listed(pod.spec, "volumes")):
        other = next((key for key in one if key not in _VOLUMES), None)
        if other:
            yield (*pod.place, "volumes", at), f"volume {one.get('name')} is a {other}"
    if get(pod.spec, "securityContext", "runAsUser") == 0:
        yield (*pod.place, "securityContext", "runAsUser"), "its user is 0"
    for place, container in _containers(pod):
        name, own = container.get("name"), (*place, "securityContext")
        if get(container, "securityContext", "runAsUser") == 0:
            yield (*own, "runAsUser"), f"the user of container {name} is 0"
        added = next((one for one in _capabilities(container) if one != "NET_BIND_SERVICE"), None)
        if added is not None:
            yield (*own, "capabilities", "add"), f"container {name} adds the capability {added}"
        if whole:
            yield from unsaid(pod, container, own)


def unsaid(pod: Pod, container: Mapping[str, Any], own: Place) -> Iterator[Wrong]:
    """What ``restricted`` wants said, and neither this container nor its pod says; ``own`` is its securityContext."""
    name = container.get("name")
    if _either(pod, container, "runAsNonRoot") is not True:
        yield own, f"container {name} does not say runAsNonRoot: true"
    if get(container, "securityContext", "allowPrivilegeEscalation") is not False:
        yield own, f"container {name} does not say allowPrivilegeEscalation: false"
    if "ALL" not in entries(container, "securityContext", "capabilities", "drop"):
        yield own, f"container {name} does not drop ALL capabilities"
    if get(_either(pod, container, "seccompProfile"), "type") not in ("RuntimeDefault", "Localhost"):
        yield own, f"container {name} has no seccompProfile RuntimeDefault"


def _either(pod: Pod, container: Mapping[str, Any], key: str) -> Any:
    said = get(container, "securityContext", key)
    return get(pod.spec, "securityContext", key) if said is None else said
