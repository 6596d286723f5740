"""One change of a LiteLLM configuration's text: entries set, repeated, dropped and added, all at once.

Every byte that is not ours stays. The edits are collected as spans of the text and applied together; then the result
is read once and has to be exactly what was meant, and everything else what it was. What cannot be said that way is
refused with the lines to write by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Any

import yaml

from pointsman.edge.config_list import list_spans
from pointsman.edge.config_render import block
from pointsman.edge.config_spans import Field, UnfitError, Value, apply, fields
from pointsman.edge.config_text import ConfigText, Entry
from pointsman.edge.config_yaml import refuse
from pointsman.errors import RefusedError

__all__ = ["Edits"]

_ANCHOR = re.compile(r"&([^\s,\[\]{}]+)")

Values = Mapping[Field, Value]
_PLACEHOLDER = "AS-IT-IS"


@dataclass(frozen=True, slots=True)
class _Piece:
    """What one entry becomes: its own text with other values, or lines of our own."""

    values: Values
    fresh: Mapping[str, Any] | None = None


class Edits:
    """Collects the changes of one session."""

    def __init__(self, config: ConfigText) -> None:
        self.config = config
        self._pieces: dict[int, list[_Piece]] = {}
        self._dropped: set[int] = set()
        self._added: list[Mapping[str, Any]] = []

    def set(self, entry: Entry, values: Values) -> None:
        """Set values in one entry; those it has already are left as they are written."""
        missing = {at: value for at, value in values.items() if not _has(entry, at, value)}
        if missing:
            pieces = self._of(entry)
            pieces[0] = _Piece({**pieces[0].values, **missing})

    def clone(self, entry: Entry, values: Values) -> None:
        """Repeat an entry right after itself, with other values."""
        self._of(entry).append(_Piece({at: value for at, value in values.items() if not _has(entry, at, value)}))

    def follow(self, entry: Entry, data: Mapping[str, Any]) -> None:
        """Put a new entry right after another."""
        self._of(entry).append(_Piece({}, data))

    def drop(self, entry: Entry) -> None:
        """Take an entry away, its own lines only."""
        self._of(entry)
        self._dropped.add(entry.index)

    def append(self, data: Mapping[str, Any]) -> None:
        """Put a new entry at the end of ``model_list``."""
        self._added.append(data)

    def done(self) -> ConfigText:
        """The configuration after all of it, read back and proved; the same object when nothing changes."""
        if not self._pieces and not self._added:
            return self.config
        try:
            return self._proved(self._text(written_out=False))
        except UnfitError as error:
            first: Exception = error
        except RefusedError as error:
            if error.code == "edge-config-bounds":
                raise
            first = error
        try:
            return self._proved(self._text(written_out=True))
        except (UnfitError, RefusedError):
            raise self._by_hand(first) from first

    def _of(self, entry: Entry) -> list[_Piece]:
        return self._pieces.setdefault(entry.index, [_Piece({})])

    def _left(self, index: int) -> list[_Piece]:
        pieces = self._pieces[index]
        return pieces[1:] if index in self._dropped else pieces

    def _text(self, *, written_out: bool) -> str:
        config = self.config
        pieces = {}
        for index in self._pieces:
            pieces[index] = [self._piece(index, piece, written_out) for piece in self._left(index)]
        spans = list_spans(config, pieces, self._added)
        return config.bom + apply(config.body, spans)

    def _piece(self, index: int, piece: _Piece, written_out: bool) -> Mapping[str, Any] | Sequence[Any]:
        """Data to write as new lines, or the spans that change the entry's own text."""
        if piece.fresh is not None:
            return piece.fresh
        if written_out and piece is not self._pieces[index][0]:
            return _changed(self._data(index), piece.values)
        return fields(self.config.body, self.config.items[index], self._data(index), piece.values)

    def _data(self, index: int) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.config.data["model_list"][index]
        return found

    def _proved(self, text: str) -> ConfigText:
        after = ConfigText(text, self.config.where, self.config.under)
        listed = {**after.data, "model_list": after.data.get("model_list") or []}
        if not _same(after.around(listed), self.config.around(self._meant())):
            raise UnfitError("the entry cannot be edited without changing more")
        return after

    def _meant(self) -> dict[str, Any]:
        """What the configuration has to mean afterwards."""
        items: list[Any] = []
        for index, item in enumerate(self.config.data.get("model_list") or []):
            if index not in self._pieces:
                items.append(item)
                continue
            items += [piece.fresh or _changed(item, piece.values) for piece in self._left(index)]
        return {**self.config.data, "model_list": items + self._added}

    def _by_hand(self, error: Exception) -> RefusedError:
        """Says what it is, and the entries to write in its place."""
        touched = sorted(self._pieces)
        nodes = [self.config.items[index] for index in touched]
        place = self.config.line(nodes[0]) if nodes else self.config.place_of("model_list")
        entries = [self._data(index) for index in touched] or self._added
        lines = "\n".join(line for data in entries for line in _lines(data))
        keep = f" ({_PLACEHOLDER}: what stands there)" if _PLACEHOLDER in lines else ""
        shared = _shared(self.config.body, nodes)
        if shared:
            return refuse(
                f"the alias's entry defines the YAML anchor &{shared}, which others use, so it cannot change alone",
                place,
                code="edge-config-anchor",
                action=f"put &{shared} to one of those who use it, and write the entry as{keep}:\n{lines}",
            )
        return refuse(
            f"the alias's entries cannot be edited in place: {_said(error)}",
            place,
            code="edge-config-shape",
            action=f"write them in model_list as{keep}:\n{lines}",
        )


def _has(entry: Entry, at: Field, value: Value) -> bool:
    have = entry.section(at[0]).get(at[1])
    return have == value and isinstance(have, str) is isinstance(value, str) and not isinstance(have, bool)


def _changed(item: Mapping[str, Any], values: Values) -> dict[str, Any]:
    changed = dict(item)
    for (section, key), value in values.items():
        have = changed.get(section)
        changed[section] = {**(have if isinstance(have, dict) else {}), key: value}
    return changed


def _same(one: object, other: object) -> bool:
    """Equal to the last type, and NaN is itself."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(a is b or repr(a) == repr(b) or _same(a, b) for a, b in pairs)
    if isinstance(one, float) and isinstance(other, float) and isnan(one):
        return isnan(other)
    return one is other or (type(one) is type(other) and one == other)


def _shared(text: str, nodes: Sequence[yaml.Node]) -> str:
    """The first anchor that one of these nodes defines and another part of the text refers to."""
    for node in nodes:
        start, end = text.rfind("\n", 0, node.start_mark.index) + 1, node.end_mark.index
        for name in _ANCHOR.findall(text, start, end):
            if re.search(rf"\*{re.escape(name)}(?![^\s,\[\]{{}}])", text[end:]):
                return str(name)
    return ""


def _lines(data: Mapping[str, Any]) -> list[str]:
    """An entry to write by hand; a key that stands there in the clear is not repeated."""
    params = data.get("litellm_params")
    shown = dict(data)
    if isinstance(params, dict):
        shown["litellm_params"] = {name: _hidden(name, value) for name, value in params.items()}
    first, *rest = block(shown)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _hidden(name: str, value: object) -> object:
    secret = any(word in str(name).lower() for word in ("key", "secret", "token", "password", "credentials", "header"))
    if isinstance(value, str):
        return _PLACEHOLDER if secret and not value.startswith("os.environ/") else value
    return _PLACEHOLDER if secret and isinstance(value, dict | list) else value


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, UnfitError) else "they are laid out in a way that takes no other values"
