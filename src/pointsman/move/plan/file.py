"""A plan in a file: written whole, read with its digest, refused when the world is not as it was."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from pointsman.errors import RefusedError, UsageError, reason_of
from pointsman.intake.file import read_file, refuse_special
from pointsman.move.context import Options
from pointsman.move.journal.journal import digest
from pointsman.move.plan.plan import Plan
from pointsman.spec.model import Model

__all__ = ["Saved", "load_plan", "refuse_changed", "refuse_unlike", "refuse_unwritable", "save_plan"]

VERSION = 1
LARGEST = 2 << 20
"""Bytes a plan may have; a usual one has some ten thousand."""
_LONGEST_NUMBER = 50
_LATEST = 1e9
"""Seconds, and numbers of other things, that no option reaches."""


class Saved(BaseModel):
    """What a plan's file holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int
    spec: dict[str, Any]
    """The whole Model."""
    target: str
    options: dict[str, Any]
    plan: dict[str, Any]
    digest: str = ""

    @property
    def fingerprint(self) -> Mapping[str, str]:
        """What the plan was made from."""
        return dict(self.plan["fingerprint"])

    @property
    def model(self) -> Model:
        """The Model; raises ValidationError when it is none."""
        return Model.model_validate_json(json.dumps(self.spec))

    @property
    def chosen(self) -> Options:
        """The options; raises ValueError or TypeError when they are none."""
        known = Options().as_dict()
        for name, value in self.options.items():
            kinds = (int, float) if isinstance(known.get(name), float) else (type(known.get(name)),)
            number = isinstance(value, int | float)
            if name == "in_git" and isinstance(value, dict):
                continue
            if type(value) not in kinds or (number and not 0 <= value < _LATEST):
                raise ValueError(name)
        if not all(isinstance(one, str) for one in self.options.get("leave", ())):
            raise ValueError("leave")
        if not all(type(one) is int and 0 < one <= 100 for one in self.options.get("shares", ())):
            raise ValueError("shares")
        return Options.from_dict(self.options)


@dataclass(frozen=True, slots=True)
class _Difference:
    what: str
    then: str
    now: str


def save_plan(path: Path, spec: Mapping[str, Any], plan: Plan, options: Options) -> str:
    """Write the plan and return its digest. Raises UsageError when the file cannot be written; none is left then."""
    saved = Saved(version=VERSION, spec=dict(spec), target=plan.target, options=options.as_dict(), plan=plan.as_dict())
    found = _digest(saved)
    text = json.dumps(saved.model_copy(update={"digest": found}).model_dump(mode="json"), indent=2) + "\n"
    draft = _draft(path)
    try:
        draft.write_text(text)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    return found


def refuse_unwritable(path: Path) -> None:
    """Raise UsageError when a plan cannot be kept there; leaves no trace."""
    try:
        if path.exists():
            refuse_special(path)
        with suppress(FileNotFoundError):
            _draft(path).stat()  # is its name too long?
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _unwritable(path, error) from error
    except ValueError:
        raise _unwritable(path, OSError(errno.EINVAL, "no file can have this name")) from None


def _draft(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the plan cannot be written: {reason_of(error)}",
        where=str(path),
        next_action="give another file",
        code="plan-unwritable",
    )


def load_plan(path: Path) -> Saved:
    """Read a plan; raises UsageError when it is none, was edited, or is another version's."""
    try:
        data = json.loads(_bytes(path), parse_constant=_not_json, parse_int=_whole)
        saved = Saved.model_validate(data)
        found = _digest(saved)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, "it is no plan") from error
    if saved.version != VERSION:
        raise _wrong(path, f"it has version {saved.version}, this program reads {VERSION}")
    if saved.digest != found:
        raise _wrong(path, "it was changed after it was made")
    _refuse_contents(saved, path)
    return saved


def _refuse_contents(saved: Saved, path: Path) -> None:
    """A digest says that nobody edited it, not that a plan was written."""
    try:
        fits = saved.model.name == saved.plan.get("model") and saved.chosen is not None
        told = saved.fingerprint.values()
    except (ValueError, TypeError, LookupError) as error:
        raise _wrong(path, "its spec or its options cannot be a plan's") from error
    if not fits or not all(isinstance(one, str) for one in told):
        raise _wrong(path, "its parts do not belong together")


def _not_json(word: str) -> float:
    raise ValueError(word)


def _whole(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("too long")
    return int(text)


def _bytes(path: Path) -> bytes:
    """The file, when it can be a plan at all."""
    try:
        return read_file(path, LARGEST)
    except OSError as error:
        raise UsageError(
            f"it cannot be read: {reason_of(error)}",
            where=str(path),
            next_action="check the path",
            code="plan-invalid",
        ) from error


def refuse_changed(saved: Saved, now: Plan) -> None:
    """Raise RefusedError naming everything that is not as it was when the plan was made."""
    _refuse_differing(
        saved.fingerprint, now.fingerprint, f"make it again: pointsman plan {now.model} --to {now.target}"
    )


def refuse_unlike(shown: Plan, now: Plan) -> None:
    """The same, for a plan that was shown a moment ago: how much is free may change while the strategy stays."""
    then, found = dict(shown.fingerprint), dict(now.fingerprint)
    then.pop("capacity", None)
    found.pop("capacity", None)
    _refuse_differing(
        then, found, f"run it again and read what it says now: pointsman move {now.model} --to {now.target}"
    )


def _refuse_differing(then: Mapping[str, str], now: Mapping[str, str], action: str) -> None:
    changed = [
        _Difference(name, then.get(name, "not looked at"), now.get(name, "not looked at"))
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    if changed:
        told = "; ".join(
            f"{one.what} ({one.then} → {one.now})" if one.what not in ("spec", "alias") else f"the {one.what}"
            for one in changed
        )
        raise RefusedError(f"since the plan was made, this changed: {told}", next_action=action, code="plan-stale")


def _digest(saved: Saved) -> str:
    data = saved.model_copy(update={"digest": ""}).model_dump(mode="json")
    return digest(json.dumps(data, sort_keys=True, ensure_ascii=False))


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(
        what, where=str(path), next_action="make it again: pointsman plan MODEL --to LAYER -o FILE", code="plan-invalid"
    )
