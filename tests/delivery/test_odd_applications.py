"""Whatever stands in an Application or a project: everything that decides answers, or says why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointsman.delivery.argocd import reservations, verdict
from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.applicationsets import named_by
from pointsman.delivery.argocd.operation import asked
from pointsman.delivery.argocd.revision import chosen
from pointsman.delivery.argocd.standing import standing
from pointsman.delivery.argocd.windows import lets_through, windows_of
from pointsman.errors import PointsmanError
from tests.delivery.ground import NEW, OLD
from tests.world.argo import application

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
RULE = {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"], "jqPathExpressions": [".a[0]"]}
POLICY = {"automated": {"enabled": False}, "syncOptions": ["RespectIgnoreDifferences=true"]}
OPERATION = {
    "info": [{"name": "pointsman", "value": "id"}],
    "initiatedBy": {"username": "a"},
    "sync": {"revision": NEW},
}
STATE = {
    "operation": {**OPERATION, "retry": {"backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}}},
    "phase": "Running",
    "message": "m",
    "retryCount": 1,
    "startedAt": "2026-07-01T11:00:00Z",
    "finishedAt": "2026-07-01T11:01:00Z",
    "syncResult": {"revision": NEW, "resources": [{"kind": "Service", "name": "x", "status": "SyncFailed"}]},
}
STATUS = {
    "reconciledAt": "2026-07-01T11:00:00Z",
    "sync": {"status": "OutOfSync", "revision": NEW},
    "health": {"status": "Healthy"},
    "history": [{"id": 1, "revision": OLD}],
    "conditions": [{"type": "SyncError", "message": "m"}],
    "resources": [{"group": "apps", "kind": "Deployment", "namespace": "serving", "name": "x", "status": "Synced"}],
    "operationState": STATE,
}
WINDOW = {"kind": "deny", "schedule": "0 12 * * *", "duration": "1h", "applications": ["*"], "timeZone": "UTC"}
WHOLE = {
    "app": {**application(ignoreDifferences=[RULE], syncPolicy=POLICY), "operation": OPERATION, "status": STATUS},
    "project": {"spec": {"syncWindows": [WINDOW]}},
    "set": {"metadata": {"name": "s"}, "spec": {"template": {"metadata": {"name": "group-{{.name}}"}}}},
}
ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(found: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to everything below; names and namespaces of objects are the API server's to check."""
    items = found.items() if isinstance(found, dict) else enumerate(found) if isinstance(found, list) else ()
    for key, value in items:
        if key not in ("metadata", "apiVersion") or (above[:1] == ("set",) and key != "metadata"):
            yield (*above, key)
            yield from places(value, (*above, key))


def everything(found: dict[str, Any]) -> None:
    """Whatever decides something."""
    app = Application(found["app"])
    for one in (app.automated, app.sources, app.compared, app.delivered, app.out_of_sync, app.unable, app.skipped):
        assert one is not None
    stands = standing(app, NOW)
    assert stands.sentence
    assert verdict.progress(app, OPERATION, "id", NOW).sentence
    verdict.behind(app, NOW)
    verdict.workloads_of(app)
    list(reservations.leftovers(app))
    windows = windows_of(found["project"], app, NOW)
    lets_through(windows)
    named_by([found["set"]], "group-x")
    with suppress(PointsmanError):
        reservations.refuse_uncompared(app)
        reservations.notes(app)
        asked(app, chosen(app, NEW), "id", prune=True)


@given(st.sampled_from([one for one in places(WHOLE) if len(one) > 1]), ODD)
def test_whatever_stands_somewhere_is_no_bug_of_ours(place: tuple[Any, ...], odd: Any) -> None:
    found = json.loads(json.dumps(WHOLE))
    inner = found
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = odd
    everything(found)
