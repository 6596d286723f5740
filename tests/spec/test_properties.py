from __future__ import annotations

import re
import string
import tempfile
from pathlib import Path

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from pointsman.errors import SpecError
from pointsman.spec.judging import nearest
from pointsman.spec.words import amount
from tests.spec.text import TEXT, line_of, loaded, problems

_FIELD = re.compile(r"^(?P<indent> *)(?P<name>[a-zA-Z][-a-zA-Z]{4,}):", re.MULTILINE)
_FIELDS = list(_FIELD.finditer(TEXT))


def _refusal(text: str) -> SpecError | None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            loaded(Path(folder), text)
        except SpecError as error:
            return error
    return None


@st.composite
def typos(draw: st.DrawFn) -> tuple[str, str, int]:
    """A field of the example, and the same word with one letter more, less or other."""
    match = draw(st.sampled_from(_FIELDS))
    name = match["name"]
    at = draw(st.integers(1, len(name) - 1))
    letter = draw(st.sampled_from(string.ascii_lowercase))
    wrong = draw(
        st.sampled_from(
            [name[:at] + letter + name[at:], name[:at] + name[at + 1 :], name[:at] + letter + name[at + 1 :]]
        )
    )
    assume(wrong not in {each["name"] for each in _FIELDS})
    text = TEXT[: match.start("name")] + wrong + TEXT[match.end("name") :]
    return name, text, TEXT[: match.start()].count("\n") + 1


@settings(max_examples=150, deadline=None)
@given(typos())
@example(("layers", TEXT.replace("  layers:", "  layera:"), line_of(TEXT, "  layers:")))
def test_a_mistyped_field_is_named_on_its_line_with_the_field_that_was_meant(typo: tuple[str, str, int]) -> None:
    name, text, line = typo
    with tempfile.TemporaryDirectory() as folder:
        found = [each for each in problems(Path(folder), text) if each.code == "spec-unknown-field"]
    assert [each.line for each in found] == [line]
    assert f"{name!r}" in found[0].next_action


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
@example("a: 2020-99-99")
@example("? ")
@example("a: !!int x")
@example("!!set {a}")
@example("%YAML 9.9\n---\na")
@example("a: !!timestamp x")
@example("\ud800".encode("utf-8", "replace").decode())
def test_no_text_at_all_makes_the_loader_fail_with_anything_but_a_spec_error(text: str) -> None:
    error = _refusal(text)
    assert error is not None
    assert error.what
    assert error.next_action


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.characters(codec="utf-8"))
def test_one_changed_character_of_the_example_either_loads_or_says_where_it_is_wrong(at: int, letter: str) -> None:
    text = TEXT[:at] + letter + TEXT[at + 1 :]
    error = _refusal(text)
    assert error is None or re.search(r"model\.yaml:\d+", str(error))


@given(st.text(max_size=12), st.lists(st.text(min_size=1, max_size=12), max_size=6))
def test_the_nearest_word_is_always_one_of_the_known(word: str, known: list[str]) -> None:
    assert nearest(word, known) in [None, *known]


@given(st.integers(1, 10**9), st.sampled_from(["", "m", "k", "Ki", "Mi", "Gi"]))
def test_a_quantity_grows_with_its_number(number: int, unit: str) -> None:
    assert amount(f"{number}{unit}") < amount(f"{number + 1}{unit}")
