"""What is written in an example's files, as a cluster that has it: for checks that look at what runs."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from multidict import CIMultiDict

from pointsman.kube.http import Response
from pointsman.kube.resources import Kind

__all__ = ["SERVER", "Written", "objects_in"]

SERVER = "APIServer"


def objects_in(folder: Path) -> Iterator[dict[str, Any]]:
    """Every object of every file, each with a namespace where it has one."""
    for file in sorted(folder.rglob("*.yaml")):
        yield from (one for one in yaml.safe_load_all(file.read_text("utf-8")) if one)


class Written:
    """Answers as ``pointsman.kube.client.Client`` does; counts what was asked."""

    def __init__(self, folder: Path) -> None:
        self.objects = list(objects_in(folder))
        self.asked: list[str] = []

    async def pages(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[dict[str, Any]]]:
        self.asked.append(kind.name)
        yield [one for one in self.objects if one["kind"] == kind.name]

    async def names(
        self, kind: Kind, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[str]:
        self.asked.append(kind.name)
        return [one["metadata"]["name"] for one in self.objects if one["kind"] == kind.name]

    async def http(self, method: str, path: str) -> Response:
        assert (method, path) == ("GET", "/version")
        self.asked.append(SERVER)
        said = next((one for one in self.objects if one["kind"] == SERVER), {"gitVersion": "v1.34.4"})
        return Response(200, CIMultiDict(), json.dumps(said).encode())
