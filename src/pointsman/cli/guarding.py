"""What ``pointsman features disable`` looks at before it writes: what goes with the feature, and who calls it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pointsman.cli.repo import warn
from pointsman.errors import ClusterError, PointsmanError

if TYPE_CHECKING:
    from pointsman.catalog.profile import Profile
    from pointsman.catalog.repository import Repository

__all__ = ["Guard"]


@dataclass(frozen=True, slots=True)
class Guard:
    """Tells what goes with groups that are turned off, and refuses while an alias points there."""

    repository: Repository
    name: str
    leave: frozenset[str]
    kubeconfig: Path | None
    context: str | None

    def look(self) -> None:
        """Before anything is written. A cluster that cannot be asked stops nothing: ``root`` looks once more."""
        from pointsman.catalog.config import read_config
        from pointsman.catalog.features import feature_named
        from pointsman.catalog.gate import FEATURES
        from pointsman.catalog.switch import switched
        from pointsman.leaving.gates import before_and_after

        config = read_config(self.repository)
        feature = feature_named(self.repository.platform, config, self.name)
        if config.switch((FEATURES, feature)) is False:
            return
        text = switched(config.source, feature, False).text
        try:
            profiles = before_and_after(self.repository, config.source, text)
            if profiles is not None:
                asyncio.run(self._refuse(*profiles))
        except ClusterError as error:
            self._unasked(error)
        except PointsmanError as error:
            if error.code in ("alias-points", "leave-unknown"):
                raise
            self._unasked(error)

    async def _refuse(self, before: Profile, after: Profile) -> None:
        from pointsman.cli.pointing import losing_of
        from pointsman.cli.repo import edge_in_git
        from pointsman.kube.client import Client, Limits
        from pointsman.kube.kubeconfig import load_access
        from pointsman.leaving.losing import refuse_losing, refuse_unmeant
        from pointsman.report.folding import write_folded
        from pointsman.report.root import loss_lines
        from pointsman.root.survey import vanishing

        root, limits = self.repository.root, Limits(connect=5.0, call=20.0, first=5.0)
        async with Client(load_access(self.kubeconfig, self.context), limits=limits) as client:
            lost = await vanishing(before, after, client)
            found, notes = await losing_of(lost, client, root, edge_in_git(root, self.repository.env))
        if lost:
            told = [line for one in lost for line in loss_lines(one.as_dict())]
            write_folded(sys.stderr, ["once this is pushed:", *told, *(f"  note: {one}" for one in notes)])
        refuse_unmeant(found, self.leave)
        refuse_losing(found, self.leave, f"pointsman features disable {self.name}")

    def _unasked(self, error: PointsmanError) -> None:
        from pointsman.catalog.telling import Told

        where = self.repository.named(self.repository.config)
        what = f"what goes with it, and whether an alias points there, is not known: {error.what}"
        warn([Told("features-unasked", where, what, "pointsman root --dry-run says it before you push")])
