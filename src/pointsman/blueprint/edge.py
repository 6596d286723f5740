"""Where tenants go at first: LiteLLM's entries for the model's names, at the engines of its declared layer.

Written as ``pointsman up`` writes an entry into a ConfigMap that has none: what git says and what the program would say
are the same alias.
"""

from __future__ import annotations

from collections.abc import Iterator

from pointsman.edge.config_render import block, flow
from pointsman.edge.contract import member_id
from pointsman.edge.litellm_alias import DEFAULT_KEY
from pointsman.layers.registry import layer
from pointsman.spec.apis import APIS
from pointsman.spec.model import Model

__all__ = ["entries", "secret_variables"]

_VARIABLE = "os.environ/"


def entries(model: Model) -> Iterator[str]:
    """Lines of ``model_list``, one entry for each name that tenants call."""
    alias, *others = model.spec.tenant.alias, *model.spec.tenant.aliases
    for name in (alias, *others):
        for number, line in enumerate(block(_entry(model, name, "" if name == alias else name))):
            yield f"{'  ' if number else '- '}{line}"


def _entry(model: Model, name: str, group: str) -> dict[str, object]:
    tenant, served = model.spec.tenant, layer(model.spec.layer)
    params: dict[str, object] = {
        "model": f"openai/{model.spec.served_model_name}",
        "api_base": served.endpoint(model).base_url,
        "weight": 100,
        "api_key": tenant.upstream_key or DEFAULT_KEY,
    }
    if price := tenant.price:
        params |= {"input_cost_per_token": price.input_per_token, "output_cost_per_token": price.output_per_token}
    mode = {} if APIS[model.spec.contract.api].tokens else {"mode": "embedding"}
    info = {"id": member_id(model.name, served.id, group), **mode}
    return {"model_name": name, "litellm_params": params, "model_info": info}


def secret_variables(model: Model) -> str:
    """The chart's ``secretEnv``: the engines' key, where they ask for one and an entry names a variable for it."""
    key, auth = model.spec.tenant.upstream_key or DEFAULT_KEY, model.spec.contract.auth
    if auth is None or not key.startswith(_VARIABLE):
        return "secretEnv: []"
    return f"secretEnv:\n  - {flow({'name': key.removeprefix(_VARIABLE), 'secret': auth.secret, 'key': auth.key})}"
