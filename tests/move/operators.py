"""Somebody who has the roles that ``pointsman rights`` prints, and no others."""

from __future__ import annotations

import json
from pathlib import Path

from ruamel.yaml import YAML

from tests.conftest import RunningLab
from tests.move.platform import MODEL, pointsman_in

__all__ = ["operator"]

OWN = "pointsman-system"


def operator(lab: RunningLab, folder: Path, name: str, *words: str) -> Path:
    """The kubeconfig of a ServiceAccount called ``name``; ``words`` are further ones of the command."""
    lab.kubectl("create", "namespace", OWN, check=False)
    lab.kubectl("create", "serviceaccount", name, "-n", OWN)
    told = ("--for", f"serviceaccount:{OWN}/{name}", "--name", name)
    printed = pointsman_in(lab)("rights", MODEL, *told, *words)
    assert printed.returncode == 0, printed.stderr
    lab.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", given=printed.stdout)
    token = lab.kubectl("create", "token", name, "-n", OWN).stdout.strip()
    access = YAML(typ="safe").load(lab.kubeconfig)
    access["users"] = [{"name": one["name"], "user": {"token": token}} for one in access["users"]]
    file = folder / f"{name}.kubeconfig"
    file.write_text(json.dumps(access), encoding="utf-8")
    return file
