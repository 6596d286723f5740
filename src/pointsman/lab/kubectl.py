"""The toolchain's kubectl, for the few objects the lab itself puts into its cluster."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.errors import LabError

__all__ = ["Kubectl"]

_SECONDS = 120
_NO_CONDITIONS = "<nil> is of the type <nil>"
"""What kubectl 1.34 says instead of waiting where a definition has no conditions yet."""
_LOOKS, _BETWEEN = 100, 0.1
"""How often that is met at most, and seconds between two looks."""


@dataclass(frozen=True, slots=True)
class Kubectl:
    """One kubectl and one cluster."""

    binary: str
    kubeconfig: Path

    def apply(self, manifests: Sequence[dict[str, Any]]) -> None:
        """Server-side apply, as the lab."""
        # Validation would fetch every schema first, which a fresh API server takes seconds to put together.
        options = ["--server-side", "--force-conflicts", "--validate=ignore", "--field-manager=pointsman-lab"]
        self._run(["apply", *options, "-f", "-"], _as_list(manifests))

    def delete(self, manifests: Sequence[dict[str, Any]]) -> None:
        """Delete what is there of these."""
        self._run(["delete", "--ignore-not-found", "-f", "-"], _as_list(manifests))

    def wait_established(self, definitions: Sequence[dict[str, Any]]) -> None:
        """Wait until the API serves these definitions."""
        crds = [f"customresourcedefinition/{found['metadata']['name']}" for found in definitions]
        for left in reversed(range(_LOOKS)):
            try:
                self._run(["wait", "--for=condition=Established", f"--timeout={_SECONDS}s", *crds])
            except LabError as failed:
                if not left or _NO_CONDITIONS not in failed.what:
                    raise
                time.sleep(_BETWEEN)
            else:
                return

    @property
    def _cache(self) -> Path:
        """Not ``~/.kube/cache``: a lab leaves nothing outside its home."""
        return self.kubeconfig.parent / "run" / "kubectl"

    def _run(self, arguments: Sequence[str], given: bytes = b"") -> bytes:
        command = [self.binary, f"--kubeconfig={self.kubeconfig}", f"--cache-dir={self._cache}", *arguments]
        try:
            done = subprocess.run(
                command, input=given, capture_output=True, timeout=_SECONDS + 30, check=False, start_new_session=True
            )
        except subprocess.TimeoutExpired as late:
            raise LabError(f"kubectl {arguments[0]} did not end in {late.timeout:.0f} s", code="lab-add-ons") from late
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip()[-2000:]
            raise LabError(f"kubectl {arguments[0]} failed: {said}", code="lab-add-ons")
        return done.stdout


def _as_list(manifests: Sequence[dict[str, Any]]) -> bytes:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}).encode()
