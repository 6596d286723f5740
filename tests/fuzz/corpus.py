"""What is mutated: specs, edge configurations, plans and kubeconfigs as people have them, and words for MODEL."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import yaml

from pointsman.demo.platform import plain_manifests
from pointsman.move.context import Options
from pointsman.move.means import spec_of
from pointsman.move.plan.file import save_plan
from tests.advice.configs import CONFIGS
from tests.catalog.layouts import AROUND, BLOCKS, OWN
from tests.catalog.repository import APPSET, CONFIG, application
from tests.cli.hostile import SPECS, TEXTS, WORDS
from tests.cost.paid import PRICES
from tests.fuzz.platforms import answers, manifests
from tests.spec.text import TEXT
from tests.world.world import World

__all__ = ["KINDS", "corpus"]

ROOT = Path(__file__).parents[2]
FIELD = sorted((ROOT / "tests" / "field").glob("*.yaml"))
KINDS = (
    *("spec", "edge", "plan", "kubeconfig", "word", "config", "platform", "appset"),
    *("repository", "prices", "hub", "answer"),
)
SMALL = 50_000
"""Bytes of the hostile texts that are worth mutating; the large ones are tests of their own."""

KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: here
clusters:
- name: c
  cluster: {server: "https://127.0.0.1:1", tls-server-name: k8s, certificate-authority-data: QUJD}
- name: plain
  cluster: {server: "http://127.0.0.1:1/", insecure-skip-tls-verify: true}
contexts:
- {name: here, context: {cluster: plain, user: token, namespace: ns}}
- {name: other, context: {cluster: c, user: pair}}
- {name: third, context: {cluster: c, user: plugin}}
users:
- {name: token, user: {token: abc}}
- {name: pair, user: {client-certificate-data: QUJD, client-key-data: QUJD}}
- {name: named, user: {client-certificate: absent.crt, client-key: absent.key, tokenFile: absent}}
- {name: basic, user: {username: u, password: p}}
- name: plugin
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: /nonexistent/plugin
      args: [a]
      env: [{name: A, value: b}]
"""


def _specs() -> list[bytes]:
    models = [path.read_bytes() for path in FIELD if path.name < "2"]
    odd = [text.encode() for text in SPECS.values() if len(text) < SMALL]
    return [TEXT.encode(), *models, *odd]


def _edges() -> list[bytes]:
    platform = plain_manifests() / "litellm"
    shown = [
        text.encode()
        for path in sorted(platform.rglob("*.yaml"))
        for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
        if one and one.get("kind") == "ConfigMap"
        for text in one.get("data", {}).values()
    ]
    return [*shown, *(path.read_bytes() for path in FIELD if path.name >= "2")]


def _plans() -> list[bytes]:
    """A plan of every strategy that fits the example, as the program writes it."""

    async def made(layer: str, options: Options) -> bytes:
        world = World()
        plan = await world.conductor().plan(world.model, layer, options)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "plan.json"
            save_plan(path, spec_of(world.model), plan, options)
            return path.read_bytes()

    plans = [asyncio.run(made(layer, Options(hold=2.0))) for layer in ("kserve", "llm-d")]
    return [*plans, *(json.dumps(json.loads(plan)).encode() for plan in plans)]


def _kubeconfigs() -> list[bytes]:
    as_json = json.dumps(yaml.safe_load(KUBECONFIG)).encode()
    others = [KUBECONFIG.replace("current-context: here", f"current-context: {name}") for name in ("other", "third")]
    return [KUBECONFIG.encode(), as_json, *(text.encode() for text in others)]


def _words() -> list[bytes]:
    usual = ["qwen", "models/qwen.yaml", "./a.yml", "~/x.yaml", "../..", "/etc/hostname", "qwen.yaml"]
    return [word.encode("utf-8", "surrogateescape") for word in (*usual, *WORDS.values()) if "\0" not in word]


def _configs() -> list[bytes]:
    """A platform's configuration, with features written in every way that people write them."""
    parts = [(head, tail) for head, tail in AROUND if not head.startswith("{")]
    return [CONFIG.encode(), *(f"{head}{block}{tail}".encode() for block in BLOCKS.values() for head, tail in parts)]


def _appsets() -> list[bytes]:
    """Manifests of a platform repository, several in a file."""
    sets = [APPSET.format(layer=layer) for layer in ("platform", "serving")]
    return [*(one.encode() for one in sets), "---\n".join([*sets, application("raw-vllm")]).encode()]


def _prices() -> list[bytes]:
    return [PRICES.format(date="2026-11-01").encode(), (ROOT / "src/pointsman/cost/example.yaml").read_bytes()]


def _hubs() -> list[bytes]:
    return [json.dumps(dict(one)).encode() for one in CONFIGS.values()]


@cache
def corpus() -> Mapping[str, Sequence[bytes]]:
    """Seeds by kind; one in ten is hostile before it is mutated."""
    texts = [text for text in TEXTS.values() if len(text) < SMALL]
    real = {
        **{"spec": _specs(), "edge": _edges(), "plan": _plans(), "kubeconfig": _kubeconfigs()},
        **{"config": _configs(), "platform": [OWN.encode()], "appset": _appsets()},
        **{"repository": manifests(), "prices": _prices(), "hub": _hubs(), "answer": answers()},
    }
    mixed = {kind: [*seeds * (9 * len(texts) // len(seeds) + 1), *texts] for kind, seeds in real.items()}
    return {**mixed, "word": _words()}
