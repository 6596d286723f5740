"""``sync`` against an Argo CD in memory, over HTTP: the plain way, and each trap that tools before us fell into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.delivery.ground import NEW, OLD, Ground, deployment, ground, tracked
from tests.world.argo import App, application
from tests.world.virtual import run_virtually


async def plain(made: Ground, **spec: Any) -> App:
    """A manual Application that runs an older commit, and its Deployment."""
    await made.cluster.create(deployment())
    app = App([NEW], applied=[OLD], resources=[tracked(deployment())])
    await made.argo.add(application(**spec), app)
    return app


def test_a_manual_application_is_synced_to_what_was_compared(tmp_path: Path) -> None:
    async def story() -> None:
        async with ground(tmp_path) as made:
            app = await plain(made, syncPolicy={"syncOptions": ["RespectIgnoreDifferences=true"]})
            result = await made.synced()
            assert result.error is None, result.error
            assert (result.state, result.revisions, app.synced) == ("synced", (NEW,), 1)
            (operation,) = made.operations
            assert operation == {
                "info": [{"name": "pointsman", "value": result.operation}],
                "initiatedBy": {"username": "pointsman"},
                "sync": {
                    "revision": NEW,
                    "syncStrategy": {"hook": {}},
                    "syncOptions": ["RespectIgnoreDifferences=true"],
                },
            }
            assert [one.ready for one in result.workloads] == [True]

    run_virtually(story())
