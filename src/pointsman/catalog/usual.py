"""What a platform has that declares nothing else: the groups, warnings and profiles of the runbook's own platform.

The tables are the contract between its configuration, its resolve script and its ApplicationSets; the groups' order is
the groups file's.
"""

from __future__ import annotations

from typing import Any

__all__ = ["GROUPS", "PROFILES", "WARNINGS"]

GROUPS: tuple[tuple[str, str, str, bool], ...] = (
    ("platform-core", "platform", "always", True),
    ("autoscaling", "platform", "features.autoscaling", True),
    ("identity", "platform", "features.identity", False),
    ("dns", "platform", "features.dns", False),
    ("security", "platform", "features.security", False),
    ("opencost", "platform", "features.opencost", False),
    ("gpu-operator", "platform", "gpu_stack=operator", False),
    ("serving-core", "serving", "always", True),
    ("kserve", "serving", "features.kserve", True),
    ("embeddings", "serving", "features.embeddings", True),
    ("coding-assistant", "serving", "features.coding-assistant", False),
    ("llm-d", "serving", "features.llm-d", False),
    ("routing-core", "routing", "always", True),
    ("public-edge", "routing", "features.public-edge", False),
    ("mcp-gateway", "routing", "features.mcp-gateway", False),
    ("egress", "routing", "features.egress", False),
    ("llm-gateway-core", "llm-gateway", "always", True),
    ("guardrails", "llm-gateway", "features.guardrails", False),
    ("experience", "experience", "features.experience", False),
    ("n8n", "experience", "features.n8n", False),
    ("demos", "demos", "features.demos", False),
)
"""Name, layer, gate, default."""

WARNINGS: tuple[dict[str, Any], ...] = (
    {
        "groups": ["identity", "dns", "public-edge"],
        "needs_field": "domain",
        "because": "nothing of it can be reached by name until there is one",
    },
    {"groups": ["dns"], "refuses": "dns.provider=none", "because": "no records would be made"},
    {"groups": ["llm-d"], "needs_group": "kserve", "because": "it brings the CRD LLMInferenceService"},
    {"groups": ["llm-d"], "needs_gpus": 2, "because": "one for prefill and one for decode"},
    {
        "groups": ["kserve"],
        "needs_group": "demos",
        "when_written": True,
        "because": "kserve-demo is one of its Applications",
    },
)

PROFILES: dict[str, tuple[str, ...]] = {
    "platform": ("platform",),
    "serving": ("platform", "serving"),
    "llm-gateway": ("platform", "serving", "routing", "llm-gateway"),
    "full": ("platform", "serving", "routing", "llm-gateway", "experience", "demos"),
}
