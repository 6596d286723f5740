"""The page of rights names what ``sync`` and ``wait`` ask of the API server, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from pointsman.errors import RefusedError
from pointsman.kube.resources import KINDS
from tests.delivery.ground import NEW, Ground, plain, told, tracked
from tests.delivery.test_traps import stateful
from tests.delivery.test_wait import llm
from tests.world.argo import App, application

PAGE = Path(__file__).parents[2] / "docs" / "argocd.md"
_VERBS = {("GET", True): "get", ("GET", False): "list", ("PATCH", True): "patch"}
_PLURALS = {kind.plural: kind.group for kind in KINDS}


def rules() -> set[tuple[str, str, str]]:
    """Group, resource and verb of every role on the page."""
    text = "\n---\n".join(re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL))
    return {
        (group, resource, verb)
        for role in yaml.safe_load_all(text)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_roles_on_the_page_are_what_is_asked_for(tmp_path: Path) -> None:
    asked: set[tuple[str, str, str]] = set()

    async def front(request: web.Request) -> web.StreamResponse | None:
        parts = request.path.strip("/").split("/")
        last = max(number for number, part in enumerate(parts) if part in _PLURALS)
        asked.add((_PLURALS[parts[last]], parts[last], _VERBS[request.method, last + 1 < len(parts)]))
        return None

    async def story(made: Ground) -> None:
        service: dict[str, Any] = {"apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService"}
        service |= {"metadata": {"name": "qwen", "namespace": "kserve"}, "spec": {"predictor": {}}}
        await plain(made)
        for one in (stateful(1, 1, 1), llm(observedGeneration=2), service):
            await made.cluster.create(one)
        resources = [tracked(one) for one in (stateful(1, 1, 1), llm(), service)]
        await made.argo.add(application("all", syncPolicy={"automated": {}}), App([NEW], resources=resources))
        await made.synced()
        await made.waited("all", 20.0)
        with pytest.raises(RefusedError):
            await made.drafted("nobody")
        await made.all_waited()

    told(tmp_path, story, front)
    assert asked == rules()
