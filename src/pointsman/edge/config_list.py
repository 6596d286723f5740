"""The items of ``model_list`` as text: where they begin and end, in block and in flow style, and what replaces them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from pointsman.edge.config_render import block, flow
from pointsman.edge.config_spans import Span, UnfitError, apply, end_of, line_end, newline
from pointsman.edge.config_text import ConfigText
from pointsman.edge.config_yaml import Node

__all__ = ["list_spans"]

Data = Mapping[str, Any]
Piece = Data | Sequence[Any]
"""An entry to write anew, or spans that change the text of the entry it stands for."""

_BETWEEN = re.compile(r"(?:\s|#[^\n]*(?:\n|$))*")


def list_spans(config: ConfigText, pieces: Mapping[int, Sequence[Piece]], added: Sequence[Data]) -> list[Span]:
    """What makes the entries by number into ``pieces`` (none: it goes), with ``added`` at the end of the list."""
    listed = config.listed
    if not isinstance(listed, yaml.SequenceNode) or not listed.value:
        return [_first(config, listed, added)] if added else []
    wanted = {index: list(texts) for index, texts in pieces.items()}
    if added:
        last = len(listed.value) - 1
        wanted[last] = [*wanted.get(last, [[]]), *added]
    style = _Flow(config, listed) if listed.flow_style else _Block(config, listed)
    return style.spans(wanted)


class _Block:
    """Items behind dashes."""

    def __init__(self, config: ConfigText, listed: yaml.SequenceNode) -> None:
        self.text = config.body
        self.items: list[Node] = listed.value
        self.column = _column(self.text, listed)

    def spans(self, wanted: Mapping[int, Sequence[Piece]]) -> list[Span]:
        return [self._span(index, pieces) for index, pieces in wanted.items()]

    def _span(self, index: int, pieces: Sequence[Piece]) -> Span:
        start, end = self._lines(index)
        ends = self.text[:end].endswith("\n")
        texts = [self._one(start, end, piece) for piece in pieces]
        made = "".join(text if text.endswith("\n") else text + newline(self.text) for text in texts)
        return Span(start, end, made if ends or not made else made.removesuffix(newline(self.text)))

    def _one(self, start: int, end: int, piece: Piece) -> str:
        if isinstance(piece, Mapping):
            return _dashed(piece, " " * self.column, newline(self.text))
        inside = [Span(span.start - start, span.end - start, span.text) for span in piece]
        return apply(self.text[start:end], inside)

    def _lines(self, index: int) -> tuple[int, int]:
        """Offsets of the whole lines of an item, from its dash to its last value."""
        node = self.items[index]
        if node.start_mark.index < self.items[0].start_mark.index:
            raise UnfitError("an entry is a reference to an anchor")
        start = self.text.rfind("\n", 0, node.start_mark.index) + 1
        dash = " " * self.column + "-"
        while not self.text.startswith(dash, start):
            if start == 0:
                raise UnfitError("their dashes do not stand on lines of their own")
            start = self.text.rfind("\n", 0, start - 1) + 1
        return start, line_end(self.text, end_of(node))


class _Flow:
    """Items between brackets, on one line or several."""

    def __init__(self, config: ConfigText, listed: yaml.SequenceNode) -> None:
        self.text = config.body
        self.items: list[Node] = listed.value
        self.quoted = any(_quoted(item) for item in self.items)

    def spans(self, wanted: Mapping[int, Sequence[Piece]]) -> list[Span]:
        kept = {index: pieces for index, pieces in wanted.items() if pieces}
        gone = sorted(set(wanted) - set(kept))
        return [*(self._span(index, pieces) for index, pieces in kept.items()), *self._without(gone)]

    def _span(self, index: int, pieces: Sequence[Piece]) -> Span:
        start, end = self._place(index)
        texts = []
        for piece in pieces:
            if isinstance(piece, Mapping):
                texts.append(flow(piece, quoted=self.quoted))
            else:
                inside = [Span(span.start - start, span.end - start, span.text) for span in piece]
                texts.append(apply(self.text[start:end], inside))
        return Span(start, end, self._glue(start).join(texts))

    def _glue(self, start: int) -> str:
        """Between two items: a new line where they stand on lines of their own."""
        begin = self.text.rfind("\n", 0, start) + 1
        pad = self.text[begin:start]
        return f",{newline(self.text)}{pad}" if begin and not pad.strip() else ", "

    def _without(self, gone: Sequence[int]) -> list[Span]:
        """Items and as many commas: the one behind, else the nearest that is left before."""
        commas = {index: comma for index in range(len(self.items)) if (comma := self._comma(index)) is not None}
        found = []
        for index in gone:
            start, end = self._place(index)
            comma = commas.pop(index, None)
            if comma is not None and not self.text[end:comma].strip():
                found.append(self._line(start, comma + 1))
                continue
            found.append(Span(start, end, ""))
            if comma is None and commas:
                comma = commas.pop(max(one for one in commas if one < index), None) if min(commas) < index else None
            if comma is not None:
                found.append(Span(comma, comma + 1, ""))
        return found

    def _line(self, start: int, end: int) -> Span:
        """The whole line when nothing else is left on it, else with the blanks that follow."""
        begin, after = self.text.rfind("\n", 0, start) + 1, line_end(self.text, end)
        if not self.text[begin:start].strip() and not self.text[end:after].strip():
            return Span(begin, after, "")
        blanks = len(self.text[end:after]) - len(self.text[end:after].lstrip(" "))
        return Span(start, end + blanks, "")

    def _comma(self, index: int) -> int | None:
        found = _BETWEEN.match(self.text, self._place(index)[1])
        at = found.end() if found else 0
        return at if self.text.startswith(",", at) else None

    def _place(self, index: int) -> tuple[int, int]:
        node = self.items[index]
        start = int(node.start_mark.index)
        if start < self.items[0].start_mark.index:
            raise UnfitError("an entry is a reference to an anchor")
        return start, int(node.end_mark.index)


def _first(config: ConfigText, listed: Node | None, added: Sequence[Data]) -> Span:
    """The first entries of a list that is empty, says nothing, or is not there."""
    text, root, end = config.body, config.root, newline(config.body)
    if isinstance(root, yaml.MappingNode) and root.flow_style:
        return _first_in_flow(text, root, listed, added)
    pad = " " * _column(text, root.value[0][0]) if isinstance(root, yaml.MappingNode) and root.value else ""
    items = "".join(_dashed(data, pad, end) for data in added)
    if listed is None:
        at = line_end(text, end_of(root)) if isinstance(root, yaml.MappingNode) and root.value else _start(text, root)
        glue = "" if not text[:at] or text[:at].endswith("\n") else end
        return Span(at, at, f"{glue}{pad}model_list:{end}{items}")
    start, stop = int(listed.start_mark.index), int(listed.end_mark.index)
    if text[start + 1 : stop - 1].strip() and isinstance(listed, yaml.SequenceNode):
        return Span(start + 1, start + 1, flow(list(added))[1:-1])
    rest = line_end(text, stop)
    if not text[:rest].endswith("\n"):
        return Span(start, rest, text[stop:rest].rstrip() + end + items.removesuffix(end))
    return Span(start, rest, text[stop:rest] + items)


def _first_in_flow(text: str, root: yaml.MappingNode, listed: Node | None, added: Sequence[Data]) -> Span:
    quoted = _quoted(root)
    items = flow(list(added), quoted=quoted)
    if listed is not None:
        start, stop = int(listed.start_mark.index), int(listed.end_mark.index)
        return Span(start, stop, f" {items}" if start == stop else items)
    said = f'"model_list": {items}' if quoted else f"model_list: {items}"
    if not root.value:
        return Span(root.start_mark.index + 1, root.start_mark.index + 1, said)
    start = int(root.value[0][0].start_mark.index)
    return Span(start, start, f"{said}, ")


def _start(text: str, root: Node | None) -> int:
    """Where content of an empty document begins: behind its marker and comments."""
    if root is None:
        return len(text)
    return line_end(text, root.end_mark.index) if text[: root.end_mark.index].strip() else len(text)


def _dashed(data: Data, pad: str, end: str) -> str:
    first, *rest = block(data)
    return "".join([f"{pad}- {first}{end}", *(f"{pad}  {line}{end}" for line in rest)])


def _column(text: str, node: Node) -> int:
    start = int(node.start_mark.index)
    return start - (text.rfind("\n", 0, start) + 1)


def _quoted(node: Node) -> bool:
    return isinstance(node, yaml.MappingNode) and bool(node.value) and getattr(node.value[0][0], "style", "") == '"'
