"""From a container's specification to words, environment and directory that run on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pointsman.lab.config import LabConfig
from pointsman.lab.node.environment import ConfigError, lab_environment, pod_environment, scratch
from pointsman.lab.node.fields import expand
from pointsman.lab.node.images import Image, look_up
from pointsman.lab.node.rewriting import Rewriter
from pointsman.lab.node.sources import Sources
from pointsman.lab.node.temporary import short
from pointsman.lab.node.volumes import Volumes

__all__ = ["Launch", "Launcher"]


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything it takes to start a container, and to run a command beside it."""

    argv: list[str]
    env: dict[str, str]
    cwd: Path
    termination_log: Path
    words: Callable[[list[str]], list[str]]
    """A command of the container (probe, hook), in words that run here."""


class Launcher:
    """Prepares the containers of one pod."""

    def __init__(
        self,
        config: LabConfig,
        pod: Callable[[], Mapping[str, Any]],
        announced: str,
        volumes: Volumes,
        sources: Sources,
        node: Mapping[str, str],
    ) -> None:
        self.announced = announced
        self.address = config.local(announced)
        self._config = config
        self._pod = pod
        self._volumes = volumes
        self._sources = sources
        self._node = node

    @property
    def logs(self) -> Path:
        """Where the pod's containers log."""
        return self._config.pods / str(self._pod()["metadata"]["uid"]) / "logs"

    @property
    def grace(self) -> float:
        """The pod's own grace period."""
        return float(self._pod()["spec"].get("terminationGracePeriodSeconds", 30))

    @property
    def pod_label(self) -> str:
        """``name_namespace(uid)``, as kubelets write it in messages."""
        metadata = self._pod()["metadata"]
        return f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"

    async def prepare(self, container: Mapping[str, Any]) -> Launch:
        """Raises ConfigError, MountError, or KeyError for a field that does not exist."""
        pod = self._pod()
        image = look_up(container["image"]) or Image()
        ambient = lab_environment(self._config, pod, self.address, {})
        own = await pod_environment(pod, container, self._sources, self._node, ambient)
        mounts = self._volumes.mounts(container, own)
        root = scratch(self._config, pod, container["name"])
        root.mkdir(parents=True, exist_ok=True)
        log = self._termination_log(container, root, mounts)
        rewriter = Rewriter(mounts, self.address)
        seen = {**ambient, **image.env, **own}
        argv = image.argv(
            [expand(word, seen) for word in container.get("command") or []],
            [expand(word, seen) for word in container.get("args") or []],
        )
        if not argv:
            raise ConfigError("no command specified")
        env = self._environment(pod, image, own, mounts, rewriter, root)
        return Launch(
            argv=rewriter.texts(argv),
            env=env,
            cwd=_directory(container, rewriter, root),
            termination_log=log,
            words=lambda command: rewriter.texts(image.argv(command, [])),
        )

    def _environment(
        self,
        pod: Mapping[str, Any],
        image: Image,
        own: Mapping[str, str],
        mounts: Mapping[str, str],
        rewriter: Rewriter,
        root: Path,
    ) -> dict[str, str]:
        env = {"HOME": str(root), "TMPDIR": self._temporary(mounts, root)}
        env |= lab_environment(self._config, pod, self.address, mounts)
        env |= image.env
        env |= {name: rewriter.text(value) for name, value in own.items()}
        if "PATH" in own:
            env["PATH"] = f"{self._config.bin}:{env['PATH']}"
        return env

    def _temporary(self, mounts: Mapping[str, str], root: Path) -> str:
        temporary = Path(mounts.get("/tmp", root / "tmp"))
        temporary.mkdir(parents=True, exist_ok=True)
        try:
            return str(short(temporary))
        except OSError as error:
            raise ConfigError(f"no short name for {temporary}: {error}") from error

    def _termination_log(self, container: Mapping[str, Any], root: Path, mounts: dict[str, str]) -> Path:
        """An empty file that stands for the termination log, and is mounted like one."""
        log = root / "termination-log"
        log.write_bytes(b"")
        mounts[container.get("terminationMessagePath") or "/dev/termination-log"] = str(log)
        return log


def _directory(container: Mapping[str, Any], rewriter: Rewriter, root: Path) -> Path:
    """The working directory: a mounted one where the words point into a mount, else inside the scratch root."""
    asked = container.get("workingDir")
    if not asked:
        return root
    mapped = rewriter.path(asked)
    path = Path(mapped) if mapped != asked else root / asked.lstrip("/")
    path.mkdir(parents=True, exist_ok=True)
    return path
