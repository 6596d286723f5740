"""The ground of each test, and the table of the traps that were met.

A row counts the commits that the test did not make itself; one that nobody explains fails the test too.
"""

from __future__ import annotations

import secrets
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningLab
from tests.gitops.commits import foreign, tally
from tests.gitops.ground import Ground
from tests.gitops.repository import clone
from tests.gitops.table import Row, write_table
from tests.gitops.trapped import Trap

PAGE = Path(__file__).parents[2] / "docs/gitops-faults.md"
_PASSED = pytest.StashKey[bool]()


@pytest.fixture
def ground(git_lab: RunningLab, tmp_path: Path, request: pytest.FixtureRequest, met: list[Row]) -> Iterator[Ground]:
    """A name and a branch that no other run in this lab has; what was made under it goes at the end."""
    name = f"t{secrets.token_hex(3)}"
    made = Ground(git_lab, clone(git_lab, tmp_path / "clone", name), name, tmp_path / "state")
    try:
        yield made
    finally:
        counted = tally(foreign(made.here), ())
        if marked := request.node.get_closest_marker("trap"):
            met.append(Row.of(made, marked.args[0], counted, request.node.stash.get(_PASSED, False)))
        made.leave()
    assert counted.clean, counted.odd


@pytest.fixture
def trap(request: pytest.FixtureRequest, met: list[Row]) -> Iterator[Trap]:
    """A trap of commits, on the platform that the test's module brings up."""
    made = Trap(request.getfixturevalue("platform"))
    yield made
    name = request.node.get_closest_marker("trap").args[0]
    met.append(made.row(name, request.node.stash.get(_PASSED, False)))
    made.leave()
    assert met[-1].tally.clean, met[-1].tally.odd


@pytest.fixture(scope="session")
def met(request: pytest.FixtureRequest) -> Iterator[list[Row]]:
    """Every trap that was met; written into docs/gitops-faults.md at the end when that is asked for."""
    rows: list[Row] = []
    yield rows
    if request.config.getoption("--gitops-faults"):
        write_table(PAGE, rows)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    return report
