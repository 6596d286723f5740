"""Configurations as people write them, and a platform that declares everything itself."""

from __future__ import annotations

__all__ = ["AROUND", "BLOCKS", "OWN"]

BLOCKS: dict[str, str] = {
    "block": "features:\n  kserve: true  # the CRDs\n  llm-d: false\n",
    "deep": "features:\n        kserve: true\n        llm-d: false\n",
    "comments": "features:  # gates\n  # first\n  kserve: true\n\n  # second\n  llm-d: false # off\n  # end\n",
    "quoted": "features:\n  \"kserve\": 'true'\n  'llm-d': \"false\"   # off\n",
    "flow": "features: {kserve: true, llm-d: false} # all\n",
    "flow-lines": "features: {\n  kserve: true, # one\n  llm-d: false\n  }\n",
    "flow-empty": "features: {} # none\n",
    "flow-comment": "features: { # none\n  }\n",
    "null": "features:\n",
    "null-comment": "features:   # nothing yet\n",
    "null-word": "features: null # nothing\n",
    "tilde": "features: ~\n",
    "missing": "",
    "odd": "features:\n  llm-d: yes\n  kserve: TRUE\n",
    "empty-value": "features:\n  llm-d:\n  kserve: # on?\n",
    "anchor-value": "base: &off false\nfeatures:\n  llm-d: *off\n  kserve: *off # as above\n",
    "anchor-own": "features:\n  llm-d: &d false\n  kserve: &k true\n",
    "anchor-used": "features:\n  llm-d: &d false\n  kserve: &k true\nother: [*d, *k]\n",
    "anchor-all": "features: &f\n  llm-d: false\nother: *f\n",
    "anchor-away": "other: &f\n  llm-d: false\nfeatures: *f\n",
    "last-is-text": "features:\n  note: |\n    many\n    lines\n",
    "last-is-map": "features:\n  nested:\n    a: 1\n",
    "folded": "features:\n  llm-d: >-\n    false\n  kserve: true\n",
    "list": "features: [kserve, llm-d]\n",
    "text": "features: all\n",
    "explicit": "features:\n  ? llm-d\n  : false\n  kserve: true\n",
    "tagged": "features: !!map\n  llm-d: !!bool false\n  kserve: !!str true\n",
    "spread": "features:\n  llm-d:\n    false\n  kserve:\n    true # here\n",
}
"""Ways in which people write features."""
AROUND = (
    ("", ""),
    ("# people edit this\nrepoURL: https://x/y.git\ndomain: ''\n\n", ""),
    ("a: 010\nb: 1:30\nc: no\nd: 2026-01-01\ne: 1e3\n", "z: |+\n  kept\n\n"),
    ("", "dns: {provider: none}\ntext: >\n  folded\n  text\n"),
    ("---\n# start\nprofile: lab\n", "# the end\n"),
    ("", "...\n"),
    ("{domain: x,\n", "}\n"),
)

OWN = """\
apiVersion: pointsman.dev/v1alpha1
kind: Platform
metadata: {name: own}
spec:
  environments: [one, two]
  config: conf/{env}.yaml
  groupsFile: out/{env}/groups.yaml
  catalog: apps/{env}
  groups:
    - {name: base, layer: low, gate: always}
    - {name: gpu, layer: low, gate: "hardware.gpus=nvidia"}
    - {name: chat, layer: high, gate: features.talk, default: true}
    - {name: chat-ui, layer: high, gate: features.talk, default: true}
  warnings:
    - {groups: [chat-ui], needsField: hardware.gpus, because: nobody would answer}
  profiles: {all: [low, high]}
"""
