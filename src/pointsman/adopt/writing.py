"""A Model's file from what was found: nothing is in it that is not written somewhere.

What a Model has to have and nobody wrote is asked for; what it may have and nobody wrote is left out, with a comment
where a default would stand for something that is not known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pointsman.adopt.members import price_of
from pointsman.adopt.models import Found
from pointsman.adopt.promise import Auth, Engine
from pointsman.adopt.proxy import Proxy
from pointsman.adopt.roads import Road
from pointsman.edge.litellm_params import INFO
from pointsman.foreign import harmless
from pointsman.spec.arguments import OWNED, without

__all__ = ["ASKED", "Draft", "drafted", "scalar"]

ASKED: Mapping[str, str] = {
    "alias": "the alias that tenants call",
    "servedModelName": "the name that its engines answer to",
    "weights": "the Hugging Face repository of its weights, owner/name",
    "image": "the engine's image, with a tag or a digest",
    "context": "the context length that tenants are promised, in tokens",
    "requests.cpu": "CPU that a container requests",
    "requests.memory": "memory that a container requests",
    "limits.cpu": "CPU that a container may use",
    "limits.memory": "memory that a container may use",
    "auth": "the Secret with the key that engines ask for, SECRET/KEY, or none",
}
"""What may be given with ``--set``, and what it is."""
_PINNED = re.compile(r".+(:[\w][-.\w]*|@sha256:[0-9a-f]{64})")


@dataclass(slots=True)
class Draft:
    """One Model to be written."""

    name: str
    lines: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """What has to be given with ``--set``, by name."""

    @property
    def text(self) -> str:
        """The file; what others wrote ends no comment."""
        return "".join(f"{harmless(' '.join(line.splitlines()))}\n" for line in self.lines)


def drafted(model: Found, proxy: Proxy | None, given: Mapping[str, str]) -> Draft:
    """The Model of what was found, with what a person adds."""
    made = _Writer(model, given, Draft(model.name))
    made.write(proxy)
    return made.draft


@dataclass(slots=True)
class _Writer:
    model: Found
    given: Mapping[str, str]
    draft: Draft

    def write(self, proxy: Proxy | None) -> None:
        model, add = self.model, self.draft.lines.append
        add(f"# Adopted: {len(model.engines)} of its layers {_stand(model.engines)} as manifests that people wrote.")
        add("# Each layer's `from` names them; what they say stands. Nothing here was made up: what nobody wrote is")
        add("# left out, or marked as to be filled in.")
        for line in ("apiVersion: pointsman.dev/v1alpha1", "kind: Model", f"metadata: {{name: {model.name}}}", "spec:"):
            add(line)
        add(f"  layer: {model.chief} # {self._why_layer()}")
        add(f"  servedModelName: {self._need('servedModelName', model.wanted)}")
        add(f"  weights: {{huggingFace: {{repo: {self._need('weights', _value(model.engine.weights))}}}}}")
        self._engine()
        add(f"  accelerator: {{gpusPerReplica: {model.engine.gpus}}}")
        self._resources()
        if model.engine.replicas > 0:
            add(f"  replicas: {model.engine.replicas}")
        else:
            add("  # replicas: git has none of them running; when served, there is the usual one")
        self._contract()
        self._tenant(proxy)
        self._layers()

    def _why_layer(self) -> str:
        road = self.model.road_to(self.model.chief)
        return f"where {road.member.alias} leads: {road.member.where}" if road else "no alias says; correct it"

    def _need(self, name: str, known: object) -> str:
        said = self.given.get(name)
        value = said if said is not None else known
        if value in (None, ""):
            self.draft.missing.append(name)
            return "TO-BE-FILLED-IN"
        return scalar(str(value))

    def _engine(self) -> None:
        engine, add = self.model.engine, self.draft.lines.append
        image = engine.image if _PINNED.fullmatch(engine.image.rpartition("/")[2]) else None
        add("  engine:")
        add(f"    image: {self._need('image', image)}")
        args = without(engine.args, frozenset(OWNED))
        if args:
            add("    args:")
            for one in args:
                add(f"      - {scalar(one)}")

    def _resources(self) -> None:
        """A request that is not written is the limit, as Kubernetes has it."""
        engine, add = self.model.engine, self.draft.lines.append
        add("  resources:")
        for side, values in (("requests", {**engine.limits, **engine.requests}), ("limits", engine.limits)):
            pairs = [f"{key}: {self._need(f'{side}.{key}', values.get(key))}" for key in ("cpu", "memory")]
            add(f"    {side}: {{{', '.join(pairs)}}}")

    def _contract(self) -> None:
        engine, add = self.model.engine, self.draft.lines.append
        add("  contract:")
        add(f"    maxModelLen: {self._need('context', _value(engine.context)).strip(chr(34))}")
        api = _api(engine, self.model.roads)
        if api != "chat":
            add(f"    api: {api}")
        if "enable-auto-tool-choice" in engine.arguments:
            add("    toolCalls: true")
        add(f"    auth: {self._auth()}")

    def _auth(self) -> str:
        said, auth = self.given.get("auth"), self.model.engine.auth.value
        assert isinstance(auth, Auth)
        if said == "none" or (said is None and auth == Auth() and self.model.engine.asks != "?"):
            return "none"
        secret, key = (said.partition("/")[0], said.partition("/")[2]) if said else (auth.secret, auth.key)
        if not secret or not key:
            self.draft.missing.append("auth")
        return f"{{secret: {scalar(secret or 'TO-BE-FILLED-IN')}, key: {scalar(key or 'TO-BE-FILLED-IN')}}}"

    def _tenant(self, proxy: Proxy | None) -> None:
        model, add = self.model, self.draft.lines.append
        add("  tenant:")
        alias = self._need("alias", model.aliases[0] if model.aliases else None)
        add(f"    alias: {alias}")
        if model.aliases[1:]:
            others = ", ".join(map(scalar, model.aliases[1:]))
            add(f"    aliases: [{others}] # they reach the same engines, and move along")
        for name, target in model.renamed.items():
            add(f"    # {name} is another name of {target} (model_group_alias), and follows by itself.")
        road = model.road_to(model.chief)
        key = road.member.params.get("api_key") if road else None
        if isinstance(key, str) and key.startswith("os.environ/"):
            add(f"    upstreamKey: {scalar(key)}")
        prices = price_of(road) if road else {}
        if len(prices) == 2 and all(isinstance(one, int | float) for one in prices.values()):
            first, second = (_number(one) for one in prices.values())
            add(f"    price: {{inputPerToken: {first}, outputPerToken: {second}}}")
        self._edge(proxy)

    def _edge(self, proxy: Proxy | None) -> None:
        add = self.draft.lines.append
        if proxy is None or not proxy.known:
            add("    # edge: to be filled in: nothing here says how LiteLLM's objects are called in the cluster;")
            add("    # until then the usual names of docs/model.md are taken.")
            return
        add(f"    edge: # from {proxy.how}" if proxy.how else "    edge:")
        for name, value in proxy.known.items():
            add(f"      {name}: {scalar(str(value)) if isinstance(value, str) else value}")
        if proxy.master:
            add(f"      masterKey: {{secret: {scalar(proxy.master['secret'])}, key: {scalar(proxy.master['key'])}}}")
        if proxy.unknown:
            add(f"      # to be filled in: {', '.join(proxy.unknown)}; until then as docs/model.md says")

    def _layers(self) -> None:
        add = self.draft.lines.append
        add("  layers:")
        for layer, engine in self.model.engines.items():
            add(f"    {layer}: # {engine.standing.where}")
            add(f"      name: {scalar(engine.name)}")
            if engine.namespace:
                add(f"      namespace: {scalar(engine.namespace)}")
            add(f"      from: {_from(engine)}")
            road = self.model.road_to(layer)
            if road is not None and road.through_gateway and layer != "llm-d":
                add(f"      address: {scalar(_with_v1(road.member.base))} # through {_gateway(road)}")
                if headers := _headers(road):
                    add(f"      headers: {headers}")


def _stand(engines: Mapping[str, Engine]) -> str:
    return "stand" if len(engines) > 1 else "stands"


def _from(engine: Engine) -> str:
    origin = engine.standing.origin
    place = origin.path
    if origin.single and engine.standing.crowded:
        place = sorted(origin.files)[0]  # others' engines lie beside it, and are not to be deployed with it
    if (
        origin.recurse and engine.standing.deployed.documents
    ):  # it deploys folders below, too; the engine's own is meant
        place = engine.standing.deployed.documents[0].path.rpartition("/")[0]
    said = {"path": place}
    if origin.application is not None:
        said["application"] = origin.application.name
        if origin.application.namespace != "argocd":
            said["applicationNamespace"] = origin.application.namespace
    if engine.several:
        said["container"] = engine.container_name
    return "{" + ", ".join(f"{key}: {scalar(value)}" for key, value in said.items()) + "}"


def _api(engine: Engine, roads: Sequence[Road]) -> str:
    modes = {str(road.member.entry.section(INFO).get("mode") or "") for road in roads}
    if "embedding" in modes or any(
        one.startswith(("--runner=pooling", "--convert=embed", "--task=embed")) for one in engine.args
    ):
        return "embeddings"
    return "completions" if modes == {"completion"} else "chat"


def _headers(road: Road) -> str:
    """What a request has to say so that the route takes it: the header that it tells the model by."""
    if road.header is None:
        return ""
    route, place, value = road.header
    data: Any = route.data
    for part in place[:-1]:
        data = data[part]
    return f"{{{scalar(str(data['name']))}: {scalar(value)}}}"


def _gateway(road: Road) -> str:
    return next((hop.what for hop in road.hops if hop.what.startswith("Gateway ")), "a gateway")


def _value(fact: Any) -> Any:
    return fact.value if fact is not None else None


def _with_v1(base: str) -> str:
    return base if base.endswith("/v1") else f"{base}/v1"


def _number(value: object) -> str:
    """Without an exponent, which readers of YAML do not agree about."""
    return format(Decimal(repr(value)), "f")


def scalar(text: str) -> str:
    """A text as YAML takes it for one, whoever reads."""
    plain = re.fullmatch(r"[A-Za-z/][-\w./@=+]*(:[\w./@][-\w./@:=]*)?|--?[a-z][-\w.=/]*", text)
    words = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"}
    return text if plain and text.lower() not in words else json.dumps(text, ensure_ascii=False)
