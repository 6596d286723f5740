"""The files of a platform repository, from what was chosen: the same choices always give the same bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pointsman.blueprint.choices import FILES, Choices
from pointsman.blueprint.edge import entries, secret_variables
from pointsman.blueprint.groups import gate_of, groups_file, layers, purpose_of, repository_in
from pointsman.edge.config_render import flow, scalar
from pointsman.layers.registry import LAYERS
from pointsman.layers.stream import yaml_stream
from pointsman.spec.model import Model

__all__ = ["drawn"]

_WORD = re.compile(r"@([A-Z][A-Z_]*)@")
_PARTS = ("appset.yaml", "group.md", "models/qwen.yaml")
"""Files that are drawn several times, or not at all."""
_NAMES = {"gitattributes": ".gitattributes"}
"""Files that would act on this program's own repository under their names."""
_SERVING = {
    "raw-vllm": "serving/raw-vllm/deployment.yaml",
    "kserve": "serving/kserve/inferenceservice.yaml",
    "llm-d": "serving/llm-d/llminferenceservice.yaml",
}
"""Where each layer's manifests go: the runbook's names."""


def drawn(choices: Choices) -> dict[str, bytes]:
    """Every file by its place in the repository, in order."""
    words = _words(choices)
    files = {path: text.encode() for path, text in _texts(choices, words)}
    files[f"models/{choices.model.name}.yaml"] = choices.text
    return dict(sorted(files.items()))


def _texts(choices: Choices, words: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    environment = choices.environment
    for path in sorted(path for path in FILES.rglob("*") if path.is_file()):
        name = path.relative_to(FILES).as_posix()
        if name not in _PARTS and "__pycache__" not in name:
            yield _NAMES.get(name, name).replace("/ENV/", f"/{environment}/"), _filled(path, words)
    repository = repository_in(environment)
    configuration = _filled(FILES / "environments" / "ENV" / "config.yaml", words)
    yield repository.named(repository.groups_file), groups_file(repository, configuration)
    for one in layers(repository):
        yield f"clusters/{environment}/appsets/{one}.yaml", _filled(FILES / "appset.yaml", {**words, "LAYER": one})
    catalog = FILES / "clusters" / "ENV" / "catalog"
    for group in repository.platform.spec.groups:
        if not (catalog / group.name).is_dir():
            said = {
                "GROUP": group.name,
                "HERE": purpose_of(group),
                "GATE": gate_of(group.opened_by, environment),
            }
            yield f"clusters/{environment}/catalog/{group.name}/README.md", _filled(FILES / "group.md", said)
    for each in LAYERS:
        yield _SERVING[each.id], yaml_stream(each.render(choices.model))
    yield "platform/namespaces/namespaces.yaml", _namespaces(choices.model)


def _filled(path: Path, words: Mapping[str, str]) -> str:
    return _WORD.sub(lambda found: words[found[1]], path.read_text("utf-8"))


def _words(choices: Choices) -> dict[str, str]:
    """What stands for each word; a value that YAML could take for another one is in quotes."""
    model, tenant = choices.model, choices.model.spec.tenant
    raw, kserve, llm_d = LAYERS
    gateway = model.spec.layers.llm_d.gateway
    return {
        "ENV": choices.environment,
        "REPOSITORY": scalar(choices.repository),
        "BRANCH": scalar(choices.branch),
        "BRANCH_WORD": choices.branch,
        "MODEL": model.name,
        "ALIAS": tenant.alias,
        "REPLICAS": str(model.on(raw.id).spec.replicas),
        "RAW_NAME": raw.name(model),
        "RAW_NAMESPACE": raw.namespace(model),
        "KSERVE_NAMESPACE": kserve.namespace(model),
        "LLM_D_NAMESPACE": llm_d.namespace(model),
        "GATEWAY": f"{gateway.namespace}/{gateway.name}",
        "NAMESPACES": " ".join(_places(model)),
        "DESTINATIONS": _destinations(model),
        "ENGINE_SECRETS": _engine_secrets(model),
        **_edge_words(model),
    }


def _edge_words(model: Model) -> dict[str, str]:
    edge = model.spec.tenant.edge
    return {
        "EDGE_NAMESPACE": edge.namespace,
        "EDGE_DEPLOYMENT": edge.deployment,
        "EDGE_SERVICE": edge.service,
        "EDGE_PORT": str(edge.port),
        "EDGE_CONFIG_MAP": edge.config_map,
        "EDGE_KEY": scalar(edge.key),
        "MASTER_SECRET": edge.master_key.secret,
        "MASTER_KEY": scalar(edge.master_key.key),
        "SECRET_ENV": secret_variables(model),
        "MODEL_LIST": "\n".join(f"    {line}" for line in entries(model)),
    }


def _places(model: Model) -> dict[str, str]:
    """Each namespace once, and what lives in it."""
    found: dict[str, str] = {}
    for each in LAYERS:
        found.setdefault(each.namespace(model), "")
        found[each.namespace(model)] += f", {each.title}" if found[each.namespace(model)] else each.title
    edge = model.spec.tenant.edge.namespace
    return {**found, edge: f"{found[edge]}, the tenants' edge" if edge in found else "the tenants' edge"}


def _destinations(model: Model) -> str:
    places = ({"server": "https://kubernetes.default.svc", "namespace": one} for one in _places(model))
    return "\n".join(f"    - {flow(one)}" for one in places)


def _engine_secrets(model: Model) -> str:
    """Lines of the script that makes the keys: one key for all engines and for the proxy, where they ask for one."""
    auth = model.spec.contract.auth
    if auth is None:
        return "# The engines ask for no key (spec.contract.auth of the Model)."
    words = f'"$namespace" {auth.secret} {auth.key}'
    loop = f"for namespace in {' '.join(_places(model))}; do"
    return "\n".join(
        [
            "engine=",
            f"{loop} engine=${{engine:-$(there {words})}}; done",
            "engine=${engine:-$(random)}",
            f'{loop} put {words} "$engine"; done',
        ]
    )


def _namespaces(model: Model) -> str:
    return _NAMESPACES + "".join(_NAMESPACE.format(name=name, what=what) for name, what in _places(model).items())


_NAMESPACES = """\
# Where the layers and the tenants' edge live. Pods that want more than Pod Security "restricted" are refused here.
# Argo CD never deletes them: a namespace takes everything along that is in it.
"""
_NAMESPACE = """\
---
apiVersion: v1
kind: Namespace
metadata:
  name: {name} # {what}
  labels:
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/enforce-version: latest
    pod-security.kubernetes.io/warn: restricted
  annotations:
    argocd.argoproj.io/sync-options: Delete=false,Prune=false
"""
