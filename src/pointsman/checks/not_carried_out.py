"""735: what a controller of KServe was asked for and cannot do: the object is stored, and what was before runs on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.state import condition, settled, since
from pointsman.checks.view import View

__all__ = ["CHECKS"]

_KINDS = ("InferenceService", "LLMInferenceService")
_FAILED = re.compile(r"\bfail(s|ed) to (reconcile|create|get|build|update|combine)", re.IGNORECASE)
_MINUTES = 3.0
"""A conflict of two writers is over by then."""
_MOST = 300


def _refused(view: View) -> Iterator[Told]:
    for one in view.of(*_KINDS):
        said = condition(one, "Ready")
        message = " ".join(str(said.get("message") or "").split())
        if said.get("status") == "False" and _FAILED.search(message) and settled(view, since(one, said), _MINUTES):
            what = f"its controller cannot do what it asks for: {message[:_MOST]}"
            yield Told(one, what, ("status", "conditions"), _REPLACED if "spec.selector" in message else "")


_REPLACED = (
    "stop it (serving.kserve.io/stop: true), wait until its Deployments are gone, and start it again: "
    "their selector cannot be changed"
)
CHECKS = (
    Check(
        "PM739",
        "not-carried-out",
        Level.error,
        frozenset(_KINDS),
        cause="KServe's webhooks take what the API server then refuses: nothing of the change comes, old pods run on",
        remedy="mend the field that the message names",
        sure=Sure.measured,
        fact="KServe 0.20.0, both controllers in the lab: Ready is False, and its message has the API server's words",
        run=_refused,
        sources=frozenset({Source.cluster}),
    ),
)
