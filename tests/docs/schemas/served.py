"""``status``, ``history``, ``down`` and ``up --layer``, ``rights --check``, ``features``, ``resolve``; and errors."""

from __future__ import annotations

from tests.docs.schemas.words import flag, listed, mapped, maybe, number, obj, one_of, text, whole

__all__ = [
    "ERROR",
    "ERROR_FIELDS",
    "FEATURES",
    "HISTORY",
    "PARKING",
    "PARKING_PREVIEW",
    "RESOLVE",
    "RIGHTS",
    "STATUS",
    "TOLD",
]

_SPLIT = mapped(whole("percent"), "by layer; others are members that are none of ours, closed answers nobody")
_MODEL = obj(
    {
        "name": text(),
        "declaredLayer": maybe(text(), "null: its record cannot be read"),
        "alias": maybe(text()),
        "split": _SPLIT,
        "layers": listed(
            obj(
                {
                    "layer": text(),
                    "state": one_of("", "ready", "not ready", "parked", "absent"),
                    "reason": text(),
                    "replicas": text("ready of asked: 1/2"),
                    "traffic": maybe(whole(), "percent; null: it has no member"),
                    "gpus": whole("held"),
                }
            )
        ),
        "move": maybe(
            obj(
                {
                    "id": text(),
                    "from": text(),
                    "to": text(),
                    "state": text(),
                    "step": text(),
                    "holder": text("who carries it on"),
                    "awaiting": text("what people are waited for; empty otherwise"),
                    "since": text(),
                    "owed": mapped(True),
                }
            ),
            "the open move",
        ),
        "teardown": maybe(
            obj(
                {
                    "id": text(),
                    "scope": one_of("", "model", "layer", "all"),
                    "name": maybe(text(), "the model or layer; null: all of it"),
                    "state": text("open, until it is ended"),
                    "step": maybe(text()),
                    "done": whole("steps"),
                    "steps": whole(),
                    "holder": text("who carries it on"),
                    "since": maybe(text()),
                    "failure": maybe(text()),
                    "next": maybe(text("the command that carries it on")),
                }
            ),
            "the open teardown that takes the model away",
        ),
        "warnings": listed(text()),
    },
    "",
    {
        "running": listed(
            obj(
                {
                    "replicas": whole(),
                    "of": whole(),
                    "split": maybe(_SPLIT, "null: they do not say"),
                    "members": maybe(mapped({"type": ["integer", "number", "null"]}), "weight by id"),
                    "since": text("when the youngest of these processes began; empty: not known"),
                    "why": text(),
                }
            ),
            "what replicas of the edge run where that is not what is declared; absent: nobody was asked",
        )
    },
)
STATUS = obj({"models": listed(_MODEL)})
ERROR_FIELDS = obj({"code": text("docs/errors.md"), "what": text(), "where": text(), "next": text("what to do")})
ERROR = obj({"error": ERROR_FIELDS}, "what any command prints in the place of its data when it fails")
HISTORY = obj(
    {
        "moves": listed(
            obj(
                {
                    **{key: text() for key in ("move", "model", "from", "to", "strategy", "state", "servedFrom")},
                    "started": text(),
                    "ended": text("empty while it is open"),
                    "seconds": number(),
                    "tenants": {"type": ["integer", "string"], "description": "requests; the word unknown"},
                    "cut": {"type": ["integer", "string"]},
                }
            ),
            "oldest first",
        ),
        "unreadable": listed(ERROR_FIELDS, "journals that cannot be read"),
    }
)
_LOOK = {
    "model": text(),
    "layer": text(),
    "object": text("Deployment serving/qwen"),
    "uid": text(),
    "resourceVersion": text("as it was before the write"),
    "changes": mapped(obj({"before": {}, "after": {}}), "by field"),
    "pods": listed(text(), "of its engines"),
    "nodes": listed(text()),
    "replicas": whole("that it has when it serves"),
    "gpus": whole(),
    "perHour": maybe(text("money as text"), "null: no price is declared"),
    "volumes": listed(obj({"claim": text(), "size": text()}), "paid for whether it serves or not"),
    "notes": listed(text()),
}
PARKING = obj(
    {
        **_LOOK,
        "state": one_of("", "parked", "parked-already", "absent", "serving", "serving-already"),
        "next": text("the command that brings it back, or parks it again; status where neither would do"),
    },
    "",
    {
        "freed": obj(
            {
                "gpus": whole("that are really free now"),
                "takenBy": listed(text(), "pods that have some of them by now"),
                "roomFor": listed(text(), "pods that waited and find room now"),
            },
            "of down",
        ),
        "baseUrl": text("of up: where it is asked"),
    },
)
PARKING_PREVIEW = obj({**_LOOK, "dryRun": {"const": True}}, "down, up --layer, with --dry-run")
_RIGHT = obj({key: text() for key in ("verb", "apiGroup", "resource", "name", "namespace")})
RIGHTS = obj(
    {
        "models": listed(obj({"model": text(), "rights": whole("that it needs"), "missing": listed(_RIGHT)})),
        "unseen": listed(_RIGHT, "without these plans go on, and say what they do not know"),
        "controllerNamespaces": listed(text()),
    },
    "rights --check",
)
FEATURES = obj(
    {
        "platform": text(),
        "env": text(),
        "config": text("the file that says so"),
        "features": listed(
            obj(
                {
                    "name": text(),
                    "value": text(),
                    "on": flag(),
                    "from": text("file:line, or default"),
                    "opensWith": text("the value that turns it on"),
                    "groups": listed(text()),
                }
            )
        ),
    },
    "features list",
)
TOLD = obj({"code": text(), "where": text(), "what": text(), "next": text("empty: nothing")}, "a warning")
RESOLVE = obj(
    {
        "env": text(),
        "file": text(),
        "upToDate": flag(),
        "written": flag(),
        "groups": listed(obj({key: text() for key in ("name", "layer", "enabled", "catalogPath", "from")})),
        "warnings": listed(TOLD),
        "diff": text("of the file, unified; empty when it is up to date"),
    }
)
