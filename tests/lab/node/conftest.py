from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.conftest import RunningLab
from tests.lab.node.pods import Space


@pytest.fixture
def space(lab: RunningLab) -> Iterator[Space]:
    name = f"node-{secrets.token_hex(3)}"
    lab.kubectl("create", "namespace", name)
    lab.kubectl("-n", name, "wait", "--for=create", "serviceaccount/default", "--timeout=20s")
    yield Space(lab, name)
    lab.kubectl("delete", "namespace", name, "--wait=false")
