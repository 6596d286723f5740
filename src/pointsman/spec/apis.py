"""What tenants ask a model for, in the words of OpenAI's interface as vLLM speaks it: where, how, and what is answered.

A conversation's next turn, the continuation of a text (a base model has no chat template, and vLLM answers 400 to a
conversation), or a vector (an embedding model has no other path).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["APIS", "Api", "ApiId"]

ApiId = Literal["chat", "completions", "embeddings"]


@dataclass(frozen=True, slots=True)
class Api:
    """One of them."""

    id: ApiId
    path: str
    """Behind the base URL."""
    key: str
    """Of what is asked, in a request's body."""
    what: str
    """What is answered, for people."""
    modes: frozenset[str]
    """``model_info.mode`` of LiteLLM's entries that are asked so."""

    @property
    def tokens(self) -> bool:
        """Does an answer come token by token, so that it can be streamed and its pace be told?"""
        return self.id != "embeddings"

    def body(self, name: str, prompt: str, max_tokens: int) -> dict[str, Any]:
        """A request: greedy, where there is anything to draw, and with nothing that a cloud's model would refuse."""
        asked: Any = [{"role": "user", "content": prompt}] if self.id == "chat" else prompt
        drawn = {"max_tokens": max_tokens, "temperature": 0} if self.tokens else {}
        return {"model": name, self.key: asked, **drawn}

    def text(self, choice: Mapping[str, Any]) -> str:
        """What a choice of an answer says, or a piece of one, reasoning first (``reasoning_content`` until 0.11)."""
        if self.id == "completions":
            return str(choice.get("text") or "")
        message = choice.get("message") or choice.get("delta") or {}
        return "".join(str(message.get(key) or "") for key in ("reasoning_content", "reasoning", "content"))

    def said(self, answer: Any) -> str:
        """The text of a whole answer, of a vector its length; raises KeyError, IndexError or TypeError."""
        if not self.tokens:
            return f"{len([float(one) for one in answer['data'][0]['embedding']])} numbers"
        choice = answer["choices"][0]
        if "content" not in choice["message"] if self.id == "chat" else "text" not in choice:
            raise KeyError("content")
        return self.text(choice)


APIS: Mapping[ApiId, Api] = {
    one.id: one
    for one in (
        Api(
            "chat",
            "/v1/chat/completions",
            "messages",
            "a chat completion",
            frozenset({"chat", "completion", "responses"}),
        ),
        Api("completions", "/v1/completions", "prompt", "a completion", frozenset({"completion"})),
        Api("embeddings", "/v1/embeddings", "input", "an embedding", frozenset({"embedding"})),
    )
}
"""By the spec's word."""
