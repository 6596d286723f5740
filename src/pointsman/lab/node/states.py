"""What a container is doing, in the API's words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from pointsman.lab.node.images import image_id
from pointsman.lab.node.process import Exit
from pointsman.lab.node.times import rfc3339

__all__ = ["ContainerState", "Role"]

Role = Literal["init", "sidecar", "main"]


@dataclass(slots=True)
class ContainerState:
    """The state of one container of a pod; ``as_status`` is its entry in the pod's status."""

    name: str
    image: str
    role: Role
    state: dict[str, Any] = field(default_factory=dict)
    last: dict[str, Any] = field(default_factory=dict)
    restarts: int = 0
    ready: bool = False
    started: bool = False
    container_id: str = ""

    @property
    def running(self) -> bool:
        """A process runs."""
        return "running" in self.state

    @property
    def terminated(self) -> dict[str, Any] | None:
        """How the container ended, where its present state is that it did."""
        return self.state.get("terminated")

    @property
    def ever_ran(self) -> bool:
        """A container was made at least once."""
        return bool(self.container_id)

    @property
    def succeeded(self) -> bool:
        """It ended with exit code 0."""
        return self.terminated is not None and self.terminated["exitCode"] == 0

    def wait(self, reason: str, message: str = "") -> None:
        """Waiting, for ``reason``; how it ended before moves to the last state."""
        if self.terminated is not None:
            self.last = self.state
        self.state = {"waiting": {"reason": reason, **({"message": message} if message else {})}}
        self.ready = self.started = False

    def run(self, container_id: str, at: datetime) -> None:
        """Running since ``at``."""
        if self.terminated is not None:
            self.last = self.state
        self.container_id = container_id
        self.state = {"running": {"startedAt": rfc3339(at)}}

    def end(self, ended: Exit, at: datetime, *, reason: str = "", message: str = "") -> None:
        """Terminated."""
        started = self.state.get("running", {}).get("startedAt")
        self.state = {
            "terminated": {
                "exitCode": ended.code,
                "reason": reason or ("Completed" if ended.code == 0 else "Error"),
                **({"signal": ended.signal} if ended.signal else {}),
                **({"message": message} if message else {}),
                "startedAt": started,
                "finishedAt": rfc3339(at),
                "containerID": self.container_id,
            }
        }
        self.started = False
        self.ready = self.role == "init" and ended.code == 0

    def restore(self, status: dict[str, Any], at: datetime) -> None:
        """Take over from the status an earlier node wrote; what ran then is gone now."""
        self.restarts = int(status.get("restartCount", 0))
        self.container_id = status.get("containerID", "")
        self.last = status.get("lastState") or {}
        self.state = status.get("state") or {}
        if self.running:
            self.end(Exit(255), at, reason="Unknown", message="the node was restarted while this container ran")

    def as_status(self) -> dict[str, Any]:
        """The entry in ``containerStatuses``."""
        return {
            "name": self.name,
            "image": self.image,
            "imageID": image_id(self.image) if self.container_id else "",
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last,
            **({"containerID": self.container_id} if self.container_id else {}),
        }
