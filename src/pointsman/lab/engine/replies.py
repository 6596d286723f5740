"""The JSON that vLLM answers with: models, errors, answers, and the events of a stream.

Field order and nulls follow vLLM 0.23 byte for byte where a client could see the difference. Events of a stream are
made from two fixed halves around the token, since a stream is most of what this server does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

__all__ = ["DONE", "Reply", "dumps", "error", "model_list", "usage"]

DONE = b"data: [DONE]\n\n"
dumps: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def error(status: int, message: str, kind: str = "", param: str | None = None) -> dict[str, Any]:
    """vLLM's error body."""
    kind = kind or HTTPStatus(status).phrase
    return {"error": {"message": message, "type": kind, "param": param, "code": status}}


def usage(prompt: int, completion: int) -> dict[str, Any]:
    """Token counts of one request."""
    return {"prompt_tokens": prompt, "total_tokens": prompt + completion, "completion_tokens": completion}


def model_list(
    names: Sequence[str], root: str, max_model_len: int, created: int, adapters: Mapping[str, str]
) -> dict[str, Any]:
    """The answer of ``/v1/models``: one card per served name, then one per LoRA adapter."""
    permission = {
        "object": "model_permission",
        "created": created,
        "allow_create_engine": False,
        "allow_sampling": True,
        "allow_logprobs": True,
        "allow_search_indices": False,
        "allow_view": True,
        "allow_fine_tuning": False,
        "organization": "*",
        "group": None,
        "is_blocking": False,
    }
    served: list[tuple[str, str, str | None, int | None]] = [(name, root, None, max_model_len) for name in names]
    served += [(name, path, names[0], None) for name, path in adapters.items()]
    cards = [
        {
            "id": name,
            "object": "model",
            "created": created,
            "owned_by": "vllm",
            "root": place,
            "parent": parent,
            "max_model_len": length,
            "permission": [{"id": f"modelperm-{created:x}{index}"} | permission],
        }
        for index, (name, place, parent, length) in enumerate(served)
    ]
    return {"object": "list", "data": cards}


@dataclass(frozen=True, slots=True)
class Reply:
    """Writes one answer, whole or as a stream, for a chat or a plain completion."""

    chat: bool
    id: str
    created: int
    model: str
    fingerprint: str
    reasoning: bool = False
    """Is the text reasoning, and the content empty?"""

    def whole(
        self,
        text: str,
        finish: str,
        stop: str | None,
        counts: dict[str, Any],
        logprobs: Sequence[Any] | None,
        likeliest: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        """The body of an answer that is not streamed; ``logprobs`` of the prompt, ``likeliest`` of the answer."""
        ending = {"logprobs": likeliest, "finish_reason": finish, "stop_reason": stop, "token_ids": None}
        head: dict[str, Any] = {"id": self.id, "object": "chat.completion" if self.chat else "text_completion"}
        head |= {"created": self.created, "model": self.model}
        tail: dict[str, Any] = {"service_tier": None, "system_fingerprint": self.fingerprint}
        tail |= {"usage": counts | {"prompt_tokens_details": None}}
        if not self.chat:
            more = {"prompt_logprobs": logprobs, "prompt_token_ids": None, "routed_experts": None}
            choice = {"index": 0, "text": text} | ending | more
            return head | {"choices": [choice]} | tail | {"kv_transfer_params": None}
        message: dict[str, Any] = {
            "role": "assistant",
            "content": None if self.reasoning else text,
            "refusal": None,
            "annotations": None,
            "audio": None,
        }
        message |= {"function_call": None, "tool_calls": [], "reasoning": text if self.reasoning else None}
        choice = {"index": 0, "message": message} | ending | {"routed_experts": None}
        more = {"prompt_logprobs": logprobs, "prompt_token_ids": None, "prompt_text": None}
        return head | {"choices": [choice]} | tail | more | {"kv_transfer_params": None}

    def first(self) -> bytes:
        """The opening event of a chat, which names the role; plain completions have none."""
        if not self.chat:
            return b""
        delta = '{"role":"assistant","content":""}'
        choice = f'{{"index":0,"delta":{delta},"logprobs":null,"finish_reason":null}}'
        return self._event(f'[{choice}],"prompt_token_ids":null,"prompt_text":null')

    def middle(self) -> tuple[bytes, bytes]:
        """What stands before and after the JSON string of a token in every event but the first and last."""
        before, after = self._event(self._choice("\0", None, None)).split(b'"\\u0000"')
        return before, after

    def last(self, text: str, finish: str, stop: str | None, *, stamp: bool) -> bytes:
        """The event that ends the choice; it carries the fingerprint unless a usage event follows."""
        tail = f',"system_fingerprint":{dumps(self.fingerprint)}' if stamp else ""
        return self._event(self._choice(text, finish, stop) + tail)

    def counts(self, counts: dict[str, Any]) -> bytes:
        """The usage event."""
        tail = f'[],"usage":{dumps(counts)},"system_fingerprint":{dumps(self.fingerprint)}'
        return self._event(tail)

    def _choice(self, text: str, finish: str | None, stop: str | None) -> str:
        ended = "" if finish is None and self.chat else f'"stop_reason":{dumps(stop)},'
        field = "reasoning" if self.reasoning else "content"
        said = f'"delta":{{"{field}":{dumps(text)}}}' if self.chat else f'"text":{dumps(text)}'
        ids = '"token_ids":null' if self.chat else '"prompt_token_ids":null,"token_ids":null'
        return f'[{{"index":0,{said},"logprobs":null,"finish_reason":{dumps(finish)},{ended}{ids}}}]'

    def _event(self, rest: str) -> bytes:
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        head = f'"id":{dumps(self.id)},"object":"{kind}","created":{self.created},"model":{dumps(self.model)}'
        return f'data: {{{head},"choices":{rest}}}\n\n'.encode()
