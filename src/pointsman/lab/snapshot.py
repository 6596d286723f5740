"""A store with the add-ons in it, made once: a new lab starts from a copy and has nothing to install.

It is named after the toolchain and after the code that fills it. The certificate authority lies beside the data,
because the webhook configurations in the data name it. Nothing in it depends on ports or addresses.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from pathlib import Path

from pointsman.lab import addons, identity, locks, processes
from pointsman.lab.addons.install import install
from pointsman.lab.children import Child, start_all, stop_all
from pointsman.lab.config import LabConfig
from pointsman.lab.gitops import addon
from pointsman.lab.kubectl import Kubectl
from pointsman.lab.paths import cache_root
from pointsman.lab.progress import Progress, Report
from pointsman.lab.retention import forget_old, use
from pointsman.lab.storage import storage_errors
from pointsman.lab.tools import Tools
from pointsman.lab.wholeness import is_whole, seal

__all__ = ["ensure_snapshot", "install_all", "installed", "mark_installed", "restore", "snapshot_key"]

_OWN_CODE = [*sorted(Path(addons.__file__).parent.glob("*.py")), Path(addon.__file__)]
_FORMAT = b"1"


def ensure_snapshot(tools: Tools, report: Report) -> Path:
    """The snapshot's directory, filled now if it is not there."""
    folder = cache_root() / "snapshots"
    snapshot = folder / snapshot_key(tools)
    use(snapshot)
    if is_whole(snapshot):
        return snapshot
    lock = folder / f"{snapshot.name}.lock"
    with storage_errors(folder, "POINTSMAN_CACHE"), locks.hold(lock, lambda pid: report(_waits(pid))):
        if not is_whole(snapshot):
            _make(snapshot, tools, report)
            forget_old(folder, snapshot)
    return snapshot


def installed(config: LabConfig) -> str:
    """Which snapshot's add-ons the lab has; empty when that is not known."""
    marker = config.home / "add-ons"
    return marker.read_text() if marker.exists() else ""


def mark_installed(config: LabConfig, key: str) -> None:
    """Note which snapshot's add-ons the lab has."""
    (config.home / "add-ons").write_text(key)


def restore(snapshot: Path, config: LabConfig) -> None:
    """Give a lab without a store the snapshot's, and the authority that goes with it."""
    store = config.home / "etcd"
    if store.exists():
        return
    draft = config.home / "etcd.part"
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(snapshot / "etcd", draft)
    identity.adopt_authority(config, snapshot)
    mark_installed(config, snapshot.name)
    draft.rename(store)


def install_all(kubectl: Kubectl, tools: Tools, authority: bytes, report: Report) -> None:
    """Put everything in that goes with these programs."""
    install(kubectl, tools.control_plane.manifests, authority, report)
    if tools.argo_cd:
        addon.install(kubectl, tools.argo_cd.manifests, report)


def snapshot_key(tools: Tools) -> str:
    """A name for everything that decides what a snapshot contains."""
    digest = hashlib.sha256(_FORMAT + tools.key.encode())
    for path in _OWN_CODE:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _waits(pid: int) -> Progress:
    return Progress("add-ons", f"waiting for process {pid}, which is preparing them")


def _make(snapshot: Path, tools: Tools, report: Report) -> None:
    report(
        Progress(
            "add-ons",
            "installing KServe, its presets, the Gateway API and more; later labs start from a copy",
        )
    )
    draft = snapshot.with_suffix(".part")
    for leftover in (draft, snapshot):
        shutil.rmtree(leftover, ignore_errors=True)
    config = LabConfig.create("snapshot").model_copy(update={"home": draft})
    try:
        asyncio.run(_fill(config, tools, report))
        for name in ("ca.key", "ca.crt"):
            (draft / "pki" / name).rename(draft / name)
        for scratch in ("pki", "run"):
            shutil.rmtree(draft / scratch)
        (draft / "kubeconfig").unlink()
        seal(draft)
        draft.rename(snapshot)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


async def _fill(config: LabConfig, tools: Tools, report: Report) -> None:
    who = identity.prepare_identity(config)
    processes.write_egress(config)
    config.logs.mkdir(parents=True, exist_ok=True)
    environment = processes.base_environment(config)
    etcd, api = (
        Child(spec, config.logs, environment) for spec in processes.etcd_and_api(config, tools.control_plane, who)
    )
    try:
        await start_all([etcd, api])
        kubectl = Kubectl(tools.control_plane.tool("kubectl"), config.kubeconfig)
        authority = who.authority.certificate.read_bytes()
        await asyncio.to_thread(install_all, kubectl, tools, authority, report)
    finally:
        await stop_all([[api], [etcd]])
