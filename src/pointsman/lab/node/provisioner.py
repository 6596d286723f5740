"""PersistentVolumes for claims of the lab's StorageClass: a directory each, taken away with reclaim policy Delete."""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Any

from pointsman.errors import ClusterError, ConflictError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.addons.names import PROVISIONER

__all__ = ["Provisioner"]

_LOG = logging.getLogger(__name__)

_CLAIM, _VOLUME, _CLASS = kind_of("PersistentVolumeClaim"), kind_of("PersistentVolume"), kind_of("StorageClass")
_ASKED = "volume.kubernetes.io/storage-provisioner"
_MADE_BY = "pv.kubernetes.io/provisioned-by"

Object = dict[str, Any]


class Provisioner:
    """Makes and removes volumes; one per lab."""

    def __init__(self, client: Client, root: Path) -> None:
        self._client = client
        self._root = root

    async def run(self) -> None:
        """Follow claims and volumes, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_claims())
            group.create_task(self._follow_volumes())

    async def _follow_claims(self) -> None:
        async for event in self._client.watch(_CLAIM):
            if event.type in ("ADDED", "MODIFIED") and _waits_for_us(event.object):
                await self._guarded(event.object, self._provision(event.object))

    async def _follow_volumes(self) -> None:
        async for event in self._client.watch(_VOLUME):
            if event.type in ("ADDED", "MODIFIED") and _to_reclaim(event.object):
                await self._guarded(event.object, self._reclaim(event.object))

    async def _guarded(self, about: Object, work: Any) -> None:
        try:
            await work
        except (ClusterError, OSError) as error:
            _LOG.warning("%s %s: %s", about.get("kind"), about["metadata"]["name"], error)

    async def _provision(self, claim: Object) -> None:
        metadata, spec = claim["metadata"], claim["spec"]
        storage_class = await self._client.get(Ref(_CLASS, spec["storageClassName"]))
        name = f"pvc-{metadata['uid']}"
        directory = self._root / name
        directory.mkdir(parents=True, exist_ok=True)
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": name, "annotations": {_MADE_BY: PROVISIONER}},
            "spec": {
                "capacity": {"storage": spec["resources"]["requests"]["storage"]},
                "accessModes": spec["accessModes"],
                "volumeMode": spec.get("volumeMode", "Filesystem"),
                "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
                "storageClassName": spec["storageClassName"],
                "hostPath": {"path": str(directory), "type": "DirectoryOrCreate"},
                "claimRef": {
                    "apiVersion": "v1",
                    "kind": "PersistentVolumeClaim",
                    "name": metadata["name"],
                    "namespace": metadata["namespace"],
                    "uid": metadata["uid"],
                },
            },
        }
        try:
            await self._client.create(volume)
        except ConflictError:
            return
        _LOG.info("made volume %s for claim %s/%s", name, metadata["namespace"], metadata["name"])

    async def _reclaim(self, volume: Object) -> None:
        path = Path(volume["spec"]["hostPath"]["path"])
        if path.parent == self._root:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
        await self._client.delete(Ref(_VOLUME, volume["metadata"]["name"]))


def _waits_for_us(claim: Object) -> bool:
    asked = (claim["metadata"].get("annotations") or {}).get(_ASKED)
    return asked == PROVISIONER and not claim["spec"].get("volumeName") and "deletionTimestamp" not in claim["metadata"]


def _to_reclaim(volume: Object) -> bool:
    ours = (volume["metadata"].get("annotations") or {}).get(_MADE_BY) == PROVISIONER
    released = volume.get("status", {}).get("phase") == "Released"
    delete = volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
    return ours and released and delete and "deletionTimestamp" not in volume["metadata"]
