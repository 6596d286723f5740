"""Sync windows, by Argo CD's own rules: when one is open, whom it concerns, what several let through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.windows import lets_through, windows_of
from tests.world.argo import application

NOW = datetime(2026, 7, 1, 12, 30, 20, tzinfo=UTC)
"""A Wednesday in summer."""


def of(*windows: dict[str, Any], now: datetime = NOW) -> Any:
    project = {"spec": {"syncWindows": [{"kind": "allow", "applications": ["*"], **one} for one in windows]}}
    return windows_of(project, Application(application()), now)


@pytest.mark.parametrize(
    ("schedule", "duration", "zone", "active"),
    [
        ("0 12 * * *", "1h", "", True),
        ("0 12 * * *", "30m", "", False),
        ("0 12 * * *", "31m", "", True),
        ("30 12 * * *", "1m", "", True),
        ("31 12 * * *", "24h", "", True),
        ("31 12 * * *", "1h", "", False),
        ("0 14 * * *", "1h", "Europe/Berlin", True),
        ("0 12 * * *", "1h", "Europe/Berlin", False),
        ("0 12 * * wed", "1h", "", True),
        ("0 12 * * 1-2", "1h", "", False),
        ("0 12 1 * 1", "1h", "", True),
        ("0 12 2 * 3", "1h", "", True),
        ("0 12 2 * 1", "1h", "", False),
        ("0 12 2 * *", "1h", "", False),
        ("0 12 */1 jul 3", "1h", "", True),
        ("*/15 * * * *", "5m", "", True),
        ("0 8-12/2 * * *", "1h", "", True),
        ("0 12 * 1,7 *", "1h", "", True),
        ("0 17 * * 5", "60h", "", False),
        ("@midnight", "24h", "", None),
        ("0 12 * *", "1h", "", None),
        ("0 25 * * *", "1h", "", None),
        ("0 12 * * *", "a while", "", None),
        ("0 12 * * *", "1h", "Nowhere/City", None),
        ("0 12 * * *", "9000h", "", None),
        ("*/0 * * * *", "1h", "", None),
    ],
)
def test_when_a_window_is_open(schedule: str, duration: str, zone: str, active: bool | None) -> None:
    (found,) = of({"schedule": schedule, "duration": duration, "timeZone": zone})
    assert found.active is active


OPEN, SHUT, ODD = ({"schedule": schedule, "duration": "1h"} for schedule in ("0 12 * * *", "0 20 * * *", "@hourly"))
DENY, MANUAL = {"kind": "deny"}, {"manualSync": True}


@pytest.mark.parametrize(
    ("windows", "through"),
    [
        ([], True),
        ([OPEN], True),
        ([SHUT], False),
        ([SHUT | MANUAL], True),
        ([SHUT | MANUAL, SHUT], False),
        ([SHUT, OPEN], True),
        ([OPEN | DENY], False),
        ([OPEN | DENY | MANUAL], True),
        ([OPEN | DENY | MANUAL, OPEN | DENY], False),
        ([OPEN | DENY, OPEN], False),
        ([SHUT | DENY], True),
        ([ODD], None),
        ([ODD | MANUAL], True),
        ([ODD | DENY], None),
        ([ODD | DENY, OPEN | DENY], False),
        ([ODD] * 7, None),
    ],
)
def test_what_several_windows_let_through(windows: list[dict[str, Any]], through: bool | None) -> None:
    assert lets_through(of(*windows)) is through


@pytest.mark.parametrize(
    ("concerns", "expected"),
    [
        ({"applications": ["raw-*"]}, True),
        ({"applications": ["kserve"]}, False),
        ({"applications": None, "namespaces": ["serv*"]}, True),
        ({"applications": ["kserve"], "clusters": ["https://kubernetes.default.svc"]}, True),
        ({"applications": ["kserve"], "namespaces": ["serving"], "andOperator": True}, False),
        ({"applications": ["raw-vllm"], "namespaces": ["serving"], "andOperator": True}, True),
        ({"applications": None}, False),
    ],
)
def test_whom_a_window_concerns(concerns: dict[str, Any], expected: bool) -> None:
    assert bool(of({**OPEN, **concerns})) is expected
