"""Names that the add-ons, the network and the node agree on."""

from __future__ import annotations

__all__ = [
    "ARGO_NAMESPACE",
    "CONTROLLER_NAMESPACE",
    "GATEWAYS",
    "GATEWAY_CLASS",
    "GATEWAY_CONTROLLER",
    "NAMESPACES",
    "PROVISIONER",
    "STORAGE_CLASS",
    "WEBHOOK_SERVICES",
]

NAMESPACES = ("serving", "kserve", "llm-d", "llm-gateway")
CONTROLLER_NAMESPACE = "kserve"
ARGO_NAMESPACE = "argocd"

GATEWAY_CLASS = "pointsman-lab"
GATEWAY_CONTROLLER = "lab.pointsman.dev/gateway-controller"
GATEWAYS = (("kserve", "kserve-ingress-gateway"), ("llm-d", "llm-d-gateway"))

STORAGE_CLASS = "standard"
PROVISIONER = "lab.pointsman.dev/directory"

#: Service in the controllers' namespace -> (name of its port, the lab's port that answers for it).
WEBHOOK_SERVICES = {
    "kserve-webhook-server-service": ("", "manager-webhook"),
    "llmisvc-webhook-server-service": ("https", "llmisvc-webhook"),
}
