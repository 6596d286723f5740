"""KServe's manifests, less what a lab has no use for, with the options the lab needs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator

from pointsman.lab.addons import names
from pointsman.lab.addons.own import Manifest

__all__ = ["KServe", "split"]

_LEFT_OUT = {"Deployment", "DaemonSet", "Certificate", "Issuer", "Secret", "Namespace"}
_WEBHOOKS = {"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
_OPTIONS = {
    "deploy": {"defaultDeploymentMode": "Standard"},
    "ingress": {
        "enableGatewayApi": True,
        "disableIstioVirtualHost": True,
        "kserveIngressGateway": "kserve/kserve-ingress-gateway",
    },
}


class KServe:
    """KServe's objects in the order they go in: definitions, then objects, then webhooks.

    Webhooks go in last, so that the presets are accepted while no controller runs yet.
    """

    def __init__(self, manifests: Iterable[Manifest], authority: bytes) -> None:
        self._bundle = base64.b64encode(authority).decode()
        self.definitions: list[Manifest] = []
        self.objects: list[Manifest] = []
        self.webhooks: list[Manifest] = []
        for manifest in manifests:
            self._sort(manifest)

    def _sort(self, manifest: Manifest) -> None:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        if kind in _LEFT_OUT or "localmodel" in name:
            return
        if kind == "CustomResourceDefinition":
            self._trust(manifest["spec"].get("conversion", {}).get("webhook"))
            self.definitions.append(manifest)
        elif kind in _WEBHOOKS:
            for webhook in manifest["webhooks"]:
                self._trust(webhook)
            self.webhooks.append(manifest)
        else:
            self.objects.append(_adapted(manifest))

    def _trust(self, webhook: Manifest | None) -> None:
        if webhook:
            webhook["clientConfig"]["caBundle"] = self._bundle


def split(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """Manifests without the lists around them, and without empty documents."""
    for manifest in manifests:
        if manifest and manifest.get("kind", "").endswith("List") and "items" in manifest:
            yield from manifest["items"]
        elif manifest:
            yield manifest


def _adapted(manifest: Manifest) -> Manifest:
    kind, name = manifest["kind"], manifest["metadata"]["name"]
    if kind == "Service" and name in names.WEBHOOK_SERVICES:
        # No pod stands behind the webhooks: their EndpointSlice is the lab's, and a selector would empty it.
        manifest["spec"].pop("selector", None)
    if kind == "ConfigMap" and name == "inferenceservice-config":
        for key, options in _OPTIONS.items():
            manifest["data"][key] = json.dumps(json.loads(manifest["data"][key]) | options, indent=2)
    return manifest
