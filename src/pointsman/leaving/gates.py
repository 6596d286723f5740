"""What turning a feature off makes vanish once it is pushed: one profile, resolved with the feature and without."""

from __future__ import annotations

from dataclasses import replace

from pointsman.catalog.config import Config
from pointsman.catalog.groups import Row, groups_text, resolved
from pointsman.catalog.profile import Profile, profile_of
from pointsman.catalog.repository import Repository
from pointsman.catalog.resolution import Resolution
from pointsman.catalog.source import BOUNDS, Source
from pointsman.intake.yaml import read_yaml

__all__ = ["before_and_after"]


def before_and_after(repository: Repository, source: Source, text: str) -> tuple[Profile, Profile] | None:
    """The widest profile as the configuration is and as it would be; None when no group is turned off.

    Raises PointsmanError for a platform whose ApplicationSets or catalog cannot be read.
    """
    old = resolved(repository, Config(source))
    new = resolved(repository, Config(replace(source, text=text, reading=read_yaml(text, BOUNDS))))
    if not any(was.on and not row.on for was, row in zip(old, new, strict=True)):
        return None
    profiles = repository.platform.spec.profiles
    widest = max(profiles, key=lambda name: len(profiles[name]))
    return _profile(widest, repository, old), _profile(widest, repository, new)


def _profile(name: str, repository: Repository, rows: list[Row]) -> Profile:
    """As if the groups file were written already."""
    made = groups_text(rows).encode()
    return profile_of(name, Resolution(repository, tuple(rows), (), made, made))
