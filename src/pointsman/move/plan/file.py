"""A plan in a file: written whole, read with its digest, refused when the world is not as it was."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pointsman.errors import RefusedError, UsageError
from pointsman.move.context import Options
from pointsman.move.journal.journal import digest
from pointsman.move.plan.plan import Plan

__all__ = ["Saved", "load_plan", "refuse_changed", "refuse_unwritable", "save_plan"]

VERSION = 1
LARGEST = 8 << 20
"""Bytes a plan may have; a usual one has some ten thousand."""


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


@dataclass(frozen=True, slots=True)
class _Difference:
    what: str
    then: str
    now: str


def save_plan(path: Path, spec: Mapping[str, Any], plan: Plan, options: Options) -> str:
    """Write the plan and return its digest. Raises UsageError when the file cannot be written; none is left then."""
    saved = Saved(version=VERSION, spec=dict(spec), target=plan.target, options=asdict(options), plan=plan.as_dict())
    found = _digest(saved)
    text = json.dumps(saved.model_copy(update={"digest": found}).model_dump(mode="json"), indent=2) + "\n"
    draft = path.with_name(f".{path.name}.{os.getpid()}")
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
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"the plan cannot be written: {error.strerror}",
        where=str(path),
        next_action="give another file",
        code="plan-unwritable",
    )


def load_plan(path: Path) -> Saved:
    """Read a plan; raises UsageError when it is none, was edited, or is another version's."""
    try:
        saved = Saved.model_validate(json.loads(_text(path)))
    except (ValueError, ValidationError, RecursionError) as error:
        raise _wrong(path, "it is no plan") from error
    if saved.version != VERSION:
        raise _wrong(path, f"it has version {saved.version}, this program reads {VERSION}")
    if saved.digest != _digest(saved):
        raise _wrong(path, "it was changed after it was made")
    return saved


def _text(path: Path) -> str:
    """The file, when it can be a plan at all: a device never ends, and memory does."""
    try:
        if not path.is_file() and path.exists():
            raise _wrong(path, "it is not a file")
        if path.stat().st_size > LARGEST:
            raise _wrong(path, f"it is larger than {LARGEST >> 20} MiB, so it is no plan")
        return path.read_text()
    except OSError as error:
        raise UsageError(
            f"it cannot be read: {error.strerror}", where=str(path), next_action="check the path", code="plan-invalid"
        ) from error


def refuse_changed(saved: Saved, now: Plan) -> None:
    """Raise RefusedError naming everything that is not as it was when the plan was made."""
    then = saved.fingerprint
    changed = [
        _Difference(name, then.get(name, "not looked at"), now.fingerprint.get(name, "not looked at"))
        for name in sorted({*then, *now.fingerprint})
        if then.get(name) != now.fingerprint.get(name)
    ]
    if changed:
        told = "; ".join(
            f"{one.what} ({one.then} → {one.now})" if one.what not in ("spec", "alias") else f"the {one.what}"
            for one in changed
        )
        raise RefusedError(
            f"since the plan was made, this changed: {told}",
            next_action=f"make it again: pointsman plan {now.model} --to {now.target}",
            code="plan-stale",
        )


def _digest(saved: Saved) -> str:
    data = saved.model_copy(update={"digest": ""}).model_dump(mode="json")
    return digest(json.dumps(data, sort_keys=True, ensure_ascii=False))


def _wrong(path: Path, what: str) -> UsageError:
    return UsageError(
        what, where=str(path), next_action="make it again: pointsman plan MODEL --to LAYER -o FILE", code="plan-invalid"
    )
