"""6xx: what a tenant would notice between two layers of one model, and between an alias and the engines it leads to.

What does not agree is found by ``adopt.comparing``; here it gets its id, its cause and its remedy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from urllib.parse import urlsplit

from pointsman.adopt.attachments import service_of
from pointsman.adopt.roads import Road
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.disagreeing import DISAGREE, told_of
from pointsman.checks.view import View
from pointsman.kube.resources import Ref, kind_of
from pointsman.layers.contract import Endpoint
from pointsman.layers.registry import LAYERS

__all__ = ["CHECKS"]

_BOTH = frozenset(Source)
_ASKED = "LiteLLM 1.106.2 and vLLM 0.32, asked in the lab"
_SERVED = "vLLM 0.32, asked in the lab"


def _lost(view: View) -> Iterator[Told]:
    """Of roads that end at nothing those that lead into what is written here, which may be a part of a cluster."""
    known = {one.namespace for one in view.adopted.world.objects} - {""}
    ours = _of_models(view)
    unknown = {road.where for road in view.adopted.roads if not _here(known, road) or _place(road.member.base) in ours}
    return (one for one in told_of("adopt-road")(view) if one.where not in unknown)


def _of_models(view: View) -> set[tuple[Ref, int, str]]:
    """Where the layers of Models answer that are declared here: their objects are rendered, and lie in no file."""
    models = [one.model for one in view.declared if one.model is not None]
    return {place for model in models for layer in LAYERS if (place := _place(layer.endpoint(model).base_url))}


def _place(address: str) -> tuple[Ref, int, str] | None:
    """Service, port and path of an address within the cluster."""
    try:
        return Endpoint(address, Ref(kind_of("Service"), ""), 0, "").road
    except ValueError:
        return None


def _here(known: set[str], road: Road) -> bool:
    """Is its Service's namespace one that is written here, or a slip of the pen for one?"""
    try:
        host = urlsplit(road.member.base).hostname or ""
    except ValueError:
        return True
    name, namespace = service_of(host.rstrip("."), road.member.edge.namespace)
    return not name or namespace in known or bool(get_close_matches(namespace, known, n=1, cutoff=0.75))


def _check(
    number: int,
    code: str,
    level: Level,
    about: tuple[str, str],
    *,
    fact: str = _ASKED,
    sure: Sure = Sure.measured,
    fixable: bool = True,
    sources: frozenset[Source] = _BOTH,
    run: Callable[[View], Iterator[Told]] | None = None,
    reads: frozenset[str] = DISAGREE,
) -> Check:
    return Check(
        f"PM{number}",
        code.removeprefix("adopt-"),
        level,
        reads,
        cause=about[0],
        remedy=about[1],
        sure=sure,
        fact=fact,
        run=run or told_of(code),
        fixable=fixable,
        sources=sources,
    )


CHECKS = (
    _check(
        601,
        "adopt-served-name",
        Level.error,
        (
            "an engine answers 404 to names it does not serve, and LiteLLM rests the member for 5 s: alone, its alias",
            "serve the same name on every layer",
        ),
    ),
    _check(
        602,
        "adopt-context",
        Level.error,
        (
            "a prompt that fits on one layer is refused with 400 on the other",
            "write the same --max-model-len on every layer",
        ),
        fact=_SERVED,
    ),
    _check(
        603,
        "adopt-auth",
        Level.error,
        (
            "with another key requests are told 401, and without one everybody in the cluster may ask",
            "let every layer take its key from the same Secret",
        ),
        fact=_SERVED,
    ),
    _check(
        604,
        "adopt-argument",
        Level.warning,
        (
            "a flag that changes prompts, answers or what is served changes them for tenants at a move",
            "write the same on every layer",
        ),
        fact="vLLM 0.23, its flags",
        sure=Sure.source,
    ),
    _check(
        605,
        "adopt-weights",
        Level.error,
        (
            "other weights are another model under the same name",
            "load the same; of other precision, say contract: {weights: quantised} in the Model",
        ),
        fact="what other weights answer, nobody promised",
        sure=Sure.rule,
        fixable=False,
    ),
    _check(
        606,
        "adopt-model-name",
        Level.error,
        (
            "an engine answers 404 to names it does not serve, and LiteLLM rests the member for 5 s: alone, its alias",
            "write the served name into litellm_params.model",
        ),
    ),
    _check(
        607,
        "adopt-key",
        Level.error,
        (
            "an engine that checks keys answers 401 to a member without the right one",
            "write api_key: os.environ/NAME, with that variable set from the engine's Secret",
        ),
    ),
    _check(
        608,
        "adopt-price",
        Level.warning,
        (
            "with two prices in one alias a tenant's bill hangs on which member answered",
            "write one price for all engines of the model",
        ),
        fact="LiteLLM docs, proxy/custom_pricing",
        sure=Sure.source,
    ),
    _check(
        609,
        "adopt-two-layers",
        Level.warning,
        (
            "a move writes the other layer's member itself, and refuses where one is there already",
            "let one layer serve the alias, and take the other's entry out",
        ),
        fact="how pointsman move works",
    ),
    _check(
        610,
        "adopt-port",
        Level.error,
        (
            "nothing listens on the port that requests are sent to, so all of them fail",
            "let the ports of Service and engine agree",
        ),
        fact=_SERVED,
    ),
    _check(
        611,
        "adopt-road",
        Level.error,
        (
            "an address that leads to nothing fails every request that its member gets",
            "correct the address, or write what should be there",
        ),
        fact="Services, Gateways and engines, as the manifests say them",
        sure=Sure.source,
        fixable=False,
        run=_lost,
        reads=DISAGREE | {"declared"},
    ),
)
