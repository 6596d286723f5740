"""An ApplicationSet, as far as it is understood: which Applications it makes of the groups file.

Understood is the shape of the runbook's platform: one git file generator on the groups file with a selector, and a Go
template of the element's own fields (argo-cd 3.2, ApplicationSet). What has another part may make or delete
Applications in a way that is not foreseen here, so it is refused, and the part is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.catalog.manifests import Written
from pointsman.errors import RefusedError

__all__ = ["AppSet", "Generated", "appset_in"]

API = "argoproj.io/v1alpha1"
_FIELD = re.compile(r"\{\{-?\s*\.(\w+)\s*-?\}\}")
_SOURCE = re.compile(r"\{\{-?\s*\.catalogPath\s*-?\}\}")
_SPEC = {
    *("generators", "goTemplate", "goTemplateOptions", "template", "syncPolicy", "strategy"),
    *("preservedFields", "ignoreApplicationDifferences", "applyNestedSelectors"),
}
_GIT = {"repoURL", "revision", "files", "requeueAfterSeconds"}
_FIELDS = ("name", "layer", "enabled", "catalogPath")
_POLICIES = ("", "sync", "create-only", "create-update", "create-delete")


@dataclass(frozen=True, slots=True)
class Generated:
    """One Application that it makes."""

    name: str
    namespace: str
    element: Mapping[str, str]
    prunes: bool
    """Does it take away, by itself, what is gone from its folder?"""


@dataclass(frozen=True, slots=True)
class AppSet:
    """One that is understood."""

    written: Written
    selector: Mapping[str, str]
    policy: str
    """``applicationsSync``; empty when it is not written."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.written.name

    @property
    def namespace(self) -> str:
        """Its namespace, and its Applications'."""
        return self.written.namespace

    @property
    def deletes(self) -> bool:
        """Does it delete the Application of an element that is gone?"""
        return self.policy not in ("create-only", "create-update")

    @property
    def reads(self) -> str:
        """Where it reads the groups file: the repository and the revision."""
        git = self.written.data["spec"]["generators"][0]["git"]
        return f"{git['repoURL']} at {git.get('revision') or 'HEAD'}"

    def generated(self, elements: Sequence[Mapping[str, str]]) -> list[Generated]:
        """The Applications of these elements."""
        chosen = [one for one in elements if all(one.get(key) == value for key, value in self.selector.items())]
        return [self._of(element) for element in chosen]

    def _of(self, element: Mapping[str, str]) -> Generated:
        template = self.written.data["spec"]["template"]
        automated = (template["spec"].get("syncPolicy") or {}).get("automated") or {}
        prunes = automated.get("prune") is True and automated.get("enabled") is not False
        return Generated(_filled(template["metadata"]["name"], element), self.namespace, element, prunes)


def appset_in(written: Written, groups_file: str) -> AppSet:
    """The set in a manifest; raises RefusedError naming the part that is not understood."""
    _refuse_first(written, _strange(written, groups_file))
    spec = written.data["spec"]
    selector = spec["generators"][0].get("selector") or {}
    policy = (spec.get("syncPolicy") or {}).get("applicationsSync") or ""
    return AppSet(written, selector.get("matchLabels") or {}, policy)


Part = tuple[tuple[str | int, ...], str]
"""Where, and what is not understood there."""


def _refuse_first(written: Written, strange: Iterator[Part]) -> None:
    for place, what in strange:
        raise RefusedError(
            f"ApplicationSet {written.name} is not of the shape that is understood: {what}",
            where=written.at(*place),
            next_action="write it as docs/platform.md shows, or apply it with kubectl and look at it yourself",
            code="appset-shape",
        )


def _strange(written: Written, groups_file: str) -> Iterator[Part]:
    data = written.data
    if (data.get("apiVersion"), data.get("kind")) != (API, "ApplicationSet"):
        yield ("kind",), f"it is {data.get('apiVersion')} {data.get('kind')}"
    if not written.namespace:
        yield ("metadata",), "metadata.namespace is not written"
    spec = data.get("spec")
    if not isinstance(spec, dict):
        yield ("spec",), "spec is not a mapping"
        return
    for key in spec.keys() - _SPEC:
        yield ("spec", key), f"spec.{key}"
    yield from _strange_switches(spec)
    yield from _strange_generators(spec.get("generators"), groups_file)
    yield from _strange_template(spec.get("template"), written.namespace)


def _strange_switches(spec: Mapping[str, Any]) -> Iterator[Part]:
    if spec.get("goTemplate") is not True:
        yield ("spec", "goTemplate"), "spec.goTemplate is not true"
    if spec.get("goTemplateOptions") not in (None, ["missingkey=error"]):
        yield ("spec", "goTemplateOptions"), "spec.goTemplateOptions is not [missingkey=error]"
    strategy = spec.get("strategy")
    if strategy not in (None, {}, {"type": "AllAtOnce"}):
        yield ("spec", "strategy"), "spec.strategy"
    policy = spec.get("syncPolicy")
    if not isinstance(policy, dict | None) or (policy or {}).get("applicationsSync", "") not in _POLICIES:
        yield ("spec", "syncPolicy"), "spec.syncPolicy"


def _strange_generators(generators: Any, groups_file: str) -> Iterator[Part]:
    place = ("spec", "generators")
    if not isinstance(generators, list) or len(generators) != 1 or not isinstance(generators[0], dict):
        yield place, "spec.generators is not a list of one generator"
        return
    generator = generators[0]
    for key in generator.keys() - {"git", "selector"}:
        yield (*place, 0, key), f"the generator {key}"
    git, selector = generator.get("git"), generator.get("selector")
    if not isinstance(git, dict) or not isinstance(git.get("repoURL"), str):
        yield (*place, 0), "the generator is not git with a repoURL"
        return
    for key in git.keys() - _GIT:
        yield (*place, 0, "git", key), f"git.{key}"
    if git.get("files") != [{"path": groups_file}]:
        yield (*place, 0, "git", "files"), f"git.files is not the groups file {groups_file} alone"
    labels = selector.get("matchLabels") if isinstance(selector, dict) else None
    if selector is not None and (not isinstance(labels, dict) or set(selector) != {"matchLabels"}):
        yield (*place, 0, "selector"), "the selector has more than matchLabels"
    for key, value in (labels or {}).items() if isinstance(labels, dict) else ():
        if key not in _FIELDS or not isinstance(value, str):
            yield (*place, 0, "selector", "matchLabels", key), f'the selector {key}: only text compares: "true"'


def _strange_template(template: Any, namespace: str) -> Iterator[Part]:
    place = ("spec", "template")
    metadata = template.get("metadata") if isinstance(template, dict) else None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        yield place, "spec.template has no metadata.name"
        return
    if not isinstance(template.get("spec"), dict):
        yield (*place, "spec"), "spec.template.spec is not a mapping"
        return
    if metadata.get("namespace") not in (None, namespace):
        yield (*place, "metadata", "namespace"), "its Applications are in another namespace"
    if "{{" not in metadata["name"]:
        yield (*place, "metadata", "name"), "every Application would have the same name"
    yield from _strange_source(template["spec"].get("source"), (*place, "spec", "source"))
    policy = template["spec"].get("syncPolicy")
    if not isinstance(policy, dict | None) or not isinstance((policy or {}).get("automated"), dict | None):
        yield (*place, "spec", "syncPolicy"), "spec.template.spec.syncPolicy"
    for at, text in _texts(template, place):
        left = _FIELD.sub(lambda found: "" if found[1] in _FIELDS else found[0], text)
        if "{{" in left:
            yield at, f"the template {text[:80]!r} uses more than the fields {', '.join(_FIELDS)} of an element"


def _strange_source(source: Any, place: tuple[str | int, ...]) -> Iterator[Part]:
    """What a group's Application deploys: the manifests in its folder of the catalog, folders below included."""
    if not isinstance(source, dict) or not _SOURCE.fullmatch(str(source.get("path"))):
        yield (*place, "path"), "its source is not the folder {{.catalogPath}}"
        return
    if source.get("directory") != {"recurse": True}:
        yield (*place, "directory"), "its source is not directory: {recurse: true}"
    for key in source.keys() - {"repoURL", "targetRevision", "path", "directory"}:
        yield (*place, key), f"source.{key}"


def _texts(value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(str(key), (*place, key))
            yield from _texts(one, (*place, key))
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*place, number))


def _filled(template: str, element: Mapping[str, str]) -> str:
    return _FIELD.sub(lambda found: element[found[1]], template)
