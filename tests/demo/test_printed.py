"""What the demo prints as data has its schema, whatever its tenants felt; the top of it is held where it fails."""

from __future__ import annotations

from typing import Any

from pointsman.demo.counts import Count
from pointsman.demo.ledger import Entry, Ledger, Window, summary
from pointsman.demo.receipt import joined
from pointsman.demo.reconcile import reconcile
from tests.docs.schemas.holding import held
from tests.world.world import World, quick

GOOD = Entry(0, True, 0, 8, 6.0, 6.1, 6.5, 200, "qwen-raw-vllm")
LOST = Entry(1, False, 0, 8, 7.0, None, 7.2, 503, failure="status", detail="503 busy")
LATE = Entry(2, False, 0, 8, 14.0)


async def test_receipts_load_and_reconciliation_have_their_schema() -> None:
    world = World()
    receipt = (await world.conductor().move(world.model, "kserve", quick())).receipt
    entries = [GOOD, LOST, LATE]
    move = joined(receipt, Ledger(entries), Window(5.0, 10.0), 5.0)
    found: dict[str, Any] = {
        "moves": [move],
        "load": {**summary(entries), "latestDeparture": 0.1, "rate": 16},
        "seconds": 12.3,
        "interrupted": False,
    }
    books = reconcile(
        {"a": Count("raw-vllm", 3)}, {}, [move], entries, lambda entry: entry.member.removeprefix("qwen-")
    )
    for one in (books.as_dict(), None):
        held("demo", found | {"reconciliation": one})
