"""docs/checks-in-a-cluster.md: what a run with ``--checks all`` saw of every check that looks at a cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.page import machine

from pointsman.checks.catalogue import CHECKS, GROUPS
from pointsman.checks.check import Source

__all__ = ["Seen", "kept", "write_page"]

HEAD = """# Checks in a real cluster

Each check that looks at a cluster was asked there, through `pointsman doctor`, of one thing that fails and of one that
is clean: on the API server and the controllers of a lab ([the lab](lab.md)), Kubernetes 1.34, KServe 0.20, Argo CD 3.2.
The page is written by the run itself (`make checks`); `make test` asks some of them.

"applied" are the examples of the check's own page, put there by `kubectl apply`, beside each other, each in namespaces
of its own. What the cluster refuses cannot be there: then the check is of use for files, and for objects that are older
than the webhook that refuses them; these were put past the webhook ("from before"). "NOT" begins what was not as it
should be.
"""
COLUMNS = "| check | how | the one that fails | the clean one |\n| --- | --- | --- | --- |\n"
MOST = 300


@dataclass(slots=True)
class Seen:
    """What a run saw of one check."""

    how: str = ""
    failing: list[str] = field(default_factory=list)
    clean: list[str] = field(default_factory=list)

    def line(self, check: str, name: str) -> str:
        """A row."""
        cells = [f"[{check}](checks/{check}.md) {name}", self.how]
        cells += ["; ".join(dict.fromkeys(map(_plain, one))) or "NOT SEEN" for one in (self.failing, self.clean)]
        return f"| {' | '.join(cells)} |\n"


def _plain(text: str) -> str:
    words = " ".join(text.replace("|", "/").replace("<", "&lt;").split())
    return words if len(words) <= MOST else f"{words[:MOST].rpartition(' ')[0]} …"


def kept(path: Path, seen: Mapping[str, Seen]) -> dict[str, Seen]:
    """What this run saw, and of other checks what earlier ones did; it is kept in a file."""
    known = json.loads(path.read_text("utf-8")) if path.exists() else {}
    found = {check: Seen(**said) for check, said in known.items()}
    for check, now in seen.items():
        before = found.get(check, Seen())
        found[check] = Seen(now.how or before.how, now.failing or before.failing, now.clean or before.clean)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({check: asdict(one) for check, one in sorted(found.items())}, indent=1), "utf-8")
    return found


def write_page(path: Path, seen: Mapping[str, Seen]) -> None:
    """Write it."""
    text = HEAD
    for group, about in GROUPS.items():
        own = [one for one in CHECKS if int(one.id[2]) == group and Source.cluster in one.sources]
        if own:
            text += f"\n## {group}xx: {about}\n\n{COLUMNS}"
            text += "".join(seen.get(one.id, Seen()).line(one.id, one.name) for one in own)
    missing = [one.id for one in CHECKS if Source.cluster in one.sources and one.id not in seen]
    text += f"\nTogether {len(seen)} checks; not asked: {', '.join(missing) or 'none'}.\n\n{machine()}.\n"
    path.write_text(text, encoding="utf-8")
