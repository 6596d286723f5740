"""The add-ons' manifests, taken from the very modules the controllers were built from.

They are rendered once, beside the binaries, so that a finished toolchain needs neither Go nor a module cache.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from pointsman.errors import LabError
from pointsman.lab.progress import Progress, Report
from pointsman.lab.toolchain.build import module_directory
from pointsman.lab.toolchain.golang import Go

__all__ = ["collect"]

_KSERVE = "github.com/kserve/kserve"
_RENDERED = {"kserve.yaml": "config/overlays/all", "presets.yaml": "config/llmisvcconfig"}
_GATEWAY = "sigs.k8s.io/gateway-api"
_GATEWAY_KINDS = ("gatewayclasses", "gateways", "httproutes", "referencegrants", "grpcroutes")
_LWS = "sigs.k8s.io/lws"
_LWS_CRD = "config/crd/bases/leaderworkerset.x-k8s.io_leaderworkersets.yaml"


def collect(go: Go, draft: Path, report: Report) -> None:
    """Write every add-on's manifests into ``draft/manifests``."""
    report(Progress("toolchain", "rendering the add-ons' manifests"))
    folder = draft / "manifests"
    folder.mkdir()
    kserve = module_directory(go, draft, _KSERVE)
    for name, overlay in _RENDERED.items():
        (folder / name).write_bytes(_kustomize(draft / "bin" / "kubectl", kserve / overlay))
    gateway = module_directory(go, draft, _GATEWAY) / "config" / "crd" / "standard"
    crds = [gateway / f"gateway.networking.k8s.io_{kind}.yaml" for kind in _GATEWAY_KINDS]
    (folder / "gateway-api.yaml").write_text("\n---\n".join(path.read_text() for path in crds))
    shutil.copyfile(module_directory(go, draft, _LWS) / _LWS_CRD, folder / "lws.yaml")


def _kustomize(kubectl: Path, overlay: Path) -> bytes:
    done = subprocess.run([kubectl, "kustomize", overlay], capture_output=True, timeout=120, check=False)
    if done.returncode:
        raise LabError(f"kustomize failed: {done.stderr.decode().strip()}", where=str(overlay), code="lab-build")
    return done.stdout
