"""What a Platform's fields say against each other; single values are judged where they are declared."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.catalog.platform import Platform
from pointsman.spec.document import Place

__all__ = ["Unsound", "unsound"]

Unsound = tuple[Place, str, str, str]
"""Where, what, what to do, the code."""


def unsound(platform: Platform) -> Iterator[Unsound]:
    """Every contradiction."""
    yield from _repeated(platform)
    yield from _unknown_groups(platform)
    yield from _unknown_layers(platform)
    yield from _shared_places(platform)
    yield from _empty_cautions(platform)


def _repeated(platform: Platform) -> Iterator[Unsound]:
    seen: set[str] = set()
    for number, group in enumerate(platform.spec.groups):
        if group.name in seen:
            yield ("spec", "groups", number), f"group {group.name} is there twice", "keep one", "spec-duplicate-key"
        seen.add(group.name)


def _unknown_groups(platform: Platform) -> Iterator[Unsound]:
    known = {group.name for group in platform.spec.groups}
    for number, caution in enumerate(platform.spec.warnings):
        named = [*caution.groups, *([caution.needs_group] if caution.needs_group else [])]
        for name in named:
            if name not in known:
                place = ("spec", "warnings", number)
                yield place, f"the warning is about {name}, and there is no such group", "name a group", _WRONG


def _unknown_layers(platform: Platform) -> Iterator[Unsound]:
    known = {group.layer for group in platform.spec.groups}
    for profile, layers in platform.spec.profiles.items():
        place = ("spec", "profiles", profile)
        for layer in layers:
            if layer not in known:
                yield place, f"profile {profile} has layer {layer}, which no group is in", "name a layer", _WRONG
        if len(set(layers)) < len(layers):
            yield place, f"profile {profile} has a layer twice", "keep one", "spec-duplicate-key"


def _shared_places(platform: Platform) -> Iterator[Unsound]:
    """With several environments, one file for all of them would be overwritten by each."""
    spec = platform.spec
    if not spec.environments and "{env}" not in spec.config:
        yield ("spec", "config"), "nothing says which environment spec.config is for", "add spec.environments", _WRONG
    if len(spec.environments) == 1:
        return
    for name, value in (("config", spec.config), ("groupsFile", spec.groups_file)):
        if "{env}" not in value:
            yield ("spec", name), f"spec.{name} is one file for all environments", "put {env} into it", _WRONG


def _empty_cautions(platform: Platform) -> Iterator[Unsound]:
    for number, caution in enumerate(platform.spec.warnings):
        if not (caution.needs_field or caution.refuses or caution.needs_group or caution.needs_gpus):
            place = ("spec", "warnings", number)
            action = "give needsField, refuses, needsGroup or needsGpus"
            yield place, "the warning has no reason, so it would never be given", action, "spec-missing-field"


_WRONG = "spec-wrong-value"
