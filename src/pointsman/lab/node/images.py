"""The image catalogue: how each image the platform knows starts on this machine.

An entry says what the image's entrypoint and working directory are, and which absolute paths inside it are
programs that ``HOME/bin`` holds a stand-in for. What is not here cannot be pulled, as on a real node that has
never heard of an image. Tags and digests are not looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CATALOGUE", "Image", "image_id", "look_up", "repository_of"]


@dataclass(frozen=True, slots=True)
class Image:
    """What an image brings along when a container does not say otherwise."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    """The image's CMD: arguments used when the container gives neither command nor args."""
    programs: Mapping[str, str] = field(default_factory=dict)
    """Paths inside the image, and the program of ``HOME/bin`` that stands for each."""
    env: Mapping[str, str] = field(default_factory=dict)

    def argv(self, command: list[str], args: list[str]) -> list[str]:
        """The words to start, by the rules of ``command`` and ``args``."""
        words = [*command, *args] if command else [*self.entrypoint, *(args or self.command)]
        if words and words[0] in self.programs:
            words[0] = self.programs[words[0]]
        return words


_VLLM = Image(entrypoint=("vllm", "serve"), programs={"/usr/local/bin/vllm": "vllm", "/opt/vllm/bin/vllm": "vllm"})
_LITELLM = Image(
    entrypoint=("litellm",),
    command=("--port", "4000"),
    programs={
        "docker/prod_entrypoint.sh": "litellm",
        "/app/docker/prod_entrypoint.sh": "litellm",
        "/usr/local/bin/litellm": "litellm",
        "/app/.venv/bin/litellm": "litellm",
    },
)
_SIDECAR = Image(
    entrypoint=("llm-d-router-disagg-sidecar",), programs={"/app/pd-sidecar": "llm-d-router-disagg-sidecar"}
)
_PICKER = Image(entrypoint=("llm-d-endpoint-picker",), programs={"/app/epp": "llm-d-endpoint-picker"})
_STORAGE = Image(
    entrypoint=("storage-initializer",),
    programs={"/storage-initializer/scripts/initializer-entrypoint": "storage-initializer"},
)
_SHELL = Image(command=("sh",))
_PYTHON = Image(
    command=("python3",), programs={"/usr/local/bin/python": "python3", "/usr/local/bin/python3": "python3"}
)
_PAUSE = Image(entrypoint=("pause",), programs={"/pause": "pause"})

CATALOGUE: Mapping[str, Image] = {
    "docker.io/vllm/vllm-openai": _VLLM,
    "docker.io/vllm/vllm-openai-cpu": _VLLM,
    "public.ecr.aws/q9t5s3a7/vllm-cpu-release-repo": _VLLM,
    "ghcr.io/llm-d/llm-d-cuda": Image(programs=_VLLM.programs),
    "ghcr.io/llm-d/llm-d-cpu": Image(programs=_VLLM.programs),
    "ghcr.io/llm-d/llm-d-router-disagg-sidecar": _SIDECAR,
    "ghcr.io/llm-d/llm-d-routing-sidecar": _SIDECAR,
    "ghcr.io/llm-d/llm-d-router-endpoint-picker": _PICKER,
    "ghcr.io/llm-d/llm-d-inference-scheduler": _PICKER,
    "docker.io/kserve/storage-initializer": _STORAGE,
    "ghcr.io/berriai/litellm": _LITELLM,
    "ghcr.io/berriai/litellm-database": _LITELLM,
    "ghcr.io/berriai/litellm-non_root": _LITELLM,
    "docker.litellm.ai/berriai/litellm": _LITELLM,
    "docker.litellm.ai/berriai/litellm-database": _LITELLM,
    "docker.litellm.ai/berriai/litellm-non_root": _LITELLM,
    "docker.io/library/busybox": _SHELL,
    "docker.io/library/alpine": _SHELL,
    "docker.io/library/python": _PYTHON,
    "registry.k8s.io/pause": _PAUSE,
}


def repository_of(image: str) -> str:
    """The full repository of a reference: ``busybox:1.36`` is ``docker.io/library/busybox``."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    name = f"{head}{slash}{last.partition(':')[0]}"
    first = name.partition("/")[0]
    if "/" not in name:
        return f"docker.io/library/{name}"
    has_registry = "." in first or ":" in first or first == "localhost"
    return name if has_registry else f"docker.io/{name}"


def look_up(image: str) -> Image | None:
    """The catalogue's entry for an image reference, or None."""
    return CATALOGUE.get(repository_of(image))


def image_id(image: str) -> str:
    """A repository digest to report: the reference's own, else one made from its words."""
    _, _, digest = image.partition("@")
    return f"{repository_of(image)}@{digest or 'sha256:' + hashlib.sha256(image.encode()).hexdigest()}"
