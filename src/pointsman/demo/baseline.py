"""The right answers, asked of the source before anything moves; in the lab, held against the simulator's own text."""

from __future__ import annotations

import asyncio
import time

from pointsman.demo.call import Alias, ask
from pointsman.demo.door import Door
from pointsman.demo.ledger import Entry
from pointsman.demo.tenants import LENGTHS, PROMPTS, Case, cases
from pointsman.errors import ClusterError
from pointsman.spec.model import Model

__all__ = ["collect", "differing"]

AT_ONCE = 12


async def collect(door: Door, alias: Alias) -> dict[Case, str]:
    """Every case's answer; the longest ones streamed too, which must agree.

    Raises ClusterError naming what did not answer.
    """
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case, stream: bool) -> str:
        entry = Entry(0, stream, case.prompt, case.max_tokens, time.monotonic())
        async with gate:
            reply = await ask(door, alias, entry, time.monotonic)
        if entry.failure:
            raise _broken(f"{entry.failure}: {entry.detail}")
        return reply.text

    known = cases()
    longest = [case for case in known if case.max_tokens == max(LENGTHS)]
    plain, streamed = await asyncio.gather(
        asyncio.gather(*(one(case, False) for case in known)), asyncio.gather(*(one(case, True) for case in longest))
    )
    texts = dict(zip(known, plain, strict=True))
    for case, text in zip(longest, streamed, strict=True):
        if texts[case] != text or not text:
            raise _broken(f"prompt {case.prompt} is answered otherwise when streamed")
    return texts


def differing(model: Model, texts: dict[Case, str]) -> list[Case]:
    """Cases whose answer is not what the lab's simulator says for these weights."""
    from pointsman.lab.engine.text import answer

    hub = model.spec.weights.hugging_face
    return [
        case
        for case, text in texts.items()
        if text
        != "".join(
            answer(
                hub.repo,
                hub.revision or "",
                [{"role": "user", "content": PROMPTS[case.prompt]}],
                case.max_tokens,
            )
        )
    ]


def _broken(what: str) -> ClusterError:
    return ClusterError(
        f"the edge does not answer tenants before anything moved ({what})",
        next_action="look at the edge's log: kubectl logs -n llm-gateway deploy/litellm",
        code="demo-baseline",
    )
