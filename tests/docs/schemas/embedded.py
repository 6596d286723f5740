"""``lab up``, ``lab status``, ``lab down`` and ``lab protect``."""

from __future__ import annotations

from typing import get_args

from pointsman.lab.config import Engine
from pointsman.lab.gitops.hook import HOSTS
from pointsman.lab.state import Phase
from tests.docs.schemas.words import flag, listed, mapped, maybe, obj, one_of, text, whole

__all__ = ["LAB", "LAB_DOWN", "LAB_PROTECT"]

LAB = obj(
    {
        "name": text(),
        "phase": one_of("", *get_args(Phase)),
        "kubeconfig": text("a file"),
        "home": text("the folder of the lab's data"),
        "supervisor": maybe(whole(), "the process that looks after the others; null: it does not run"),
        "processes": listed(
            obj({"name": text(), "pid": maybe(whole()), "ready": flag(), "restarts": whole(), "port": maybe(whole())})
        ),
        "ports": mapped(whole(), "on 127.0.0.1, by what listens there"),
        "proxy": text("the address of the way into the cluster's network"),
        "addresses": text("the range of the cluster's network"),
        "nodes": listed(
            obj(
                {
                    "name": text(),
                    "cpu": text("cores, as Kubernetes writes them"),
                    "memory": text("as Kubernetes writes it: 64Gi"),
                    "gpus": whole(),
                }
            )
        ),
        "engine": one_of("what runs as vLLM", *get_args(Engine)),
        "versions": mapped(text(), "by program"),
    },
    "",
    {
        "remote": text("of a lab with --gitops: the address of its git repository"),
        "protected": one_of("of a lab with --gitops: whose words refuse pushes; empty: none does", "", *HOSTS),
        "started": flag("of up: was it started now"),
    },
)
LAB_DOWN = obj(
    {
        "name": text(),
        "existed": flag(),
        "was_running": flag(),
        "purged": flag("are its data deleted"),
    }
)
LAB_PROTECT = obj(
    {"name": text(), "protected": maybe(one_of("", *HOSTS), "whose words refuse pushes; null: none does")}
)
