"""What a run saw of each check, and the lab it was seen in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checks.live.page import Seen, kept, write_page
from tests.checks.live.states import QUICK, SLOW, states_in
from tests.conftest import RunningLab

PAGE = Path(__file__).parents[3] / "docs/checks-in-a-cluster.md"


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Is every check asked, in a lab that may be broken?"""
    return bool(request.config.getoption("--checks") == "all")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest, whole: bool) -> RunningLab:
    """The shared lab; one with Argo CD where everything is asked."""
    found: RunningLab = request.getfixturevalue("git_lab" if whole else "lab")
    return found


@pytest.fixture(scope="session")
def seen(whole: bool) -> Iterator[defaultdict[str, Seen]]:
    """By id; the page is written of it at the end, where everything may be asked; a run may be done in parts."""
    rows: defaultdict[str, Seen] = defaultdict(Seen)
    yield rows
    if whole:
        found = kept(PAGE.parents[1] / "build/checks.json", rows)
        for state in (one for path in (QUICK, SLOW) for one in states_in(path) if one.how and one.check in found):
            found[state.check].how = state.how
        write_page(PAGE, found)
