"""The files of a kubeconfig as one: YAML to named entries, each of which knows the file it stands in.

Several files are merged as kubectl does: the first one that sets a name, or the current context, wins.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pointsman.errors import PermanentError
from pointsman.intake.file import read_file
from pointsman.intake.yaml import Bounds, Fault, read_yaml

__all__ = ["Config", "Entry", "read", "wrong"]

START = "pass --kubeconfig FILE, set KUBECONFIG, or start the lab with: pointsman lab up"
LARGEST = 4 << 20
"""Bytes of a kubeconfig, or of a file that it names; one of some hundred clusters has one million."""
BOUNDS = Bounds(nodes=60_000)
_NOUNS = {"clusters": "cluster", "contexts": "context", "users": "user"}
_SHAPES = {
    str: "text (in quotes, when it looks like a number)",
    bool: "true or false",
    dict: "a mapping",
    list: "a list",
}


def wrong(where: Path | str, what: str, action: str) -> PermanentError:
    """The error for a kubeconfig that cannot be used."""
    return PermanentError(what, where=str(where), next_action=action, code="kubeconfig-invalid")


@dataclass(frozen=True, slots=True)
class Entry:
    """One named cluster, context or user. Every reader raises PermanentError naming the file and the field."""

    label: str
    """``user 'jane'``."""
    fields: dict[str, Any]
    file: Path
    inside: str = ""
    """What stands before a field's name in messages: ``exec.`` in a user's plugin."""

    def wrong(self, key: str, says: str, action: str = "") -> PermanentError:
        """The error for the field ``key``, of which ``says`` tells the rest."""
        return wrong(self.file, f"{self.label}: {self.inside}{key} {says}", action or f"correct {key} in that file")

    def text(self, key: str) -> str:
        """A text field; empty when it is not there."""
        return str(self._typed(key, str) or "")

    def flag(self, key: str) -> bool:
        """A field that is true or false; false when it is not there."""
        return bool(self._typed(key, bool))

    def part(self, key: str) -> Entry | None:
        """A mapping inside, as an entry; None when it is not there."""
        found = self._typed(key, dict)
        return None if found is None else Entry(self.label, found, self.file, f"{key}.")

    def items(self, key: str) -> list[Any]:
        """A list; empty when it is not there."""
        return self._typed(key, list) or []

    def _typed(self, key: str, kind: type) -> Any:
        found = self.fields.get(key)
        if found is not None and not isinstance(found, kind):
            raise self.wrong(key, f"must be {_SHAPES[kind]}")
        return found

    def path(self, name: str) -> Path:
        """A path as this entry means it: relative to the file it stands in."""
        return self.file.parent / name

    def content(self, key: str) -> tuple[bytes, str] | None:
        """Content of the field ``<key>-data`` (base64) or of the file ``<key>`` names, and that field's name."""
        data = "".join(self.text(f"{key}-data").split())
        if data:
            try:
                return base64.b64decode(data, validate=True), f"{key}-data"
            except (binascii.Error, ValueError) as error:
                raise self.wrong(f"{key}-data", "is not base64", "take that field once more from its source") from error
        return (found, key) if (found := self.file_named(key)) is not None else None

    def file_named(self, key: str) -> bytes | None:
        """Content of the file that the field ``key`` names; None when there is no such field."""
        name = self.text(key)
        if not name:
            return None
        try:
            return read_file(self.path(name), LARGEST)
        except OSError as error:
            reason = error.strerror or error
            action = f"put the file there, or correct {key}; a relative path starts at the kubeconfig's folder"
            raise self.wrong(key, f"names {self.path(name)}, which cannot be read ({reason})", action) from error


@dataclass(slots=True)
class Config:
    """What all files say together."""

    files: tuple[Path, ...]
    current: str = ""
    current_file: Path | None = None
    sections: dict[str, dict[str, Entry]] = field(default_factory=lambda: {section: {} for section in _NOUNS})

    @property
    def where(self) -> str:
        """All files, as ``$KUBECONFIG`` would name them."""
        return ":".join(map(str, self.files))

    def entry(self, section: str, name: str, asker: Path | str) -> Entry:
        """The cluster, context or user of that name; ``asker`` is the file that names it."""
        found = self.sections[section].get(name)
        if found is None:
            known = ", ".join(sorted(self.sections[section])) or "none"
            raise wrong(asker, f"no entry {name!r} in {section} (known: {known})", "pass --context with a known name")
        return found

    def add(self, file: Path, data: dict[str, Any]) -> None:
        """Merge one more file in; what is known already stays."""
        current = data.get("current-context") or ""
        if not isinstance(current, str):
            raise wrong(file, f"current-context must be {_SHAPES[str]}", "correct current-context in that file")
        if current and not self.current:
            self.current, self.current_file = current, file
        for section, known in self.sections.items():
            for name, one in _entries(file, section, data.get(section)).items():
                known.setdefault(name, one)


def _entries(file: Path, section: str, found: Any) -> dict[str, Entry]:
    if not isinstance(found or [], list):
        raise wrong(file, f"{section} must be a list", f"write {section} as a list of named entries")
    entries: dict[str, Entry] = {}
    for number, one in enumerate(found or []):
        place = f"{section}[{number}]"
        if not isinstance(one, dict):
            raise wrong(file, f"{place} must be a mapping", f"give {place} a name and a {_NOUNS[section]}")
        name = one.get("name")
        if not isinstance(name, str) or not name:
            raise wrong(file, f"{place}: name must be {_SHAPES[str]}", f"give {place} a name")
        label = f"{_NOUNS[section]} {name!r}"
        inner = Entry(label, one, file).part(_NOUNS[section])
        entries.setdefault(name, Entry(label, inner.fields if inner else {}, file))
    return entries


def read(files: Sequence[Path], *, skip_missing: bool = False) -> Config:
    """Read and merge ``files``; raises PermanentError when one cannot be used, or no cluster is named."""
    config = Config(tuple(files))
    found = False
    for file in files:
        try:
            config.add(file, _load(file))
            found = True
        except FileNotFoundError as error:
            if not skip_missing:
                raise _unreadable(file, error) from error
    if not config.sections["clusters"]:
        what = "this is not a kubeconfig: it names no cluster" if found else "none of these kubeconfigs exists"
        raise wrong(config.where, what, START)
    return config


def _unreadable(file: Path, error: OSError) -> PermanentError:
    return wrong(file, f"cannot read the kubeconfig ({error.strerror})", START)


def _load(file: Path) -> dict[str, Any]:
    """What the file says; FileNotFoundError leaves this function as it is."""
    try:
        text = read_file(file, LARGEST).decode("utf-8-sig")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(file, error) from error
    except UnicodeDecodeError as error:
        raise wrong(file, "this is not a YAML file: it is not UTF-8 text", START) from error
    reading = read_yaml(text, BOUNDS)
    if reading.faults:
        raise _faulty(file, min(reading.faults))
    if reading.data is not None and not isinstance(reading.data, dict):
        raise wrong(file, "this is not a kubeconfig: it is not a mapping", START)
    return reading.data or {}


def _faulty(file: Path, fault: Fault) -> PermanentError:
    if fault.kind == "duplicate":
        return wrong(file, f"line {fault.line}: {fault.what}", "remove one of the two")
    if fault.kind == "deep":
        return wrong(file, f"it nests too deeply, or holds too much, for a kubeconfig (line {fault.line})", START)
    what = fault.what.removeprefix("this is not valid YAML: ").removeprefix("this is not YAML: ")
    return wrong(file, f"this is not a YAML file (line {fault.line}: {what})", START)
