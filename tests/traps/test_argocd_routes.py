"""Routes that the API server completes, and what Argo CD makes of that: on the real one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.gitops.ground import Ground, until
from tests.traps.delivered import committed, compared, resynced
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab
BY_SERVER = {"syncOptions": ["CreateNamespace=true", "ServerSideApply=true"]}
BY_CLIENT = {"syncOptions": ["CreateNamespace=true"]}
BY_DIFF = {"annotations": {"argocd.argoproj.io/compare-options": "ServerSideDiff=true"}}
PARENT: dict[str, Any] = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "nobodys"}
BACKEND: dict[str, Any] = {"group": "", "kind": "Service", "name": "raw", "port": 8000, "weight": 1}
MATCH: dict[str, Any] = {"path": {"type": "PathPrefix", "value": "/"}}


def route(name: str, parent: dict[str, Any] = PARENT, backend: dict[str, Any] = BACKEND, **rule: Any) -> str:
    said = {"backendRefs": [backend], "matches": [MATCH]} | rule
    spec = {"parentRefs": [parent], "rules": [{key: value for key, value in said.items() if value}]}
    made = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": name}}
    return json.dumps({**made, "spec": spec})


def without(given: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != key}


WHOLE = {"whole": route("whole")}
SHORT = {
    "group": route("group", backend=without(BACKEND, "group")),
    "kind": route("kind", backend=without(BACKEND, "kind")),
    "weight": route("weight", backend=without(BACKEND, "weight")),
    "parent": route("parent", parent={"name": "nobodys"}),
    "matches": route("matches", matches=None),
    "path": route("path", matches=[{"headers": [{"type": "Exact", "name": "X-Model", "value": "qwen"}]}]),
    "type": route("type", matches=[{"path": {"value": "/v1"}}]),
    "header": route("header", matches=[MATCH | {"headers": [{"name": "X-Model", "value": "qwen"}]}]),
}
"""By what each leaves out."""


@pytest.mark.bites("a route leaves out what has a default, and is applied by the server: OutOfSync for ever", "PM408")
def test_a_route_that_the_api_server_completes_is_never_in_sync(trap: Trap, ground: Ground) -> None:
    by_server = ground.application(syncPolicy=BY_SERVER)
    committed(ground, {f"{name}.yaml": text for name, text in (WHOLE | SHORT).items()}, by_server)
    assert {one["object"].rpartition("/")[2] for one in trap.lint(ground.here.path)} == set(SHORT)
    ground.applied(by_server)
    assert differing(ground, BY_SERVER) == set(SHORT)
    trap.bit(f"after a sync that Succeeded these read OutOfSync, each without one part: {', '.join(SHORT)}")

    for how, metadata in ((BY_SERVER, BY_DIFF), (BY_CLIENT, {})):
        other = ground.application(syncPolicy=how, metadata=metadata)
        ground.lab.kubectl("delete", "application", ground.name, "--namespace=argocd")
        ground.lab.kubectl("delete", "httproutes", "--all", f"--namespace={ground.name}")
        committed(ground, {}, other, message="Otherwise")
        trap.sound(ground.here.path)
        ground.applied(other)
        assert differing(ground, how) == set()


def differing(ground: Ground, how: dict[str, list[str]]) -> set[str]:
    """Routes that read OutOfSync when they were compared twice more after a sync that succeeded."""
    compared(ground)
    resynced(ground, how)
    until(lambda: ground.live("httproute", "header")["spec"]["rules"][0]["backendRefs"][0].get("kind"))
    ground.refresh()
    ground.refresh("", "hard")
    return {one["name"] for one in ground.status()["resources"] if one["status"] != "Synced"}
