"""One tenant's request, from the first byte sent to the verdict on the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from pointsman.demo.door import Door
from pointsman.demo.ledger import Entry
from pointsman.demo.tenants import PATIENCE, PROMPTS, Case
from pointsman.kube.reasons import reason

__all__ = ["Alias", "Reply", "ask", "body_of"]


@dataclass(frozen=True, slots=True)
class Alias:
    """What tenants call, and which answers are right."""

    name: str
    models: frozenset[str]
    """Names an answer may give as its model."""
    members: frozenset[str]
    """Ids of members that may answer; none: whoever does."""
    texts: Mapping[Case, str] = field(default_factory=dict)
    """The right text of each case; a case that is not here is taken as it comes."""
    other: Mapping[Case, str] = field(default_factory=dict)
    """The right text where the alias has a member with other weights, and that one answers."""
    exact: bool = True
    """Is an answer with another text a wrong one? Honest engines part from each other somewhere, sometimes."""


@dataclass(slots=True)
class Reply:
    """What came, as far as it came."""

    text: str = ""
    model: str = ""
    finish: str = ""
    done: bool = False

    def take(self, line: bytes) -> bool:
        """Take one line of a stream; True when it brought text."""
        if not line.startswith(b"data:"):
            return False
        data = line[5:].strip()
        if data == b"[DONE]":
            self.done = True
            return False
        piece = json.loads(data)
        if "error" in piece:
            raise ValueError(str(piece["error"])[:120])
        self.model = str(piece.get("model") or self.model)
        for choice in piece.get("choices") or []:
            self.text += (choice.get("delta") or {}).get("content") or ""
            self.finish = choice.get("finish_reason") or self.finish
        return bool(self.text)

    def whole(self, body: bytes) -> None:
        """Take a plain answer."""
        data = json.loads(body)
        choice = data["choices"][0]
        self.text, self.model = str(choice["message"]["content"] or ""), str(data.get("model", ""))
        self.finish, self.done = str(choice.get("finish_reason") or ""), True


def body_of(alias: str, case: Case, *, stream: bool) -> dict[str, Any]:
    """The request: greedy, so that there is one right answer."""
    return {
        "model": alias,
        "messages": [{"role": "user", "content": PROMPTS[case.prompt]}],
        "max_tokens": case.max_tokens,
        "temperature": 0,
        **({"stream": True} if stream else {}),
    }


async def ask(door: Door, alias: Alias, entry: Entry, now: Callable[[], float], patience: float = PATIENCE) -> Reply:
    """Carry out the entry's request and write its outcome into it. Does not raise for anything the other side does."""
    case = Case(entry.prompt, entry.max_tokens)
    reply = Reply()
    try:
        async with asyncio.timeout(patience):
            await _exchange(door, body_of(alias.name, case, stream=entry.stream), entry, reply, now)
        _judge(alias, case, entry, reply)
    except (aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError) as error:
        _fail(entry, "connect", error)
    except TimeoutError as error:
        _fail(entry, "timeout", error)
    except (aiohttp.ClientError, OSError) as error:
        _fail(entry, "cut" if entry.status == 200 else "connect", error)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        _fail(entry, "cut" if entry.stream else "wrong", error)
    except asyncio.CancelledError:
        entry.failure = entry.failure or "timeout"
        entry.detail = entry.detail or "the load was stopped"
        raise
    finally:
        entry.ended = now()
    return reply


async def _exchange(door: Door, body: Mapping[str, Any], entry: Entry, reply: Reply, now: Callable[[], float]) -> None:
    async with door.session.post(
        f"{door.base}/v1/chat/completions",
        json=body,
        headers=door.headers,
        proxy=door.proxy,
        timeout=aiohttp.ClientTimeout(),
    ) as response:
        entry.status = response.status
        entry.member = response.headers.get("x-litellm-model-id", "")
        entry.base = response.headers.get("x-litellm-model-api-base", "")
        entry.retries = int(response.headers.get("x-litellm-attempted-retries", "0") or 0)
        if response.status != 200:
            entry.failure, entry.detail = "status", f"{response.status} {(await response.text())[:200]}"
            return
        if not entry.stream:
            reply.whole(await response.read())
            entry.first = now()
            return
        async for line in response.content:
            if reply.take(line) and entry.first is None:
                entry.first = now()


def _judge(alias: Alias, case: Case, entry: Entry, reply: Reply) -> None:
    if entry.failure:
        return
    if not (reply.done and reply.finish):
        entry.failure, entry.detail = "cut", f"ended after {len(reply.text)} characters, done={reply.done}"
    elif alias.members and entry.member not in alias.members:
        entry.failure, entry.detail = "wrong", f"answered by {entry.member or 'nobody who says so'}"
    elif reply.model not in alias.models:
        entry.failure, entry.detail = "wrong", f"model {reply.model!r} answered"
    elif not reply.text:
        entry.failure, entry.detail = "wrong", "said nothing"
    elif case in alias.texts and reply.text not in (alias.texts[case], alias.other.get(case)):
        entry.unlike = True
        if alias.exact:
            entry.failure, entry.detail = "wrong", f"said {reply.text[:80]!r}, right is {alias.texts[case][:80]!r}"


def _fail(entry: Entry, kind: str, error: BaseException) -> None:
    entry.failure, entry.detail = kind, reason(error)[:200]
