from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest_asyncio

from tests.lab.network.world import World, world


@pytest_asyncio.fixture
async def net() -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="pm") as home:
        async with world(Path(home)) as made:
            yield made


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session
