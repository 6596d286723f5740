"""The installed LiteLLM, asked through a pipe: ``python -m tests.edge.litellm_process`` reads a question a line.

A process of its own, because importing LiteLLM takes seconds and changes the interpreter it is imported into.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

import litellm
import yaml
from litellm.proxy.auth.model_checks import expand_wildcard_deployments_for_model_info
from litellm.proxy.common_utils.openai_endpoint_utils import remove_sensitive_info_from_deployment
from litellm.router import Router
from litellm.types.utils import CredentialItem

MESSAGES: Any = [{"role": "user", "content": "hi"}]
HELLO = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
HELLO |= {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "hello"}}]}


class Engine(BaseHTTPRequestHandler):
    """Answers every completion; notes the names it was asked for."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body["model"])  # type: ignore[attr-defined]
        answer = json.dumps(HELLO).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Silent."""


def engine() -> ThreadingHTTPServer:
    """An engine on a free port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Engine)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


def router_of(text: str) -> Router:
    """As ``proxy_server.load_config`` makes it."""
    config = yaml.safe_load(text)
    litellm.credential_list = [
        CredentialItem(**{"credential_info": {}, **one}) for one in config.get("credential_list") or []
    ]
    settings = {
        key: value for key, value in (config.get("router_settings") or {}).items() if key in Router.get_valid_args()
    }
    return Router(model_list=config.get("model_list") or [], ignore_invalid_deployments=True, **settings)


def rows_of(router: Router) -> list[dict[str, Any]]:
    """As ``GET /model/info`` lists it."""
    rows = json.loads(json.dumps([*router.model_list, *router.get_model_list_from_model_alias()], default=str))
    return [remove_sensitive_info_from_deployment(row) for row in expand_wildcard_deployments_for_model_info(rows)]


async def pick(router: Router, name: str, requests: int, extra: dict[str, Any]) -> dict[str, int]:
    """Which deployments the router picks."""
    found: Counter[str] = Counter()
    random.seed(7)
    for _ in range(requests):
        kwargs = {"metadata": {}, **json.loads(json.dumps(extra))}
        try:
            got = await router.async_get_available_deployment(model=name, request_kwargs=kwargs, messages=MESSAGES)
            found[str(got["model_info"]["id"])] += 1
        except Exception as error:
            found[f"{type(error).__name__}: {str(error)[:60]}"] += 1
    return dict(found)


async def complete(router: Router, name: str, requests: int, extra: dict[str, Any]) -> str:
    """Real requests, to the engines of this process; what went wrong, if anything."""
    for _ in range(requests):
        try:
            await router.acompletion(model=name, messages=MESSAGES, num_retries=0, **json.loads(json.dumps(extra)))
        except Exception as error:
            return f"{type(error).__name__}: {str(error)[:200]}"
        await asyncio.sleep(0)
    return ""


def answer(question: dict[str, Any]) -> dict[str, Any]:
    engines = {"ENGINE_A": engine(), "ENGINE_B": engine()} if question["complete"] else {}
    text = question["text"]
    for word, one in engines.items():
        text = text.replace(word, f"http://127.0.0.1:{one.server_port}")
    router = router_of(text)
    told: dict[str, Any] = {"rows": rows_of(router), "picked": [], "failed": [], "asked": {}}

    async def ask() -> None:
        for one in question.get("pick", []):
            told["picked"].append(await pick(router, one["name"], one.get("requests", 200), one.get("extra", {})))
        for one in question.get("complete", []):
            told["failed"].append(await complete(router, one["name"], one.get("requests", 1), one.get("extra", {})))

    asyncio.run(ask())
    told["asked"] = {word: one.asked for word, one in engines.items()}  # type: ignore[attr-defined]
    for one in engines.values():
        one.shutdown()
    router.discard()  # type: ignore[no-untyped-call]
    return told


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        try:
            told = answer(json.loads(line))
        except Exception as error:
            told = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told, default=str), file=out, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
