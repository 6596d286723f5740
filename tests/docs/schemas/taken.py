"""``teardown``: what would go, and what went."""

from __future__ import annotations

from typing import Any

from tests.docs.schemas.words import flag, listed, maybe, number, obj, one_of, text, whole

__all__ = ["TEARDOWN", "TEARDOWN_LAYER", "TEARDOWN_LAYER_PREVIEW", "TEARDOWN_PREVIEW"]

_TRAPS = listed(
    obj({"code": text(), "what": text(), "remedy": text(), "stops": flag("may nothing be begun")}),
    "what bites whoever takes it away",
)
_LOOK = {
    "objects": listed(text("InferenceService kserve/qwen"), "that go"),
    "pods": listed(text(), "of its engines"),
    "parked": flag("does it hold nothing, on purpose"),
    "gpus": whole("that its pods hold now"),
    "volumes": listed(obj({"claim": text("namespace/name"), "size": text()}), "that go, with what is on them"),
    "kept": listed(text(), "objects that stay"),
    "applications": listed(
        obj(
            {
                "name": text("namespace/name"),
                "objects": one_of("what becomes of them when it goes", "deleted", "left running"),
                "madeBy": text("empty: nothing makes it again"),
                "others": listed(text(), "objects of others that it keeps besides"),
            }
        ),
        "of Argo CD, that keep objects of the layer",
    ),
    "traps": _TRAPS,
}
TEARDOWN_LAYER_PREVIEW = obj({"model": text(), "layer": text(), **_LOOK}, "teardown MODEL --layer LAYER --dry-run")
TEARDOWN_LAYER = obj(
    {
        "model": text(),
        "layer": text(),
        "applications": listed(text("namespace/name"), "of Argo CD, that were ended"),
        "objects": listed(text(), "that were deleted besides"),
        "kept": listed(text(), "objects that stay"),
        "gpus": whole("that its pods held"),
    },
    "teardown MODEL --layer LAYER",
)
_RUNNING = maybe(whole("requests"), "requests that run now; null: an engine does not say")
_PER_HOUR = maybe(text("money as text"), "that is not paid any more; null: no price is declared")
_SCOPE = {
    "scope": one_of("", "model", "layer", "all"),
    "name": maybe(text(), "the model or layer; null: all of it"),
}
_SURVEY = _SCOPE | {
    "models": listed(
        obj(
            {
                "model": text(),
                "aliases": listed(text(), "by which tenants call it now"),
                "running": _RUNNING,
                "layers": listed(obj({"layer": text(), "perHour": _PER_HOUR, "running": _RUNNING, **_LOOK})),
                "traps": _TRAPS,
            }
        )
    ),
    "aliases": listed(text(), "by which tenants call what goes"),
    "running": _RUNNING,
    "gpus": whole("that are released"),
    "perHour": _PER_HOUR,
    "entrances": listed(text(), "routes and Gateways that go"),
    "platform": listed(
        obj(
            {
                "applicationSet": text(),
                "applications": listed(
                    obj(
                        {
                            "name": text("namespace/name"),
                            "finalizer": flag("do its objects go with it"),
                            "objects": listed(text()),
                        }
                    )
                ),
            }
        ),
        "ApplicationSets that go, with what they made",
    ),
    "projects": listed(text(), "AppProjects that go"),
    "leftOvers": listed(text(), "of moves and models, that go"),
    "stays": listed(obj({"name": text(), "why": text(), "chosen": flag("was it told to stay")})),
    "records": listed(text(), "of ours, that go at the end"),
    "traps": _TRAPS,
}


def _progress(*states: str) -> dict[str, Any]:
    """A journal, in one of these states."""
    return _SCOPE | {
        "id": text(),
        "state": one_of("", *states),
        "step": maybe(text(), "the first that is not done; null: all are"),
        "done": whole("steps"),
        "steps": whole(),
        "holder": text("who carries it on, or did"),
        "since": maybe(text("a time")),
        "failure": maybe(text(), "why the last step that was begun did not end"),
        "next": maybe(text("the command that carries it on"), "null: it is ended"),
    }


_CHOICES = obj(
    {
        "keep_volumes": flag(),
        "keep_gateways": flag(),
        "keep_nodes": flag(),
        "take_kept": flag(),
        "forget": flag("do journals go, too"),
        "withdraw": listed(text(), "aliases whose tenants may lose their service"),
        "leave": listed(text(), "other names of the edge that may lose their engine"),
        "drain_timeout": number("seconds"),
    },
    "what was chosen when it began",
)
TEARDOWN_PREVIEW: dict[str, Any] = {
    "oneOf": [
        obj(_SURVEY, "what would go"),
        obj(_progress("open"), "one that is open already, and would be carried on"),
    ],
    "description": "teardown of a model, a layer of every model, or --all, with --dry-run",
}
TEARDOWN: dict[str, Any] = {
    "oneOf": [
        obj(
            {
                **_progress("finished"),
                "models": listed(text()),
                "choices": _CHOICES,
                "gone": listed(text(), "objects that were deleted"),
                "applications": listed(text(), "of Argo CD, that were ended"),
                "aliases": listed(text(), "that were withdrawn"),
                "gpus": whole("that are free again"),
                "kept": listed(text(), "what was told to stay"),
            },
            "it was carried out",
        ),
        obj({"state": {"const": "gone"}, **_SURVEY}, "nothing of it is there"),
        obj({**_progress("abandoned"), "left": listed(text(), "steps that were not done")}, "--abort gave it up"),
    ],
    "description": "teardown of a model, a layer of every model, or --all",
}
