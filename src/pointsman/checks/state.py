"""What live objects say of their state: conditions, ages, images' versions, accelerators."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.checks.view import View, get, listed
from pointsman.kube.quantity import whole

__all__ = [
    "accelerators",
    "age",
    "annotation",
    "asked_by_kind",
    "asked_for",
    "by_kind",
    "condition",
    "label",
    "older",
    "serves_models",
    "settled",
    "since",
    "tagged",
    "uses",
]

_ACCELERATORS = ("nvidia.com/", "amd.com/gpu", "gpu.intel.com/", "habana.ai/", "google.com/tpu")
_OBJECT = {"kserve": "InferenceService", "llm-d": "LLMInferenceService"}


def condition(one: Standing, kind: str) -> Mapping[str, Any]:
    """The condition of this type; empty when it has none."""
    return next((each for each in listed(one.data, "status", "conditions") if each.get("type") == kind), {})


def annotation(one: Standing, key: str) -> str:
    """Empty when it has none."""
    return str(get(one.data, "metadata", "annotations", key) or "")


def label(one: Standing, key: str) -> str:
    """Empty when it has none."""
    return str(get(one.data, "metadata", "labels", key) or "")


def age(view: View, text: Any) -> timedelta | None:
    """How long that is ago; None where it is no time."""
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return view.now - (at if at.tzinfo else at.replace(tzinfo=UTC))


def since(one: Standing, said: Mapping[str, Any]) -> Any:
    """When a condition became what it is; one that a definition's default made (of 1970) is as old as its object."""
    at = str(said.get("lastTransitionTime") or "")
    return at if at and not at.startswith("1970-") else get(one.data, "metadata", "creationTimestamp")


def older(view: View, text: Any, minutes: float) -> bool:
    """Is that longer ago?"""
    found = age(view, text)
    return found is not None and found >= timedelta(minutes=minutes)


def settled(view: View, text: Any, minutes: float) -> bool:
    """Is that longer ago, or than whoever asks is patient? What just began may still end well."""
    return older(view, text, minutes if view.patience is None else min(minutes, view.patience / 60))


def accelerators(amounts: Any) -> int:
    """Whole accelerators among these amounts of resources."""
    return sum(by_kind(amounts).values())


def by_kind(amounts: Any) -> dict[str, int]:
    """The same by the resource's name: slices of a GPU, or GPUs that are shared, have names of their own."""
    if not isinstance(amounts, Mapping):
        return {}
    found = {str(name): _whole(amount) for name, amount in amounts.items() if str(name).startswith(_ACCELERATORS)}
    return {name: count for name, count in found.items() if count}


def asked_for(pod: Any) -> int:
    """Accelerators that a pod's containers ask for."""
    return sum(asked_by_kind(pod).values())


def asked_by_kind(pod: Any) -> dict[str, int]:
    """The same by the resource's name."""
    made: dict[str, int] = {}
    for one in listed(pod, "containers"):
        asked = by_kind(get(one, "resources", "limits")) or by_kind(get(one, "resources", "requests"))
        for name, count in asked.items():
            made[name] = made.get(name, 0) + count
    return made


def _whole(amount: Any) -> int:
    try:
        return whole(amount)
    except (ValueError, ArithmeticError, TypeError):
        return 0


_TAG = re.compile(r":v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+.][\w.+-]*)?(?:@|$)")


def tagged(pod: Any) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """Images of a pod's containers whose tag is a version, and the version; a digest alone tells none."""
    for one in listed(pod, "containers"):
        image = str(one.get("image") or "")
        if found := _TAG.search(image):
            yield image, (int(found[1]), int(found[2]), int(found[3] or 0))


def serves_models(pod: Any) -> bool:
    """Does a pod's spec run an engine, hold an accelerator, or stand at the tenants' edge?"""
    images = [str(one.get("image") or "") for one in listed(pod, "containers")]
    return asked_for(pod) > 0 or any("vllm" in image or "litellm" in image for image in images)


def uses(view: View, layer: str) -> bool:
    """Is the layer meant, or is there an object of it?"""
    return layer in view.asked if view.asked else bool(view.of(_OBJECT[layer]))
