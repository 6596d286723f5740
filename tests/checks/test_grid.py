"""Each check finds what its failing example promises, in that line, and nothing in its clean one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from pointsman.checks.catalogue import CHECKS, GROUPS, RETIRED
from pointsman.checks.check import Check, Source
from pointsman.checks.repository import lint
from pointsman.checks.view import View
from tests.checks.grid import GRID, Example, examples

EXAMPLES = examples()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.path.name)
def test_an_example_is_found_where_its_comments_say_and_nowhere_else(example: Example) -> None:
    made = example.found()
    assert not made.broken
    assert {(one.check.id, one.where) for one in made.counted} == example.expected()
    assert bool({one for one, _ in example.expected()} & {example.id}) == example.fails


@pytest.mark.parametrize("check", CHECKS, ids=lambda one: one.id)
def test_each_check_has_a_failing_and_a_clean_example(check: Check) -> None:
    kinds = {example.fails for example in EXAMPLES if example.id == check.id}
    assert kinds == {True, False}


def test_ids_are_unique_grouped_and_never_those_of_retired_checks() -> None:
    counts = Counter(one.id for one in CHECKS) + Counter(one.name for one in CHECKS)
    assert [one for one, count in counts.items() if count > 1] == []
    assert [one.id for one in CHECKS if not re.fullmatch("PM[1-9][0-9]{2}", one.id)] == []
    assert [one.id for one in CHECKS if int(one.id[2]) not in GROUPS] == []
    assert {one.id for one in CHECKS} & RETIRED.keys() == set()
    assert [one.id for one in CHECKS] == sorted(one.id for one in CHECKS)


def test_what_a_check_declares_to_read_is_what_it_reads() -> None:
    """Over all examples together: no part is read that is not declared, and each that is declared is read somewhere."""
    read: defaultdict[str, set[str]] = defaultdict(set)
    for example in EXAMPLES:
        source = Source.cluster if example.live else Source.files
        adopted = example.examined().adopted if example.live else lint(example.path)[0]
        for check in CHECKS:
            if source not in check.sources:
                continue
            view = View(adopted, source)
            list(check.run(view))
            read[check.id] |= view.read
    wrong = {
        check.id: (sorted(check.reads), sorted(read[check.id]))
        for check in CHECKS
        if read[check.id] != check.reads - {"comments"}
    }
    assert wrong == {}


def test_sentences_are_as_all_others() -> None:
    for check in CHECKS:
        for text in (check.cause, check.remedy, check.fact):
            assert text, check.id
            assert not text.endswith("."), check.id
        assert check.remedy[0].islower(), check.id
        assert len(check.cause) <= 160, check.id


def test_the_grid_has_no_example_of_a_check_that_is_not_there() -> None:
    known = {one.id for one in CHECKS}
    assert [path.name for path in Path(GRID).iterdir() if path.name.partition(".")[0] not in known] == []
