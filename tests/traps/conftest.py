"""The trap of each test, and the table of those that were met."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.conftest import RunningLab, brought_up
from tests.gitops.ground import Ground
from tests.gitops.repository import clone
from tests.traps.gateway import Edge, Space, space_of
from tests.traps.layers import Layers
from tests.traps.table import Row, write_table
from tests.traps.trap import Trap

PAGE = Path(__file__).parents[2] / "docs/traps.md"
_PASSED = pytest.StashKey[bool]()


@pytest.fixture
def trap(request: pytest.FixtureRequest, tmp_path: Path, trapped: list[Row]) -> Iterator[Trap]:
    """The one that the test's mark names, in the lab that it asks for (``own_lab``, ``git_lab``, or else ``lab``)."""
    fact, *checks = request.node.get_closest_marker("bites").args
    names = request.fixturenames
    lab = request.getfixturevalue(next((one for one in ("own_lab", "git_lab") if one in names), "lab"))
    made = Trap(fact, tuple(checks), lab, tmp_path / "state")
    if "ground" in names:
        made.called[request.getfixturevalue("ground").name] = "app"
    yield made
    passed = request.node.stash.get(_PASSED, False)
    trapped.append(Row.of(made, passed))
    if passed:
        assert made.happened, "the trap was not seen to bite"
        assert made.missed() == [], "told of neither the trap nor a sound one"


@pytest.fixture
def ground(git_lab: RunningLab, tmp_path: Path) -> Iterator[Ground]:
    """For traps of Argo CD: a name and a branch of git that no other run in this lab has."""
    name = f"t{secrets.token_hex(3)}"
    made = Ground(git_lab, clone(git_lab, tmp_path / "clone", name), name, tmp_path / "state")
    try:
        yield made
    finally:
        made.leave()


@pytest.fixture(scope="module")
def own_lab() -> Iterator[RunningLab]:
    """A lab for those tests alone that take away what all others stand on; ``POINTSMAN_TEST_OWN_LAB`` names one."""
    state = Path(tempfile.mkdtemp(prefix="pointsman-"))
    try:
        with brought_up(state, "POINTSMAN_TEST_OWN_LAB") as found:
            yield found
    finally:
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def trapped(request: pytest.FixtureRequest) -> Iterator[list[Row]]:
    """Every trap that was met; written into docs/traps.md at the end when all were asked for."""
    rows: list[Row] = []
    yield rows
    if request.config.getoption("--traps") == "all":
        write_table(PAGE, rows)


@pytest.fixture(scope="session")
def space(lab: RunningLab) -> Iterator[Space]:
    """A namespace with engines for all edges: two that are alike, one that fails, one that asks for a key."""
    with space_of(lab, "alpha", "beta", "bad", "keyed") as made:
        yield made


@pytest.fixture
def edge(space: Space, tmp_path: Path) -> Iterator[Edge]:
    """A test's own LiteLLM before those engines; nothing runs until it is applied."""
    made = Edge(space, f"edge-{secrets.token_hex(3)}", tmp_path)
    yield made
    made.gone()


@pytest.fixture
def layers(edge: Edge) -> Iterator[Layers]:
    """A test's own model on two layers; nothing runs until it is applied."""
    made = Layers(edge)
    yield made
    made.gone()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.when == "call":
        item.stash[_PASSED] = report.passed
    return report
