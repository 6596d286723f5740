"""A receipt in the lab, held against the clients' own ledger: the same number of requests, by layer.

Tenants begin when the target is applied and send their last request as the drain begins, so that every request lies
between the move's first and last reading of the engines; the source still has streams under way when they stop.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from pointsman.cli.means import edge_factory
from pointsman.demo.baseline import collect
from pointsman.demo.call import Alias
from pointsman.demo.door import door
from pointsman.demo.load import Load
from pointsman.demo.platform import example_model
from pointsman.demo.tenants import Traffic
from pointsman.kube.client import Client
from pointsman.kube.http import Http
from pointsman.layers.registry import LAYERS
from pointsman.move.boundary import SystemClock
from pointsman.move.conductor import Conductor
from pointsman.move.context import Options
from pointsman.move.means import Means, Result
from pointsman.report.contract import Happening, Topic
from tests.conftest import RunningLab
from tests.move.platform import layer_of, pointsman_in, served

pytestmark = pytest.mark.lab

SCHEMA = Path(__file__).parents[2] / "docs/schemas/receipt.schema.json"


class Switch:
    """Lets tenants in when the target is applied, and out when the drain begins."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.begun: asyncio.Future[Load] | None = None

    def tell(self, happening: Happening) -> None:
        """Watch the move."""
        if happening.topic is Topic.STEP_DONE and happening.step == "deploy":
            self.begun = asyncio.ensure_future(self.load.__aenter__())
        if happening.topic is Topic.STEP_BEGUN and happening.step == "drain":
            self.load.halt()


async def _moved(lab: RunningLab, target: str) -> tuple[Result, Load]:
    model = example_model()
    secret = json.loads(lab.kubectl("get", "secret", "litellm", "-n", "llm-gateway", "-o", "json").stdout)
    key = base64.b64decode(secret["data"]["master-key"]).decode()
    async with (
        Client.from_kubeconfig(lab.kubeconfig) as client,
        Http() as wire,
        door(client, model.spec.tenant.edge, key, lab.config.proxy_url) as way,
    ):
        names = frozenset({model.spec.served_model_name, model.spec.tenant.alias})
        members = frozenset(f"{model.name}-{layer.id}" for layer in LAYERS)
        alias = Alias(model.spec.tenant.alias, names, members)
        alias = Alias(alias.name, names, members, await collect(way, alias))
        load = Load(way, alias, Traffic(rate=6.0, streams=0.5, seed=5))
        switch = Switch(load)
        means = Means(client, wire, SystemClock(), edge_factory(client), switch)
        options = Options(hold=3.0, ready_timeout=180.0)
        try:
            result = await Conductor(means).move(model, target, options)
        finally:
            await load.stop()
        assert switch.begun is not None
        return result, load


async def test_the_receipt_is_the_clients_ledger_to_the_request(lab: RunningLab) -> None:
    served(lab)
    ids = [layer.id for layer in LAYERS]
    target = ids[(ids.index(layer_of(lab)) + 1) % len(ids)]
    result, load = await _moved(lab, target)
    assert result.error is None
    ledger = Counter(one.member.removeprefix("qwen-") for one in load.ledger.entries if one.answered)
    lost = [(one.failure, one.status, one.detail[:120]) for one in load.ledger.entries if not one.answered]
    assert not lost, (len(lost), lost[:5])
    assert sum(ledger.values()) > 100
    rows = result.receipt["traffic"]["layers"]
    assert {layer: row["tenants"] for layer, row in rows.items() if row["tenants"] != 0} == dict(ledger), rows
    assert result.receipt["traffic"]["tenants"] == sum(ledger.values())
    assert result.receipt["traffic"]["cut"] == 0
    done = pointsman_in(lab)("receipt", "qwen", "--kubeconfig", str(lab.kubeconfig), "--output", "json")
    read = json.loads(done.stdout)
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(read)
    assert read["traffic"] == result.receipt["traffic"]
