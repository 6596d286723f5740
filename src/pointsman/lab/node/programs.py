"""``HOME/bin``: the programs that stand in for what images contain, as small shell wrappers.

They come first on every container's PATH, so that a script inside a pod (the presets' own bash) finds ``vllm`` as
it would in its image. Wrappers of real programs also make them listen on the pod's own address: the last
``--host`` wins on their command lines, and a wildcard address would be taken by the first pod of the machine.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import sysconfig
from pathlib import Path

import pointsman
from pointsman.errors import LabError
from pointsman.lab.config import LabConfig

__all__ = ["container_path", "write_programs"]

_ON_POD_ADDRESS = '--host "$POINTSMAN_POD_ADDRESS"'


def write_programs(config: LabConfig) -> None:
    """Write every wrapper; raises LabError when ``engine: real`` is asked for and there is no vllm."""
    config.bin.mkdir(parents=True, exist_ok=True)
    for name, body in _programs(config).items():
        draft = config.bin / f".{name}.tmp"
        draft.write_text(f"#!/bin/sh\n{body}\n")
        draft.chmod(0o700)
        draft.replace(config.bin / name)


def container_path(config: LabConfig) -> str:
    """PATH of every container: the stand-ins, this environment's programs, the system's."""
    system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
    return ":".join([str(config.bin), sysconfig.get_path("scripts"), *system])


def _programs(config: LabConfig) -> dict[str, str]:
    return {
        "vllm": _module("pointsman.lab.engine") if config.engine == "simulator" else _real_vllm(),
        "llm-d-router-disagg-sidecar": _module("pointsman.lab.engine.sidecar"),
        "llm-d-endpoint-picker": _module("pointsman.lab.engine.picker"),
        "storage-initializer": _module("pointsman.lab.engine.storage"),
        "litellm": _module("pointsman.lab.node.zygote"),
        "python3": _python(),
        "python": _python(),
        "pause": "exec sleep infinity",
        "busybox": 'exec "$@"',
    }


def _python() -> str:
    """The interpreter; the module by which an engine's image may start vLLM is the program that does."""
    server = 'if [ "$1" = -m ] && [ "$2" = vllm.entrypoints.openai.api_server ]; then shift 2; exec vllm serve "$@"; fi'
    return f'{server}\nexec {shlex.quote(sys.executable)} "$@"'


def _module(name: str) -> str:
    """Run a module of this package with this interpreter, from wherever this package lies."""
    source = Path(pointsman.__file__).parent.parent
    installed = source == Path(sysconfig.get_path("purelib"))
    path = "" if installed else f"export PYTHONPATH={shlex.quote(str(source))}${{PYTHONPATH:+:$PYTHONPATH}}\n"
    return f'{path}exec {shlex.quote(sys.executable)} -m {name} "$@"'


def _real_vllm() -> str:
    """Of the environment that ``POINTSMAN_VLLM`` names, else of this one, else of the system."""
    beside = Path(sysconfig.get_path("scripts")) / "vllm"
    found = os.environ.get("POINTSMAN_VLLM") or (str(beside) if beside.exists() else shutil.which("vllm"))
    if not found:
        raise LabError(
            "the lab is asked to run the real engine, and vllm is not installed",
            where=str(beside),
            next_action="install vllm into this environment, name it with POINTSMAN_VLLM, or start the lab "
            "with --engine simulator",
            code="lab-no-vllm",
        )
    program = shlex.quote(found)
    return f'if [ "$1" = serve ]; then exec {program} "$@" {_ON_POD_ADDRESS}; fi\nexec {program} "$@"'
