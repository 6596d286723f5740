"""Who is who in a lab: certificates, tokens and kubeconfigs of its processes, under ``<home>/pki``.

The controllers run under the service accounts that KServe's own roles are bound to, so that what they may do is
what they may do in production. The user's kubeconfig is an administrator's.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pointsman.lab.addons import names
from pointsman.lab.certificates import Authority, token_for, write_private, write_service_account_key
from pointsman.lab.config import LabConfig

__all__ = ["Identity", "adopt_authority", "prepare_identity"]

_ADMIN = ("admin", "system:admin", "system:masters")
_SCHEDULER = ("scheduler", "system:kube-scheduler", "")
_ACCOUNTS = (
    ("manager", names.CONTROLLER_NAMESPACE, "kserve-controller-manager"),
    ("llmisvc", names.CONTROLLER_NAMESPACE, "llmisvc-controller-manager"),
    ("argocd-controller", names.ARGO_NAMESPACE, "argocd-application-controller"),
    ("argocd-appsets", names.ARGO_NAMESPACE, "argocd-applicationset-controller"),
    ("argocd-repo", names.ARGO_NAMESPACE, "argocd-repo-server"),
)
"""Process, namespace and name of each controller's service account."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The files under one ``pki`` directory."""

    pki: Path

    @property
    def authority(self) -> Authority:
        """The lab's certificate authority."""
        return Authority(self.pki)

    def kubeconfig(self, process: str) -> Path:
        """The kubeconfig of one of the lab's processes."""
        return self.pki / f"{process}.kubeconfig"

    def certificate(self, name: str) -> Path:
        """A certificate; its key lies beside it."""
        return self.pki / f"{name}.crt"

    def key(self, name: str) -> Path:
        """A private key."""
        return self.pki / f"{name}.key"

    @property
    def tokens(self) -> Path:
        """The API server's list of tokens."""
        return self.pki / "tokens.csv"

    def serving_directory(self, controller: str) -> Path:
        """The ``TMPDIR`` under which a controller looks for its webhook certificate."""
        return self.pki / "tmp" / controller


def prepare_identity(config: LabConfig) -> Identity:
    """Write everything the processes need to know each other."""
    identity = Identity(config.home / "pki")
    identity.authority.ensure()
    write_service_account_key(identity.pki)
    _issue(identity)
    users = [_ADMIN, _SCHEDULER, *(_account(*one) for one in _ACCOUNTS)]
    tokens = {name: token_for(identity.pki / f"{name}.token") for name, _, _ in users}
    rows = [f'{tokens[name]},{user},{name},"{groups}"\n' for name, user, groups in users]
    write_private(identity.tokens, "".join(rows).encode())
    for name, token in tokens.items():
        write_private(identity.kubeconfig(name), _kubeconfig(config, identity, name, token))
    write_private(config.kubeconfig, _kubeconfig(config, identity, "admin", tokens["admin"]))
    return identity


def _account(process: str, namespace: str, account: str) -> tuple[str, str, str]:
    groups = f"system:serviceaccounts,system:serviceaccounts:{namespace}"
    return process, f"system:serviceaccount:{namespace}:{account}", groups


def adopt_authority(config: LabConfig, source: Path) -> None:
    """Take over the authority in ``source``."""
    write_private(config.home / "pki" / "ca.key", (source / "ca.key").read_bytes())
    shutil.copyfile(source / "ca.crt", config.home / "pki" / "ca.crt")


def _issue(identity: Identity) -> None:
    pki = identity.pki
    issue = identity.authority.issue
    issue(pki / "etcd", "etcd", ["127.0.0.1", "localhost"])
    issue(pki / "apiserver", "kube-apiserver", _api_names())
    for service, process in zip(names.WEBHOOK_SERVICES, ("manager", "llmisvc"), strict=True):
        full = f"{service}.{names.CONTROLLER_NAMESPACE}.svc"
        folder = identity.serving_directory(process) / "k8s-webhook-server" / "serving-certs"
        issue(folder / "tls", service, [full, f"{full}.cluster.local"])


def _api_names() -> Iterable[str]:
    short = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
    return ["127.0.0.1", "localhost", "10.96.0.1", *short]


def _kubeconfig(config: LabConfig, identity: Identity, user: str, token: str) -> bytes:
    name = f"pointsman-{config.name}"
    bundle = base64.b64encode(identity.authority.certificate.read_bytes()).decode()
    server = f"https://127.0.0.1:{config.ports['apiserver']}"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": bundle}}],
        "users": [{"name": user, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": user}}],
        "current-context": name,
    }
    return json.dumps(content, indent=2).encode()
