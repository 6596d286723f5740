"""Commands in messages, as somebody reads them who knows nothing else."""

from __future__ import annotations

import re

__all__ = ["ENDING", "commands_in"]

ENDING = ("resume", "rollback", "abort", "promote")
_OURS = re.compile(rf"pointsman ({'|'.join(ENDING)}) ([\w.-]+)")
_KUBECTL = re.compile(
    r"kubectl (?:rollout (?:restart|resume|undo)|scale|delete|annotate|label|patch|apply|edit|set \w+)"
    r"(?: -{1,2}[\w-]+(?:=\S+| '[^']*'| [\w.-]+)?| [\w.-]+/[\w.-]+| [\w./-]+=[\w./-]*| '[^']*')+"
)


def commands_in(text: str) -> list[str]:
    """Commands that a message tells to run, in its order; those that only show something are none."""
    found = [*_OURS.finditer(text), *_KUBECTL.finditer(text)]
    return list(dict.fromkeys(one.group().rstrip(".,;") for one in sorted(found, key=lambda one: one.start())))
