"""``lint``, ``doctor``, their ``--list``, and ``explain``."""

from __future__ import annotations

from typing import Any

from tests.docs.schemas.words import flag, listed, maybe, obj, one_of, text, whole

__all__ = ["CHECKS", "DOCTOR", "EXPLAIN", "FINDING_FIELDS", "LINT"]

_LEVEL = one_of("how bad it is", "error", "warning", "info")
_SURE = one_of("how sure the cause is", "measured", "read in source", "rule of thumb")
_ID = {"type": "string", "pattern": "^PM[1-9][0-9]{2}$", "description": "never reused"}
FINDING_FIELDS = {
    "id": _ID,
    "name": text(),
    "level": _LEVEL,
    "where": text("file:line, or the object where it comes from a cluster"),
    "object": maybe(text("InferenceService kserve/qwen")),
    "model": maybe(text()),
    "what": text("the finding in a sentence"),
    "cause": text("why it bites"),
    "next": text("what to do"),
    "sure": _SURE,
    "fact": text("where the cause is known from"),
    "page": text("docs/checks/PM201.md"),
    "fixable": flag("has it an edit that --fix can make"),
    "ignored": maybe(text("the reason that stands beside it"), "null: it counts"),
}
"""A finding as others than ``lint`` and ``doctor`` tell it, too."""
_FINDING = obj({**FINDING_FIELDS, "notMended": maybe(text("why --fix did not mend it"))})
_SKIPPED = obj({"id": _ID, "name": text(), "why": text("what could not be looked at")})
_OUTCOME: dict[str, Any] = {
    "findings": listed(_FINDING, "those at or above --show that nobody ignores, the worst first"),
    "ignored": listed(_FINDING),
    "notShown": whole("findings below --show"),
    "notChecked": listed(_SKIPPED, "checks that could not look everywhere: forbidden is not absent"),
    "broken": listed(obj({"id": _ID, "name": text(), "error": text()}), "checks that raised: a bug of ours"),
    "notRead": listed(
        obj(
            {
                "where": text(),
                "why": text(),
                "next": text(),
                "unread": flag("may it be a manifest, or an edge's configuration, that nobody looked at: exit code 5"),
            }
        )
    ),
    "checks": whole("checks that looked at everything they read"),
    "objects": whole("objects that were looked at, those that are rendered for Models counted in"),
    "configurations": whole("files of LiteLLM that were looked at and that no object holds"),
    "models": whole("files of Models that were looked at"),
    "fail": one_of("the least level that fails", "info", "warning", "error", "never"),
}
LINT = obj(_OUTCOME)
DOCTOR = obj({**_OUTCOME, "calls": whole("calls that lists took, each page one")})
_CHECK = obj(
    {
        "id": _ID,
        "name": text(),
        "level": _LEVEL,
        "reads": listed(text(), "kinds, and parts of a repository, that it looks at"),
        "sources": listed(one_of("where it can look", "files", "cluster")),
        "cause": text(),
        "remedy": text(),
        "sure": _SURE,
        "fact": text(),
        "fixable": flag(),
        "page": text(),
    }
)
CHECKS = obj({"checks": listed(_CHECK)}, "lint --list, doctor --list")
EXPLAIN = {
    "oneOf": [
        _CHECK,
        obj(
            {
                "code": text("as it stands in brackets behind error"),
                "about": text(),
                "exitCodes": listed(whole()),
                "means": text(),
                "remedy": text(),
                "page": text(),
            }
        ),
    ]
}
