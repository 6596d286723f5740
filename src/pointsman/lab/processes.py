"""The lab's processes as data: what each is started with, and how it is known to be ready."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pointsman.lab.config import LabConfig
from pointsman.lab.identity import Identity
from pointsman.lab.toolchain import Toolchain

__all__ = [
    "MARKER",
    "FileProbe",
    "HttpProbe",
    "Probe",
    "ProcessSpec",
    "TcpProbe",
    "argv",
    "base_environment",
    "etcd_and_api",
    "rest",
    "write_egress",
]

#: Every process of a lab carries this variable with the lab's home, so that strays can be told from strangers.
MARKER = "POINTSMAN_LAB"

_KEPT = {"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH"}
_KEPT_PREFIXES = ("POINTSMAN_", "HF_", "CUDA_", "NVIDIA_", "VLLM_")


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Ready when this address answers 200. Certificates are the lab's own and are not checked here."""

    url: str
    certificate: Path | None = None


@dataclass(frozen=True, slots=True)
class FileProbe:
    """Ready when the process has made this file."""

    path: Path


@dataclass(frozen=True, slots=True)
class TcpProbe:
    """Ready when somebody listens there."""

    host: str
    port: int


Probe = HttpProbe | FileProbe | TcpProbe


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process."""

    name: str
    argv: tuple[str, ...]
    ready: Probe
    port: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    death_signal: signal.Signals = signal.SIGKILL
    stop_seconds: float = 10.0


def base_environment(config: LabConfig) -> dict[str, str]:
    """What every process of the lab inherits."""
    found = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    return found | {MARKER: str(config.home), "PYTHONUNBUFFERED": "1"}


def etcd_and_api(config: LabConfig, tools: Toolchain, identity: Identity) -> list[ProcessSpec]:
    """The store and the API server: the part that can take the add-ons in."""
    return [_etcd(config, tools, identity), _apiserver(config, tools, identity)]


def rest(config: LabConfig, tools: Toolchain, identity: Identity) -> list[ProcessSpec]:
    """Everything that talks to the API server."""
    own = [_own(config, name) for name in ("network", "node") if _is_written(name)]
    return [
        *own,
        _kube(config, tools, identity, "kcm"),
        _kube(config, tools, identity, "scheduler"),
        _kserve(config, tools, identity, "manager"),
        _kserve(config, tools, identity, "llmisvc"),
    ]


def write_egress(config: LabConfig) -> None:
    """Send the API server's calls to pods, services and webhooks through our network process."""
    tunnel = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(config.egress_socket)}}}
    content = {
        "apiVersion": "apiserver.k8s.io/v1beta1",
        "kind": "EgressSelectorConfiguration",
        "egressSelections": [{"name": "cluster", "connection": tunnel}],
    }
    config.run.mkdir(parents=True, exist_ok=True)
    (config.run / "egress.json").write_text(json.dumps(content))


def _etcd(config: LabConfig, tools: Toolchain, identity: Identity) -> ProcessSpec:
    client = f"https://127.0.0.1:{config.ports['etcd']}"
    peer = f"https://127.0.0.1:{config.ports['etcd-peer']}"
    flags = {
        "name": "lab",
        "data-dir": config.home / "etcd",
        "listen-client-urls": client,
        "advertise-client-urls": client,
        "listen-peer-urls": peer,
        "initial-advertise-peer-urls": peer,
        "initial-cluster": f"lab={peer}",
        "client-cert-auth": "true",
        "trusted-ca-file": identity.authority.certificate,
        "cert-file": identity.certificate("etcd"),
        "key-file": identity.key("etcd"),
        "peer-client-cert-auth": "true",
        "peer-trusted-ca-file": identity.authority.certificate,
        "peer-cert-file": identity.certificate("etcd"),
        "peer-key-file": identity.key("etcd"),
        "unsafe-no-fsync": "true",
        "log-level": "warn",
    }
    ready = HttpProbe(f"{client}/health", identity.certificate("apiserver"))
    return ProcessSpec("etcd", argv(tools.tool("etcd"), flags), ready, "etcd")


def _apiserver(config: LabConfig, tools: Toolchain, identity: Identity) -> ProcessSpec:
    flags = {
        "etcd-servers": f"https://127.0.0.1:{config.ports['etcd']}",
        "etcd-cafile": identity.authority.certificate,
        "etcd-certfile": identity.certificate("apiserver"),
        "etcd-keyfile": identity.key("apiserver"),
        "bind-address": "127.0.0.1",
        "advertise-address": "127.0.0.1",
        "secure-port": config.ports["apiserver"],
        "endpoint-reconciler-type": "none",
        "tls-cert-file": identity.certificate("apiserver"),
        "tls-private-key-file": identity.key("apiserver"),
        "kubelet-client-certificate": identity.certificate("apiserver"),
        "kubelet-client-key": identity.key("apiserver"),
        "kubelet-preferred-address-types": "InternalIP",
        "service-account-key-file": identity.pki / "sa.pub",
        "service-account-signing-key-file": identity.key("sa"),
        "service-account-issuer": "https://kubernetes.default.svc",
        "service-cluster-ip-range": config.service_cidr,
        "token-auth-file": identity.tokens,
        "authorization-mode": "RBAC",
        "allow-privileged": "true",
        "enable-aggregator-routing": "true",
        "egress-selector-config-file": config.run / "egress.json",
        "profiling": "false",
    }
    ready = HttpProbe(f"https://127.0.0.1:{config.ports['apiserver']}/readyz")
    return ProcessSpec("apiserver", argv(tools.tool("kube-apiserver"), flags), ready, "apiserver")


def _kube(config: LabConfig, tools: Toolchain, identity: Identity, name: str) -> ProcessSpec:
    flags: dict[str, object] = {
        "kubeconfig": identity.kubeconfig("admin" if name == "kcm" else "scheduler"),
        "bind-address": "127.0.0.1",
        "secure-port": config.ports[name],
        "leader-elect": "false",
        "kube-api-qps": 200,
        "kube-api-burst": 400,
    }
    if name == "kcm":
        flags["service-account-private-key-file"] = identity.key("sa")
        flags["root-ca-file"] = identity.authority.certificate
    program = "kube-controller-manager" if name == "kcm" else "kube-scheduler"
    ready = HttpProbe(f"https://127.0.0.1:{config.ports[name]}/healthz")
    return ProcessSpec(name, argv(tools.tool(program), flags), ready, name)


def _kserve(config: LabConfig, tools: Toolchain, identity: Identity, name: str) -> ProcessSpec:
    health = config.ports[f"{name}-health"]
    flags: dict[str, object] = {
        "metrics-addr": "0",  # nobody reads them, and they would ask nobody who he is
        "webhook-port": config.ports[f"{name}-webhook"],
        "health-probe-addr": f"127.0.0.1:{health}",
        "leader-elect": "false",
    }
    environment = {
        "KUBECONFIG": str(identity.kubeconfig(name)),
        "POD_NAMESPACE": "kserve",
        "TMPDIR": str(identity.serving_directory(name)),
    }
    ready = HttpProbe(f"http://127.0.0.1:{health}/readyz")
    return ProcessSpec(name, argv(tools.tool(f"kserve-{name}"), flags), ready, f"{name}-health", environment)


def _own(config: LabConfig, name: str) -> ProcessSpec:
    """One of the two Python processes. They end their own children, so they are asked, not killed."""
    words = (sys.executable, "-m", f"pointsman.lab.{name}", str(config.home))
    ready = FileProbe(config.run / f"{name}.ready")
    return ProcessSpec(name, words, ready, death_signal=signal.SIGTERM, stop_seconds=20.0)


def _is_written(name: str) -> bool:
    return importlib.util.find_spec(f"pointsman.lab.{name}.__main__") is not None


def argv(program: str, flags: Mapping[str, object]) -> tuple[str, ...]:
    """A program and its flags, as a command."""
    return (program, *(f"--{name}={value}" for name, value in flags.items()))
