"""Volumes: host directories that stand for what a Pod mounts, and the mount table of each container.

ConfigMap, Secret, downward and projected volumes are written as a kubelet writes them: a dated directory that the
symlink ``..data`` points at, swapped in one rename, so that a reader never sees half an update.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointsman.lab.node.fields import expand, field_value, resource_value
from pointsman.lab.node.sources import Sources
from pointsman.lab.node.times import now

__all__ = ["MountError", "Volumes", "write_atomically"]

MODE = 0o644
"""Of a volume's files where nothing else is said, as the API server fills it in (kubernetes 1.34)."""

_TOKEN_SECONDS = 3607


class MountError(Exception):
    """A volume cannot be made (yet); the message is for an Event."""


class Volumes:
    """The volumes of one pod under ``home`` (``pods/<uid>``)."""

    def __init__(self, pod: Mapping[str, Any], home: Path, sources: Sources, node: Mapping[str, str]) -> None:
        self._pod = pod
        self._namespace: str = pod["metadata"]["namespace"]
        self._home = home
        self._sources = sources
        self._node = node
        self._hosts: dict[str, Path] = {}
        self._writing = asyncio.Lock()

    async def prepare(self, pod: Mapping[str, Any]) -> None:
        """Make every volume; raises MountError naming the first that cannot be made."""
        self._pod = pod
        for volume in pod["spec"].get("volumes") or []:
            try:
                async with self._writing:
                    self._hosts[volume["name"]] = await self._make(volume)
            except MountError as error:
                raise MountError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {error}') from error

    async def refresh(self, kind: str, name: str) -> None:
        """Write the volumes that show ConfigMap or Secret ``name`` again, where they exist."""
        for volume in self._pod["spec"].get("volumes") or []:
            if (kind, name) in _shown(volume):
                async with self._writing:
                    if volume["name"] in self._hosts:
                        await self._make(volume)

    async def renew_tokens(self) -> None:
        """Write volumes with ServiceAccount tokens again, with new tokens."""
        for volume in self._pod["spec"].get("volumes") or []:
            sources = volume.get("projected", {}).get("sources") or []
            if volume["name"] in self._hosts and any("serviceAccountToken" in source for source in sources):
                async with self._writing:
                    await self._make(volume)

    def mounts(self, container: Mapping[str, Any], env: Mapping[str, str]) -> dict[str, str]:
        """Container path to host path, for every mount of a container."""
        table = {}
        for mount in container.get("volumeMounts") or []:
            host = self._hosts[mount["name"]]
            inner = mount.get("subPath") or expand(mount.get("subPathExpr", ""), env)
            if inner:
                host = self._inner(host, inner)
            table[mount["mountPath"].rstrip("/") or "/"] = str(host)
        return table

    def _inner(self, host: Path, inner: str) -> Path:
        if ".." in Path(inner).parts or inner.startswith("/"):
            raise MountError(f'subPath "{inner}" leaves the volume')
        path = host / inner
        if not path.exists():
            path.mkdir(parents=True, exist_ok=True)
        return path

    async def _make(self, volume: Mapping[str, Any]) -> Path:
        host = self._home / "volumes" / str(volume["name"])
        if "persistentVolumeClaim" in volume:
            return await self._claimed(volume["persistentVolumeClaim"]["claimName"])
        if "hostPath" in volume:
            return _host_path(volume["hostPath"])
        if "emptyDir" in volume:
            host.mkdir(parents=True, exist_ok=True)
            return host
        files = await self._files(volume)
        host.mkdir(parents=True, exist_ok=True)
        write_atomically(host, files, _modes(volume))
        return host

    async def _claimed(self, claim: str) -> Path:
        volume = await self._sources.volume_of_claim(self._namespace, claim)
        if volume is None:
            raise MountError(f'persistentvolumeclaim "{claim}" is not bound')
        source = volume["spec"].get("hostPath") or volume["spec"].get("local")
        if source is None:
            raise MountError(f"the lab's node cannot mount PersistentVolume {volume['metadata']['name']}")
        path = Path(source["path"])
        path.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240  one local call
        return path

    async def _files(self, volume: Mapping[str, Any]) -> dict[str, bytes]:
        """What the files of an API-backed volume hold, by relative path."""
        if "configMap" in volume:
            return await self._from_object("configmap", volume["configMap"])
        if "secret" in volume:
            asked = volume["secret"]
            return await self._from_object("secret", {**asked, "name": asked["secretName"]})
        if "downwardAPI" in volume:
            return self._downward(volume["downwardAPI"])
        if "projected" in volume:
            files: dict[str, bytes] = {}
            for source in volume["projected"].get("sources") or []:
                files |= await self._projected(source)
            return files
        raise MountError(f"the lab's node has no such kind of volume: {', '.join(sorted(set(volume) - {'name'}))}")

    async def _projected(self, source: Mapping[str, Any]) -> dict[str, bytes]:
        if "configMap" in source:
            return await self._from_object("configmap", source["configMap"])
        if "secret" in source:
            return await self._from_object("secret", source["secret"])
        if "downwardAPI" in source:
            return self._downward(source["downwardAPI"])
        if "serviceAccountToken" in source:
            return {source["serviceAccountToken"]["path"]: await self._token(source["serviceAccountToken"])}
        raise MountError(f"the lab's node has no such projection: {', '.join(sorted(source))}")

    async def _token(self, asked: Mapping[str, Any]) -> bytes:
        metadata = self._pod["metadata"]
        bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
        request = {
            "audiences": [asked["audience"]] if asked.get("audience") else [],
            "expirationSeconds": asked.get("expirationSeconds", _TOKEN_SECONDS),
            "boundObjectRef": bound,
        }
        account = self._pod["spec"].get("serviceAccountName") or "default"
        return (await self._sources.token(self._namespace, account, request)).encode()

    async def _from_object(self, kind: str, asked: Mapping[str, Any]) -> dict[str, bytes]:
        read = self._sources.secret if kind == "secret" else self._sources.config_map
        data = await read(self._namespace, asked["name"])
        if data is None:
            if asked.get("optional"):
                return {}
            raise MountError(f'{kind} "{asked["name"]}" not found')
        if not asked.get("items"):
            return data
        missing = [item["key"] for item in asked["items"] if item["key"] not in data]
        if missing and not asked.get("optional"):
            raise MountError(f"references non-existent {kind} key: {missing[0]}")
        return {item["path"]: data[item["key"]] for item in asked["items"] if item["key"] in data}

    def _downward(self, asked: Mapping[str, Any]) -> dict[str, bytes]:
        files = {}
        for item in asked.get("items") or []:
            if "fieldRef" in item:
                value = field_value(self._pod, item["fieldRef"]["fieldPath"])
            else:
                wanted = item["resourceFieldRef"]
                container = next(c for c in self._pod["spec"]["containers"] if c["name"] == wanted["containerName"])
                value = resource_value(container, self._node, wanted["resource"], wanted.get("divisor"))
            files[item["path"]] = value.encode()
        return files


def _shown(volume: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The (kind, name) of each ConfigMap and Secret whose content a volume shows."""
    shown = set()
    if "secret" in volume:
        shown.add(("Secret", volume["secret"]["secretName"]))
    for source in [volume, *(volume.get("projected", {}).get("sources") or [])]:
        if "configMap" in source:
            shown.add(("ConfigMap", source["configMap"]["name"]))
        if "secret" in source and "name" in source["secret"]:
            shown.add(("Secret", source["secret"]["name"]))
    return shown


def _host_path(asked: Mapping[str, Any]) -> Path:
    path = Path(asked["path"])
    kind = asked.get("type") or ""
    if kind == "DirectoryOrCreate":
        path.mkdir(parents=True, exist_ok=True)
    if kind == "FileOrCreate":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    if kind and not path.exists():
        raise MountError(f"hostPath type check failed: {path} does not exist")
    return path


def _modes(volume: Mapping[str, Any]) -> dict[str, int]:
    """Modes of the files of an API-backed volume, by path; ``defaultMode`` under the empty path."""
    source: Mapping[str, Any] = next(
        (volume[kind] for kind in ("configMap", "secret", "downwardAPI", "projected") if kind in volume), {}
    )
    parts = source.get("sources") or [source]
    items = [
        item
        for part in parts
        for one in (part, *part.values())
        if isinstance(one, Mapping)
        for item in one.get("items") or []
    ]
    own = {item["path"]: int(item["mode"]) for item in items if "mode" in item}
    return {"": int(source.get("defaultMode", MODE)), **own}


def write_atomically(host: Path, files: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> bool:
    """Make ``host`` show exactly ``files``, by one symlink swap; False when it already does.

    ``modes``: of files by path; under the empty path, of all others.
    """
    current = host / "..data"
    if current.is_symlink() and _read_tree(current) == dict(files):
        return False
    dated = host / f"..{now():%Y_%m_%d_%H_%M_%S}.{now().microsecond}"
    for name, content in files.items():
        path = dated / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod((modes or {}).get(name, (modes or {}).get("", MODE)))
    dated.mkdir(exist_ok=True)
    previous = os.readlink(current) if current.is_symlink() else None
    swap = host / "..data_tmp"
    swap.unlink(missing_ok=True)
    swap.symlink_to(dated.name)
    swap.replace(current)
    _link_names(host, {Path(name).parts[0] for name in files})
    if previous:
        shutil.rmtree(host / previous, ignore_errors=True)
    return True


def _link_names(host: Path, names: set[str]) -> None:
    for entry in host.iterdir():
        if not entry.name.startswith("..") and entry.is_symlink() and entry.name not in names:
            entry.unlink()
    for name in names:
        if not (host / name).is_symlink():
            (host / name).symlink_to(Path("..data") / name)


def _read_tree(root: Path) -> dict[str, bytes]:
    resolved = root.resolve()
    return {str(path.relative_to(resolved)): path.read_bytes() for path in resolved.rglob("*") if path.is_file()}
