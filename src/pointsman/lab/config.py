"""What one lab is: its name, its addresses, its ports, its nodes. Stored as ``lab.json`` in the lab's home.

Every process of a lab reads this file and nothing else, so that two labs can run side by side. Ports and the
address octet are a choice, not an identity: they are picked again when something else holds them at a start.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pointsman.errors import LabError, UsageError
from pointsman.lab.paths import lab_home
from pointsman.lab.ports import free_octet, free_ports

__all__ = ["GITOPS_PORTS", "PORT_NAMES", "PROXY_USER", "Engine", "LabConfig", "NodeConfig", "check_name"]

Engine = Literal["simulator", "real"]

PORT_NAMES = (
    "apiserver",
    "etcd",
    "etcd-peer",
    "kcm",
    "scheduler",
    "manager-webhook",
    "manager-health",
    "llmisvc-webhook",
    "llmisvc-health",
    "proxy",
    "gateway",
    "kubelet",
)

GITOPS_PORTS = (
    "redis",
    "argocd-repo",
    "argocd-repo-health",
    "argocd-controller-health",
    "argocd-appsets",
    "argocd-appsets-health",
)
"""What a lab with git has besides."""

PROXY_USER = "lab"
"""The name beside the password that the forward proxy asks for."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,28}[a-z0-9])?")
_SOCKET_PATH_LIMIT = 107


class NodeConfig(BaseModel):
    """One node of the lab, and what it pretends to have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    cpu: str = "16"
    memory: str = "64Gi"
    gpus: int = Field(default=4, ge=0)


class LabConfig(BaseModel):
    """A lab. Frozen: a change is a new value that is saved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    home: Path
    octet: int = Field(ge=1, le=254)
    service_cidr: str = "10.96.0.0/16"
    ports: Mapping[str, int]
    nodes: tuple[NodeConfig, ...] = (NodeConfig(name="lab-0"),)
    engine: Engine = "simulator"
    gitops: bool = False
    """Does it have Argo CD, and a repository that stands for a git host?"""
    proxy_password: str = Field(default_factory=lambda: secrets.token_urlsafe(24))
    """What the forward proxy asks for; a lab that was made without one gets it at its next start, which saves it."""

    @classmethod
    def create(cls, name: str = "default", *, nodes: int = 1, gpus: int = 4, engine: Engine = "simulator") -> Self:
        """A new lab with free ports and a free octet. Nothing is written: call :meth:`save`."""
        check_name(name)
        made = tuple(NodeConfig(name=f"lab-{number}", gpus=gpus) for number in range(nodes))
        home = lab_home(name)
        return cls(name=name, home=home, octet=free_octet(), ports=free_ports(PORT_NAMES), nodes=made, engine=engine)

    @classmethod
    def load(cls, home: Path) -> Self:
        """The lab whose home this is."""
        path = home / "lab.json"
        try:
            config = cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            raise LabError(
                "there is no lab here", where=str(home), next_action="start one with: pointsman lab up"
            ) from None
        except ValidationError as invalid:
            raise LabError(
                f"the lab's description cannot be read: {invalid.errors()[0]['msg']}",
                where=str(path),
                next_action=f"remove the lab with: pointsman lab down --name {home.name} --purge",
                code="lab-unreadable",
            ) from invalid
        return config.model_copy(update={"home": home.absolute()})

    def save(self) -> None:
        """Write ``lab.json``, whole or not at all."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self.home / "lab.json"
        draft = path.with_suffix(f".{os.getpid()}.tmp")
        draft.write_text(self.model_dump_json(indent=2) + "\n")
        draft.replace(path)

    @property
    def kubeconfig(self) -> Path:
        """The lab's own kubeconfig, with an administrator's token."""
        return self.home / "kubeconfig"

    @property
    def authority(self) -> Path:
        """The certificate of the lab's own authority."""
        return self.home / "pki" / "ca.crt"

    @property
    def egress_socket(self) -> Path:
        """The Unix socket on which the network process takes the API server's ``CONNECT`` calls."""
        return self.run / "egress.sock"

    @property
    def proxy_url(self) -> str:
        """The forward proxy that knows the cluster's names, with its password."""
        return f"http://{PROXY_USER}:{self.proxy_password}@127.0.0.1:{self.ports['proxy']}"

    @property
    def remote(self) -> Path:
        """The bare repository that stands for a git host."""
        return self.home / "git" / "platform.git"

    @property
    def run(self) -> Path:
        """Sockets, pid files and the ``<process>.ready`` marks."""
        return self.home / "run"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.home / "logs"

    @property
    def pods(self) -> Path:
        """What pods see as their disks."""
        return self.home / "pods"

    @property
    def bin(self) -> Path:
        """The programs that stand in for container images."""
        return self.home / "bin"

    def announced(self, third: int, fourth: int) -> str:
        """The address the cluster is told: ``10.<octet>.third.fourth``."""
        return f"10.{self.octet}.{third}.{fourth}"

    def local(self, announced: str) -> str:
        """The loopback address behind an announced one; any other address is returned as it is."""
        prefix = f"10.{self.octet}."
        return f"127.{self.octet}.{announced.removeprefix(prefix)}" if announced.startswith(prefix) else announced


def check_name(name: str) -> None:
    """Refuse what cannot be a lab's name, or would make a path longer than a Unix socket's may be."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a lab's name",
            next_action="use lowercase letters, digits and dashes, at most 30 characters",
        )
    socket_path = lab_home(name) / "run" / "egress.sock"
    if len(os.fsencode(socket_path)) > _SOCKET_PATH_LIMIT:
        raise LabError(
            f"the lab's directory is too long for a Unix socket ({_SOCKET_PATH_LIMIT} bytes at most)",
            where=str(socket_path),
            next_action="set POINTSMAN_STATE to a shorter directory",
        )
