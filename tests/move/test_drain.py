"""When an engine counts as idle."""

from __future__ import annotations

import pytest

from pointsman.move.drain import READINGS, Watch
from pointsman.move.probes.counters import Counters, Reading, parse

IDLE = Counters(running=0, waiting=0, finished={"stop": 5}, answered={"2xx": 5})


def reading(counters: Counters | None) -> Reading:
    return Reading("pod", "serve", counters, "" if counters else "no answer")


def test_several_quiet_readings_in_a_row_are_needed() -> None:
    watch = Watch()
    for _ in range(READINGS - 1):
        assert watch.look([reading(IDLE)])
        assert not watch.drained
    watch.look([reading(IDLE)])
    assert watch.drained


@pytest.mark.parametrize(
    "busy",
    [
        None,
        Counters(None, 0, {}, {}),
        Counters(0, None, {}, {}),
        Counters(1, 0, {"stop": 5}, {"2xx": 5}),
        Counters(0, 2, {"stop": 5}, {"2xx": 5}),
        Counters(0, 0, {"stop": 6}, {"2xx": 6}),
    ],
)
def test_anything_else_starts_the_count_again(busy: Counters | None) -> None:
    watch = Watch()
    for _ in range(READINGS - 1):
        watch.look([reading(IDLE)])
    assert not watch.look([reading(busy)])
    assert watch.quiet == 0
    assert watch.why != "idle"


def test_the_last_numbers_of_a_pod_that_died_are_kept() -> None:
    watch = Watch()
    watch.look([reading(IDLE)])
    watch.look([])
    assert watch.last == {"pod": IDLE}


def test_health_checks_are_not_taken_for_tenants() -> None:
    counters = parse(
        'http_requests_total{handler="/health",method="GET",status="2xx"} 90\n'
        'http_requests_total{handler="/v1/chat/completions",method="POST",status="2xx"} 3\n'
        'http_requests_total{handler="/v1/completions",method="POST",status="503"} 1\n'
    )
    assert counters.answered == {"2xx": 3, "5xx": 1}
    assert counters.running is None
