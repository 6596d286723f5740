"""What is read quickly is what PyYAML's own constructor reads."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pointsman.edge.config_data import Loader, plain_data

FAILURES = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError)

TEXTS = (
    "",
    "a: [1, 2.5, 0x1f, 010, 1:30, 12e3, .inf, ~, yes, No, on, null, '', 'no', \"1\"]",
    "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}",
    "<<: {a: 1}\nb: 2",
    "<<: [{a: 1}, {a: 2, c: 3}]\na: 4",
    "a: 1\na: 2",
    "1: a\ntrue: b\n~: c\n2001-01-01: d\n1.5: e",
    "? [a, b]\n: c",
    "? {a: b}\n: c",
    "d: 2001-12-14t21:59:43.10-05:00\ne: 2001-01-01",
    "a: !!set {x, y}\nb: !!omap [x: 1]\nc: !!pairs [x: 1]\nd: !!binary aGk=",
    "a: !!str 1\nb: !!int '3'\nc: !!float 1\nd: !!map {}\ne: !!seq []",
    "!!str a: 1\n!!int '3': b",
    "a: !!python/object:os.system x",
    "a: !!int x",
    "a: !!bool maybe",
    "a: !unknown x",
    "=: a\nb: =",
    "- - - a\n- b: [c: d]",
    "a: |\n  text\n  more\nb: >-\n  folded\n  text",
)


def read(text: str, quickly: bool) -> Any:
    """The data, or the kind of error."""
    loader = Loader(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return None
        return plain_data(loader, root) if quickly else yaml.load(text, Loader=yaml.SafeLoader)
    except FAILURES as error:
        return type(error)


@pytest.mark.parametrize("text", TEXTS)
def test_odd_documents_are_read_as_pyyaml_reads_them(text: str) -> None:
    quick, slow = read(text, quickly=True), read(text, quickly=False)
    assert repr(quick) == repr(slow)


scalars = st.one_of(st.text(max_size=12), st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4)
)


@given(values)
def test_whatever_is_dumped_is_read_as_pyyaml_reads_it(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert repr(read(text, quickly=True)) == repr(read(text, quickly=False))


@given(st.text(alphabet="ab01:-[]{},&*! ~'\n#<", max_size=40))
def test_whatever_can_be_read_at_all_is_read_as_libyaml_reads_it(text: str) -> None:
    try:
        expected = yaml.load(text, Loader=yaml.CSafeLoader)
    except FAILURES as error:
        expected = type(error)
    assert repr(read(text, quickly=True)) == repr(expected)
