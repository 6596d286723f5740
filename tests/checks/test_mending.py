"""What findings say that can be mended is mended by their edits: the finding is gone, and nothing bad came."""

from __future__ import annotations

import pytest

from pointsman.adopt.adopted import adopt
from pointsman.adopt.mending import mend
from pointsman.adopt.tree import Tree
from pointsman.checks.catalogue import CHECKS
from pointsman.checks.check import Level
from pointsman.checks.finding import Finding
from pointsman.checks.running import run
from pointsman.checks.view import View
from tests.checks.grid import Example, examples

FIXABLE = {one.id: one for one in CHECKS if one.fixable}
FAILING = [one for one in examples() if one.fails and one.id in FIXABLE]


def _found(tree: Tree) -> list[Finding]:
    return run(View(adopt(tree)), CHECKS).findings


@pytest.mark.parametrize("example", FAILING, ids=lambda one: one.id)
def test_edits_of_a_finding_mend_it_and_bring_nothing_worse(example: Example) -> None:
    tree = Tree(example.path)
    before = _found(tree)
    own = [one for one in before if one.check.id == example.id and one.told.fixes]
    assert own, "it says that it can be mended, and its example shows nothing of the kind"
    mended = mend(tree, [one.mendable() for one in own])
    assert not mended.refused
    after = {(one.check.id, one.what) for one in _found(mended.tree) if one.level is not Level.info}
    assert after <= {(one.check.id, one.what) for one in before}
    gone = {(one.check.id, one.what) for one in own}
    assert gone & {(one.check.id, one.what) for one in _found(mended.tree)} == set()
