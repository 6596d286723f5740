"""Volumes for the lab's StorageClass: a PersistentVolume is a directory under ``HOME/volumes``.

Plays the external provisioner: makes a volume for each unbound claim of its class and removes volume and directory
when a released volume's reclaim policy is Delete. Binding itself is the controller manager's.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path
from typing import Any

from pointsman.errors import ClusterError, ConflictError
from pointsman.kube.client import Client
from pointsman.kube.resources import Ref, kind_of
from pointsman.lab.config import LabConfig

__all__ = ["PROVISIONER", "provision", "volumes_directory"]

log = logging.getLogger(__name__)

PROVISIONER = "lab.pointsman.dev/directory"
_CLAIMED = "volume.kubernetes.io/storage-provisioner"
_CLAIMED_BETA = "volume.beta.kubernetes.io/storage-provisioner"


def volumes_directory(config: LabConfig) -> Path:
    """Where the directories lie."""
    return config.home / "volumes"


async def provision(client: Client, config: LabConfig) -> None:
    """Serve claims and clear released volumes, for ever."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_serve_claims(client, config))
        group.create_task(_clear_released(client, config))


async def _serve_claims(client: Client, config: LabConfig) -> None:
    async for event in client.watch(kind_of("PersistentVolumeClaim")):
        claim = event.object
        if event.type in ("ADDED", "MODIFIED") and _is_ours(claim):
            try:
                await _make(client, config, claim)
            except ClusterError as error:
                log.warning("cannot make a volume for %s: %s", claim["metadata"]["name"], error.what)


def _is_ours(claim: dict[str, Any]) -> bool:
    notes = claim["metadata"].get("annotations") or {}
    mine = PROVISIONER in (notes.get(_CLAIMED), notes.get(_CLAIMED_BETA))
    bound = claim["spec"].get("volumeName") or (claim.get("status") or {}).get("phase") == "Bound"
    return mine and not bound and not claim["metadata"].get("deletionTimestamp")


async def _make(client: Client, config: LabConfig, claim: dict[str, Any]) -> None:
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pvc-{metadata['uid']}"
    directory = volumes_directory(config) / name
    directory.mkdir(parents=True, exist_ok=True)
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "persistentVolumeReclaimPolicy": "Delete",
            "storageClassName": spec["storageClassName"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
            "hostPath": {"path": str(directory), "type": "DirectoryOrCreate"},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
        },
    }
    try:
        await client.create(volume)
    except ConflictError:
        return
    log.info("made volume %s for claim %s/%s", name, metadata["namespace"], metadata["name"])


async def _clear_released(client: Client, config: LabConfig) -> None:
    async for event in client.watch(kind_of("PersistentVolume")):
        volume = event.object
        if event.type not in ("ADDED", "MODIFIED") or not _is_finished(volume):
            continue
        name = volume["metadata"]["name"]
        try:
            await client.delete(Ref(kind_of("PersistentVolume"), name))
        except ClusterError as error:
            log.warning("cannot delete volume %s: %s", name, error.what)
            continue
        await asyncio.to_thread(shutil.rmtree, volumes_directory(config) / name, ignore_errors=True)
        log.info("removed volume %s", name)


def _is_finished(volume: dict[str, Any]) -> bool:
    notes = volume["metadata"].get("annotations") or {}
    return (
        notes.get("pv.kubernetes.io/provisioned-by") == PROVISIONER
        and (volume.get("status") or {}).get("phase") in ("Released", "Failed")
        and volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete"
        and not volume["metadata"].get("deletionTimestamp")
    )
