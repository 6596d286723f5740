"""The groups of a new platform: the groups file, the layers, and what belongs into a group that has nothing yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pointsman.catalog.config import Config
from pointsman.catalog.gate import Gate
from pointsman.catalog.groups import Row, groups_text, resolved
from pointsman.catalog.platform import Group, usual_platform
from pointsman.catalog.repository import Repository
from pointsman.catalog.source import BOUNDS, Source
from pointsman.intake.yaml import read_yaml

__all__ = ["gate_of", "groups_file", "layers", "purpose_of", "repository_in"]

_PURPOSES = {
    "autoscaling": "What scales engines by load, such as KEDA.",
    "identity": "An identity provider, for people who sign in.",
    "dns": "What makes DNS records, such as external-dns.",
    "security": "Policies and scanners.",
    "opencost": "What tells costs by team, such as OpenCost.",
    "gpu-operator": "NVIDIA's GPU operator, for nodes that come without a driver.",
    "kserve": "KServe: cert-manager, its CRDs, its controllers and the presets of llm-d. Where the cluster has KServe\n"
    "already, nothing is missing here. The InferenceService itself, `kserve-demo`, is in the group `demos`.",
    "embeddings": "Engines of embedding models.",
    "coding-assistant": "Engines of models for code.",
    "routing-core": "The Gateways, of the GatewayClass that the cluster has: llm-d's, and KServe's.",
    "public-edge": "What lets the world in: certificates and a public Gateway.",
    "mcp-gateway": "A gateway for tools (MCP).",
    "egress": "What may be reached outside the cluster.",
    "guardrails": "Filters of prompts and answers, called by the tenants' edge.",
    "experience": "A chat for people, such as Open WebUI.",
    "n8n": "n8n, for workflows.",
}


def repository_in(environment: str) -> Repository:
    """A repository with the usual layout; it need not be on a disk."""
    return Repository(Path(), usual_platform(), environment)


def groups_file(repository: Repository, configuration: str) -> str:
    """What ``pointsman resolve`` makes of this configuration."""
    where = repository.named(repository.config)
    source = Source(repository.config, where, configuration, reading=read_yaml(configuration, BOUNDS))
    rows: list[Row] = resolved(repository, Config(source))
    return groups_text(rows)


def layers(repository: Repository) -> Iterator[str]:
    """Every layer once, in order."""
    yield from dict.fromkeys(group.layer for group in repository.platform.spec.groups)


def purpose_of(group: Group) -> str:
    """What belongs into its folder."""
    return _PURPOSES[group.name]


def gate_of(gate: Gate, environment: str) -> str:
    """What turns a group on, as a sentence."""
    if not gate.place:
        return "The group is always on."
    said = f"features.{gate.feature}: true" if gate.feature else f"{gate.field}: {gate.value}"
    return f"`{said}` in `environments/{environment}/config.yaml` turns the group on."
