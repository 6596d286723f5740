"""740: what a model names for its routes, and is not there; of one that is only planned, too."""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.adopt.standing import Standing
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.view import View, listed

__all__ = ["CHECKS", "gateways_named"]


def gateways_named(one: Standing) -> Iterator[tuple[int, str, str]]:
    """The Gateways that an LLMInferenceService names for its routes: which one, its namespace and its name."""
    for number, said in enumerate(listed(one.data, *_REFS)):
        if name := str(said.get("name") or ""):
            yield number, str(said.get("namespace") or one.namespace), name


def _named(view: View) -> Iterator[Told]:
    kind = "LLMInferenceService"
    for one in [*view.of(kind), *view.meant(kind)]:
        for number, namespace, name in gateways_named(one):
            if view.find("Gateway", namespace, name) is None:
                yield Told(
                    one, f"it hangs on Gateway {namespace}/{name}, and no such Gateway is there", (*_REFS, number)
                )


_REFS = ("spec", "router", "gateway", "refs")

CHECKS = (
    Check(
        "PM740",
        "named-gateway-missing",
        Level.error,
        frozenset({"Gateway", "LLMInferenceService"}),
        cause="a model's routes hang on the Gateway that it names: without it nobody reaches its engines",
        remedy="create the Gateway, or name one that is there: router.gateway.refs, in a spec layers.llm-d.gateway",
        sure=Sure.measured,
        fact="KServe 0.20.0, llmisvc in the lab: RouterReady False, RefsInvalid",
        run=_named,
        sources=frozenset({Source.cluster}),
        whole=True,
        layers=frozenset({"llm-d"}),
    ),
)
