"""The grid's examples on a real API server with KServe's and Argo CD's controllers: ``pointsman doctor`` tells of them
what their comments promise, or the cluster does not take them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from pointsman.checks.catalogue import CHECKS
from pointsman.checks.check import Source
from tests.checks.grid import Example, examples
from tests.checks.live.asking import (
    Taken,
    doctor,
    gone,
    in_git,
    left,
    past_webhooks,
    put,
    scaled_objects,
    settle,
    told_of,
    without_pods,
)
from tests.checks.live.outcomes import ALSO, BY_WEBHOOK, FEW, REFUSED, SERVER_SIDE
from tests.checks.live.page import Seen
from tests.checks.live.placing import ARGO, Place, Placed, placed
from tests.conftest import RunningLab

pytestmark = pytest.mark.lab

_BOTH = {one.id for one in CHECKS if one.sources == frozenset(Source)}
_LIVE = {one.id for one in CHECKS if Source.cluster in one.sources}
_GROUPS = ("PM1", "PM2", "PM3", "PM4", "PM5", "PM6", "PM8")
PLAIN, OLD, SERVER = "", "before", "server-side"
_NUMBERS = {PLAIN: 0, OLD: 400, SERVER: 800}


def _cases() -> Iterator[Any]:
    for example in examples():
        if example.id in _BOTH:
            ways = [
                PLAIN,
                *([OLD] if example.id in BY_WEBHOOK else []),
                *([SERVER] if example.id in SERVER_SIDE else []),
            ]
            for way in ways:
                few = example.id in FEW and way != OLD
                name = f"{example.path.name} {way}".strip()
                yield pytest.param(example, way, id=name, marks=() if few else pytest.mark.checks)


CASES = list(_cases())


@dataclass(slots=True)
class Ground:
    """A cluster with examples in it."""

    placed: dict[tuple[str, str], Placed] = field(default_factory=dict)
    taken: dict[tuple[str, str], Taken] = field(default_factory=dict)
    findings: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def ground(
    request: pytest.FixtureRequest, cluster: RunningLab, whole: bool, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    """All that this run asks for is there at once, and doctor is asked once."""
    asked = [one.callspec.params for one in request.session.items if getattr(one, "callspec", None)]  # type: ignore[attr-defined]
    wanted = [(one["example"], one["way"]) for one in asked if {"example", "way"} <= one.keys()]
    made = Ground()
    repository = cluster.config.remote.as_uri() if cluster.config.gitops else ""
    for number, example in enumerate(examples()):
        for way in (way for other, way in wanted if other == example):
            place = Place(_NUMBERS[way] + number if way != SERVER else _server(example), repository, before=way == OLD)
            made.placed[example.path.name, way] = placed(example, place)
    if files := {name: text for one in made.placed.values() for name, text in one.files.items()}:
        in_git(cluster, tmp_path_factory.mktemp("git"), files)
    gone(cluster)
    without_pods(cluster)
    if whole:
        scaled_objects(cluster)
        past_webhooks(cluster)
    try:
        for way in (PLAIN, OLD, SERVER):
            own = [one for (_, its), one in made.placed.items() if its == way]
            options = ["--server-side"] if way == SERVER else []
            made.taken |= {(name, way): one for name, one in put(cluster, own, *options, alone=REFUSED).items()}
        settle(cluster)
        spaces = [space for one in made.placed.values() for space in one.spaces]
        words = [word for space in [*spaces, *([ARGO] if repository else [])] for word in ("-n", space)]
        checks = [word for group in _GROUPS for word in ("--check", group)]
        found = doctor(cluster, tmp_path_factory.mktemp("state"), *words, *checks)
        assert found["notChecked"] == []
        made.findings = found["findings"]
        yield made
    finally:
        left(cluster)


def _server(example: Example) -> int:
    return _NUMBERS[SERVER] + [one.path.name for one in examples() if one.id in SERVER_SIDE].index(example.path.name)


@pytest.mark.parametrize(("example", "way"), CASES)
def test_of_what_is_there_is_told_what_the_example_promises(
    example: Example, way: str, ground: Ground, seen: defaultdict[str, Seen]
) -> None:
    name = example.path.name
    here, taken = ground.placed[name, way], ground.taken[name, way]
    refused = "" if way == OLD and example.id in BY_WEBHOOK else REFUSED.get(name, "")
    row = seen[example.id]
    row.how = "applied"
    cells = row.failing if example.fails else row.clean
    told = told_of(ground.findings, here)
    ids = {example.id, *(one for one, _ in here.expected)}
    own = {one for one in told if one[0] in ids}
    cells.append(_cell(ground, here, taken, own, way))
    assert refused in taken.words
    assert bool(taken.words) == bool(refused), taken.words
    also = {
        (check, f"{kind} {here.spaces[0]}/{bare}")
        for check, said in ALSO.get(name, ())
        for kind, bare in [said.split()]
    }
    wanted = {(check, what) for check, what in here.expected if what in taken.objects and check in _LIVE}
    assert own == wanted | (also if way != OLD else set())
    assert {what for _, what in told} <= here.names, "told of what controllers made, as if people had"


def _cell(ground: Ground, here: Placed, taken: Taken, own: set[tuple[str, str]], way: str) -> str:
    """What stands in the page."""
    how = {PLAIN: "", OLD: "from before: ", SERVER: "with --server-side: "}[way]
    words = [f"refused: {taken.words}"] if taken.words else []
    what = next((one["what"] for one in ground.findings if (one["id"], one["object"]) in own), "")
    words += [f"told: {what or sorted(own)[0][1]}"] if own else ["silent"] if not taken.words else []
    return how + "; ".join(words)


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_refused_is_an_example_of_the_grid(name: str) -> None:
    assert name in {one.path.name for one in examples()}
