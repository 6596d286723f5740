"""Every sentence about a wrong value is ours: in words, short, and without the validation library's."""

from __future__ import annotations

import copy
import math
import re
from typing import Any

import pytest
import yaml

from pointsman.spec.block import Block
from pointsman.spec.checks import contradictions
from pointsman.spec.document import read_document
from pointsman.spec.judging import judge
from pointsman.spec.model import Model
from pointsman.spec.problems import Problem
from tests.docs.test_model_page import every_place
from tests.spec.text import TEXT

EXAMPLE = read_document(TEXT).data
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
WRONG: tuple[Any, ...] = (
    *("", " ", "text", "x" * 50, "x" * 5000, "ü\n", "-", "../up", "none", "1", "*"),
    *(0, 7, -1, 10**40, True, 0.5, 1e300, math.inf, math.nan, None),
    *([], [1], [None], [[]], ["a", "a"], ["x" * 5000], {}, {"x": 1}, {"x": None}, {"": ""}, {"A": {}}, {"1": "2"}),
)
FOREIGN = re.compile(
    r"(?i)input should|should be|valid (string|integer|number|boolean|list|dictionary|tuple)|pydantic|instance|validat"
    r"|\b(decimal|dict|tuple|str|nonetype|none type|bool|literal|pattern|finite_number|ctx|iterable|unicode)\b"
    r"|docs/model|greater|\bmatching\b|\^\[|\[A-Z|\\d|\(\?|<class|function"
)
CLASSES = re.compile(
    r"\b(" + "|".join({one.__name__ for one in Block.__subclasses__()} - {"Model"}) + r"|None|True|False)\b"
)


def with_value(place: str, value: Any) -> str:
    """The example with a value at a place, as a file would have it."""
    data = copy.deepcopy(EXAMPLE)
    *above, last = place.replace("[]", ".0").split(".")
    inside = data
    for part in above:
        inside = inside[0] if part == "0" else inside.setdefault(part, [{}] if part == "tolerations" else {})
    inside[last] = value
    return str(yaml.dump(data, Dumper=DUMPER))


def said(text: str) -> tuple[Problem, ...]:
    """What is wrong with a text."""
    document = read_document(text)
    judged = document.problems or judge(document)
    if isinstance(judged, Model):
        return tuple(Problem(document.line(one.place), one.what, one.next_action) for one in contradictions(judged))
    return judged


@pytest.mark.parametrize("place", every_place())
def test_a_wrong_value_is_told_in_our_words(place: str) -> None:
    refused = 0
    for value in WRONG:
        text = with_value(place, value)
        for problem in said(text):
            sentence = f"{problem.what}; {problem.next_action}"
            told = re.sub(r"'[^']*'|\b(spec|metadata)\.\S+", "", sentence)
            assert not FOREIGN.search(told), (value, sentence)
            assert not CLASSES.search(told), (value, sentence)
            assert sentence.isprintable()
            assert 10 < len(sentence) < 600, (value, sentence)
            assert 1 <= problem.line <= text.count("\n")
            refused += 1
    assert refused
