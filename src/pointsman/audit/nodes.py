"""Nodes with accelerators that no pod asks for."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.audit.finding import Finding, Ground, kubectl
from pointsman.kube.resources import Ref, kind_of

__all__ = ["empty_nodes"]

KARPENTER = "karpenter.sh/nodepool"
POOLS = (KARPENTER, "cloud.google.com/gke-nodepool", "eks.amazonaws.com/nodegroup", "kubernetes.azure.com/agentpool")
"""Labels by which nodes name their pool."""


def empty_nodes(ground: Ground) -> Iterator[Finding]:
    """Nodes all of whose accelerators are nobody's."""
    if not ground.needs("GPU nodes without GPU pods", ("Node", "Pod")):
        return
    said = {str(one["metadata"]["name"]): one["metadata"].get("labels") or {} for one in ground.sight.of("Node")}
    for key, one in ground.items.items():
        if one.state != "nobody's":
            continue
        pool = next(((label, said[one.node][label]) for label in POOLS if said[one.node].get(label)), None)
        ref = Ref(kind_of("Node"), one.node)
        end, note = f"kubectl drain {one.node} --ignore-daemonsets --delete-emptydir-data", _NOTE
        if pool and pool[0] == KARPENTER:
            end, note = kubectl("delete", ref), "Karpenter ends the machine with its node"
        has = ", ".join(f"{count} {name}" for name, count in one.devices.items())
        money, why = ground.money(key)
        what = f"it has {has}, and no pod asks for any"
        yield Finding(
            "gpu-node",
            f"Node {one.node}",
            f"pool {pool[1]}" if pool else "no pool it names",
            what,
            end,
            note,
            money,
            why,
        )


_NOTE = "then take it out of its pool: a node that is drained is still paid for"
