"""8xx: what lies open: secrets in plain text, pods that may do more than they need, engines that everybody may ask."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.attachments import selects
from pointsman.adopt.promise import Auth
from pointsman.adopt.words import Place
from pointsman.checks.check import Check, Level, Source, Sure, Told
from pointsman.checks.engine_pod import engine_pods
from pointsman.checks.secrets import is_plain_secret, looks_issued
from pointsman.checks.view import Pod, View, get, listed
from pointsman.spec.arguments import flags

__all__ = ["CHECKS"]

_WORKLOADS = ("Deployment", "StatefulSet", "InferenceService", "LLMInferenceService")
_ENGINES = ("Deployment", "InferenceService", "LLMInferenceService")
_CONTAINERS = ("containers", "initContainers")
_HOST = ("hostNetwork", "hostPID", "hostIPC")
_SECRET_KEYS = frozenset({".dockerconfigjson", "tls.key", "key", "auth", "credentials", "credentials.json"})
_NO_CONFIG = ("model_list",)


def _containers(pod: Pod) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for key in _CONTAINERS:
        yield from pod.containers(key)
    model = pod.spec.get("model") if pod.standing.kind == "InferenceService" else None
    if isinstance(model, Mapping):
        yield (*pod.place, "model"), model


def _plain(view: View) -> Iterator[Told]:
    for pod in view.pods(*_WORKLOADS):
        for place, container in _containers(pod):
            env = container.get("env")
            for at, one in enumerate(env if isinstance(env, list) else []):
                name = str(get(one, "name"))
                if is_plain_secret(name, get(one, "value")):
                    what = f"the variable {name} holds a secret in plain text"
                    yield Told(pod.standing, what, (*place, "env", at, "value"))
            yield from _in_words(pod, place, container)
    for one in view.of("ConfigMap"):
        data = get(one.data, "data")
        for key, text in data.items() if isinstance(data, Mapping) else ():
            whole = isinstance(text, str) and any(word in text for word in _NO_CONFIG)  # LiteLLM's, which PM506 reads
            if not whole and is_plain_secret(str(key), text):
                yield Told(one, f"{key} holds a secret, and a ConfigMap is none", ("data", str(key)))


def _in_words(pod: Pod, place: Place, container: Mapping[str, Any]) -> Iterator[Told]:
    for key in ("command", "args"):
        found = container.get(key)
        words = [str(one) for one in found] if isinstance(found, list) else []
        for flag in flags(words):
            if flag.name in ("api-key", "hf-token") and flag.value and is_plain_secret("api_key", flag.value):
                what = f"--{flag.name} is given in plain text, where every list of processes shows it"
                yield Told(pod.standing, what, (*place, key, flag.end - 1))
        for at, word in enumerate(words):
            if looks_issued(word) and not word.startswith("--api-key"):
                yield Told(pod.standing, f"{key} hold a token in plain text", (*place, key, at))


def _in_git(view: View) -> Iterator[Told]:
    for one in view.of("Secret"):
        if "sops" in one.data or str(one.data.get("type") or "").startswith("kubernetes.io/service-account"):
            continue
        for part in ("stringData", "data"):
            values = get(one.data, part)
            for key, value in values.items() if isinstance(values, Mapping) else ():
                if _stands(part, str(key), value):
                    yield Told(
                        one, f"{part}.{key} is a value, not a reference: base64 is no encryption", (part, str(key))
                    )
                    break


def _stands(part: str, key: str, value: object) -> bool:
    """A value that is neither empty nor a template's or a stand-in's."""
    text = value
    if part == "data" and isinstance(value, str):
        try:
            text = base64.b64decode(value, validate=True).decode()
        except ValueError:
            return False
    return is_plain_secret("secret" if key in _SECRET_KEYS else key, text)


def _engine_pods(view: View) -> Iterator[Pod]:
    engines = {id(one.standing.data) for one in view.engines}
    return (pod for pod in view.pods(*_ENGINES) if id(pod.standing.data) in engines)


def _privileged(view: View) -> Iterator[Told]:
    for pod in _engine_pods(view):
        for key in _HOST:
            if pod.spec.get(key) is True:
                yield Told(pod.standing, f"{key} is true, and an engine needs none of the host's", (*pod.place, key))
        for place, container in _containers(pod):
            if get(container, "securityContext", "privileged") is True:
                what = f"container {container.get('name')} is privileged: GPUs come from a device plugin without it"
                yield Told(pod.standing, what, (*place, "securityContext", "privileged"))


def _on_host(view: View) -> Iterator[Told]:
    for pod in _engine_pods(view):
        for at, one in enumerate(listed(pod.spec, "volumes")):
            path = get(one, "hostPath", "path")
            if path is not None and not str(path).startswith("/dev/"):
                what = f"volume {one.get('name')} is {path} of whichever node it lands on: weights are there, or not"
                yield Told(pod.standing, what, (*pod.place, "volumes", at, "hostPath"))


def _root(view: View) -> Iterator[Told]:
    for pod in _engine_pods(view):
        if get(pod.spec, "securityContext", "runAsUser") == 0:
            yield Told(pod.standing, "its pod runs as root", (*pod.place, "securityContext", "runAsUser"))
        for place, container in pod.containers():
            if get(container, "securityContext", "runAsUser") == 0:
                what = f"container {container.get('name')} runs as root"
                yield Told(pod.standing, what, (*place, "securityContext", "runAsUser"))


def _open(view: View) -> Iterator[Told]:
    """Engines of models that no layer of asks for a key; where one does, that is 603's."""
    guarded = {one.namespace for one in view.of("NetworkPolicy")}
    whole = {id(one.engine) for one in engine_pods(view) if one.whole}
    for model in view.models:
        engines = list(model.engines.values())
        if any(one.asks != "none" for one in engines):
            continue
        for one in engines:
            if one.namespace not in guarded and id(one) in whole and not view.adopted.world.whole(one.namespace):
                what = "it asks for no key, and no NetworkPolicy is in its namespace: every pod may ask it, unbilled"
                yield Told(one.standing, what, one.container, model=model.name)


def _exposed(view: View) -> Iterator[Told]:
    for one in view.of("Service"):
        kind = get(one.data, "spec", "type")
        selector = get(one.data, "spec", "selector")
        if kind not in ("LoadBalancer", "NodePort") or not isinstance(selector, dict) or not selector:
            continue
        for engine in view.engines:
            if selects(selector, engine.pod_labels, engine.namespace, one.namespace):
                auth = engine.auth.value
                asks = "asks for a key only" if isinstance(auth, Auth) and auth != Auth() else "asks for no key"
                what = f"{kind} leads from outside straight to {engine}, which {asks}: no budget and no limit holds"
                yield Told(one, what, ("spec", "type"))


CHECKS = (
    Check(
        "PM802",
        "secret-in-plain-text",
        Level.error,
        frozenset({*_WORKLOADS, "ConfigMap"}),
        cause="whoever may read the manifest has the secret, and git never forgets it",
        remedy="put it into a Secret that is not in git, take it by valueFrom.secretKeyRef, and make a new one",
        sure=Sure.rule,
        fact="names of fields and variables, and the marks of issuers",
        run=_plain,
    ),
    Check(
        "PM803",
        "secret-in-git",
        Level.error,
        frozenset({"Secret"}),
        cause="a Secret's manifest in git is readable by everybody who can read the repository, for ever",
        remedy="take it out of git (External Secrets, Sealed Secrets, SOPS), and make a new one",
        sure=Sure.rule,
        fact="Kubernetes docs, good practices for Secrets",
        run=_in_git,
        sources=frozenset({Source.files}),
    ),
    Check(
        "PM804",
        "engine-privileged",
        Level.warning,
        frozenset({*_ENGINES, "engines"}),
        cause="a privileged engine that runs a stranger's weights or templates has the node",
        remedy="take it off; shared memory is an emptyDir with medium: Memory, GPUs are a resource limit",
        sure=Sure.rule,
        fact="Kubernetes docs, pod security standards",
        run=_privileged,
    ),
    Check(
        "PM805",
        "host-path",
        Level.warning,
        frozenset({*_ENGINES, "engines"}),
        cause="a path of the host is another one on each node, and most namespaces refuse it",
        remedy="use a claim, or an emptyDir that an init container fills",
        sure=Sure.rule,
        fact="Kubernetes docs, volumes (hostPath)",
        run=_on_host,
    ),
    Check(
        "PM806",
        "engine-as-root",
        Level.warning,
        frozenset({*_ENGINES, "engines"}),
        cause="an engine needs no root, and namespaces with Pod Security restricted refuse it",
        remedy="set runAsNonRoot: true and a user, and give HOME and the caches a volume",
        sure=Sure.rule,
        fact="vLLM's image runs as any user that has a home and places for its caches",
        run=_root,
    ),
    Check(
        "PM807",
        "engine-open",
        Level.info,
        frozenset({"NetworkPolicy", "models", "engines"}),
        cause="an engine without a key and without a NetworkPolicy serves every pod of the cluster past the alias",
        remedy="give it a key from a Secret, or let a NetworkPolicy admit the edge alone",
        sure=Sure.rule,
        fact="vLLM asks for a key only where VLLM_API_KEY or --api-key is set",
        run=_open,
    ),
    Check(
        "PM808",
        "engine-exposed",
        Level.warning,
        frozenset({"Service", "engines"}),
        cause="who reaches an engine past the alias has no budget, no limit and no name in the books",
        remedy="make it a ClusterIP, and let tenants come through the alias",
        sure=Sure.rule,
        fact="limits and budgets are LiteLLM's",
        run=_exposed,
    ),
)
