"""A trap that a usual run leaves out on the real Argo CD is a test in memory too."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import tests.gitops


def _traps() -> Iterator[tuple[str, str]]:
    for module in pkgutil.iter_modules(tests.gitops.__path__):
        if not module.name.startswith("test_"):
            continue
        for name, one in vars(importlib.import_module(f"tests.gitops.{module.name}")).items():
            if name.startswith("test_"):
                marks = getattr(one, "pytestmark", [])
                yield from ((name, mark.kwargs.get("twin", "")) for mark in marks if mark.name == "trap")


TRAPS = list(_traps())


@pytest.mark.parametrize("twin", sorted({twin for _, twin in TRAPS if twin}))
def test_the_twin_is_there(twin: str) -> None:
    file, _, name = twin.partition("::")
    assert callable(getattr(importlib.import_module(f"tests.{file}"), name))


def test_a_usual_run_meets_the_real_argo_cd_more_often_than_not() -> None:
    assert sum(not twin for _, twin in TRAPS) > len(TRAPS) / 2
