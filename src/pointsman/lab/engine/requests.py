"""What a client asked for: the body of a completion, checked as vLLM checks it.

Checked by hand instead of by a schema library: the accepted set is small, unknown fields are allowed, and the
messages are vLLM's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.lab.engine.text import decode, encode, render

__all__ = ["Ask", "BadRequestError", "parse_ask", "parse_body"]

_DEFAULT_COMPLETION_TOKENS = 16


class BadRequestError(Exception):
    """The body is wrong; the client gets a 400 with this text."""

    def __init__(self, message: str, kind: str = "BadRequestError", param: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind
        self.param = param


@dataclass(frozen=True, slots=True)
class Ask:
    """One completion, chat or plain, in the engine's terms."""

    chat: bool
    model: str | None
    prompt: str
    ids: list[int]
    max_tokens: int | None
    stop: tuple[str, ...]
    stream: bool
    include_usage: bool
    continuous_usage: bool
    ignore_eos: bool
    keep_stop: bool
    transfer: Mapping[str, Any]
    logprobs: int | None
    """How many likeliest tokens are named beside the answer's first one; None: nothing is said of it."""
    prompt_logprobs: int | None
    """How many likeliest tokens are named beside each of the prompt's own; None: nothing is said of these."""

    def limit(self, max_model_len: int) -> int:
        """How many tokens may be generated; refuses what does not fit the context.

        Raises:
            BadRequestError: prompt and answer together are longer than the model can hold.
        """
        asked = self.max_tokens or 0
        if len(self.ids) + asked > max_model_len or len(self.ids) >= max_model_len:
            total = len(self.ids) + asked
            raise BadRequestError(
                f"This model's maximum context length is {max_model_len} tokens. However, you requested {asked} "
                f"output tokens and your prompt contains {len(self.ids)} input tokens, for a total of {total} "
                f"tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
                param="input_tokens",
            )
        return asked if self.max_tokens is not None else max_model_len - len(self.ids)


def parse_body(data: bytes, content_type: str) -> dict[str, Any]:
    """The JSON object in a request.

    Raises:
        BadRequestError: it is not JSON, or not an object.
    """
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise BadRequestError("Unsupported Media Type: Only 'application/json' is allowed", "Bad Request")
    try:
        body = json.loads(data)
    except ValueError as problem:
        raise _invalid("json_invalid", (), f"JSON decode error: {problem}") from None
    if not isinstance(body, dict):
        raise _invalid("model_attributes_type", (), "Input should be a valid dictionary")
    return body


def parse_ask(body: Mapping[str, Any], *, chat: bool) -> Ask:
    """What the body asks for.

    Raises:
        BadRequestError: a field is missing, of the wrong type or out of range.
    """
    prompt = render(_messages(body)) if chat else _prompt(body)
    options = _typed(body, "stream_options", dict) or {}
    stream = bool(_typed(body, "stream", bool))
    if options and not stream:
        raise _invalid("value_error", (), "Value error, Stream options can only be defined when `stream=True`.")
    if (_typed(body, "n", int) or 1) != 1:
        raise BadRequestError("n must be 1: the simulator gives one greedy answer.", param="n")
    return Ask(
        chat=chat,
        model=_typed(body, "model", str),
        prompt=prompt,
        ids=encode(prompt),
        max_tokens=_max_tokens(body, chat=chat),
        stop=_stop(body),
        stream=stream,
        include_usage=bool(options.get("include_usage")),
        continuous_usage=bool(options.get("include_usage") and options.get("continuous_usage_stats")),
        ignore_eos=bool(_typed(body, "ignore_eos", bool)),
        keep_stop=bool(_typed(body, "include_stop_str_in_output", bool)),
        transfer=_typed(body, "kv_transfer_params", dict) or {},
        logprobs=None if chat or stream else _typed(body, "logprobs", int),
        prompt_logprobs=_prompt_logprobs(body, stream=stream),
    )


def _messages(body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    if "messages" not in body:
        raise _invalid("missing", ("messages",), "Field required")
    messages = body["messages"]
    if not isinstance(messages, list):
        raise _invalid("list_type", ("messages",), "Input should be a valid list")
    for index, message in enumerate(messages):
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise _invalid("missing", ("messages", index, "role"), "Field required")
    if not messages:
        raise BadRequestError("list object has no element 0")
    return messages


def _prompt(body: Mapping[str, Any]) -> str:
    prompt = body.get("prompt")
    if isinstance(prompt, list) and len(prompt) == 1 and isinstance(prompt[0], (str, list)):
        prompt = prompt[0]
    if isinstance(prompt, list) and prompt and all(isinstance(item, int) for item in prompt):
        return decode(prompt)
    if isinstance(prompt, str) and prompt:
        return prompt
    if prompt is None:
        raise _invalid("value_error", (), "Value error, Either prompt or prompt_embeds must be provided and non-empty.")
    raise BadRequestError("please provide at least one prompt; the simulator takes one prompt at a time")


def _prompt_logprobs(body: Mapping[str, Any], *, stream: bool) -> int | None:
    wanted: int | None = _typed(body, "prompt_logprobs", int)
    if wanted and stream:
        raise _invalid("value_error", (), "Value error, `prompt_logprobs` are not available when `stream=True`.")
    if wanted is not None and wanted < -1:
        raise _invalid("value_error", (), "Value error, `prompt_logprobs` must be a positive value or -1.")
    return wanted


def _max_tokens(body: Mapping[str, Any], *, chat: bool) -> int | None:
    wanted: int | None = _typed(body, "max_completion_tokens", int) if chat else None
    wanted = _typed(body, "max_tokens", int) if wanted is None else wanted
    if wanted is None:
        return None if chat else _DEFAULT_COMPLETION_TOKENS
    if wanted < 1:
        raise BadRequestError(f"max_tokens must be at least 1, got {wanted}.", param="max_tokens")
    return wanted


def _stop(body: Mapping[str, Any]) -> tuple[str, ...]:
    stop = body.get("stop")
    if stop is None:
        return ()
    given = [stop] if isinstance(stop, str) else stop
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise _invalid("string_type", ("stop",), "Input should be a valid string")
    if "" in given:
        raise BadRequestError("stop cannot contain an empty string.", param="stop")
    return tuple(given)


def _typed(body: Mapping[str, Any], name: str, kind: type[Any]) -> Any:
    value = body.get(name)
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        said = {str: "string", bool: "boolean", int: "integer", dict: "dictionary"}[kind]
        raise _invalid(f"{said}_type", (name,), f"Input should be a valid {said}")
    return value


def _invalid(kind: str, where: tuple[str | int, ...], message: str) -> BadRequestError:
    place = ("body", *where)
    text = f"1 validation error:\n  {{'type': '{kind}', 'loc': {place!r}, 'msg': '{message}'}}"
    return BadRequestError(text, "Bad Request")
