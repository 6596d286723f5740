"""Who wrote a field last, and what Argo CD says of it: told to a person when a change did not last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from pointsman.errors import ClusterError
from pointsman.kube.resources import Kind, Ref, kind_of
from pointsman.owners.argo import LABEL, names_on, title
from pointsman.owners.contract import Object
from pointsman.owners.fields import Path, has
from pointsman.owners.marks import spec_of

__all__ = ["last_writer", "said_of_writer"]


class Reader(Protocol):
    """The call that is made."""

    async def list(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None, fields: str = ""
    ) -> Iterable[Object]:
        """All objects of a kind."""


def last_writer(live: Object, paths: Iterable[Path], ours: str) -> str:
    """The field manager other than ours that wrote one of the fields last, else the object; empty: it is not told."""
    entries = [one for one in live["metadata"].get("managedFields") or [] if isinstance(one, Mapping)]
    others = [one for one in entries if one.get("manager") != ours and one.get("subresource") != "status"]
    wanted = [tuple(f"f:{part}" for part in path) for path in paths]
    owning = [one for one in others if any(has(one.get("fieldsV1"), path) for path in wanted)]
    found = sorted(owning or others, key=lambda one: str(one.get("time") or ""))
    return f"{found[-1].get('manager')} at {found[-1].get('time')}" if found else ""


async def said_of_writer(cluster: Reader, ref: Ref, live: Object, paths: Iterable[Path], ours: str) -> str:
    """In words: the field's last writer, and each Application that the object names, with who began its last sync."""
    said = [last_writer(live, paths, ours)]
    for name in sorted(names_on(live, ref, LABEL)):
        try:
            apps = await cluster.list(kind_of("Application"), None, None, f"metadata.name={name}")
        except ClusterError:
            continue
        said += [_of_application(app) for app in apps if app["metadata"]["name"] == name]
    return "; ".join(filter(None, said)) or "nobody says who"


def _of_application(app: Object) -> str:
    automated: Any = (spec_of(app).get("syncPolicy") or {}).get("automated")
    how = "manual" if automated is None else "automated with selfHeal" if automated.get("selfHeal") else "automated"
    state = (app.get("status") or {}).get("operationState") or {}
    by = (state.get("operation") or {}).get("initiatedBy") or {}
    who = "Argo CD itself" if by.get("automated") else str(by.get("username") or "somebody")
    begun = f", last synced by {who} at {state['startedAt']}" if state.get("startedAt") else ""
    return f"{title(app)} is {how}{begun}"
