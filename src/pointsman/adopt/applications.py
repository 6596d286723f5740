"""The Argo CD Applications of a repository: what each deploys, from where, and into which namespace.

Those that an ApplicationSet makes of a list, or of folders, are made here as it would make them; of one with another
generator only the Applications that are written somewhere are known.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pointsman.adopt.documents import Document
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.pieces import mapped
from pointsman.adopt.survey import Survey
from pointsman.adopt.tree import below

__all__ = ["Application", "Part", "applications_in", "env_of"]

_FIELD = re.compile(r"\{\{-?\s*\.?([\w.]+?)\s*-?\}\}")
_ENV = re.compile(r"(?:^|/)(?:clusters|environments|envs)/([^/]+)/")


@dataclass(frozen=True, slots=True)
class Part:
    """One source of an Application that lies in this repository."""

    path: str
    recurse: bool
    values: tuple[str, ...] = ()
    """Files of Helm values, in order; the last one counts."""
    release: str = ""
    helm: bool = False


@dataclass(frozen=True, slots=True)
class Application:
    """One Application."""

    name: str
    namespace: str
    into: str
    """The namespace that objects without one are deployed into."""
    parts: tuple[Part, ...]
    where: str
    env: str
    """The environment that it is written for; empty when that cannot be told."""
    automated: bool
    data: Mapping[str, Any]

    @property
    def branch(self) -> str:
        """The branch that it reads its values from; empty when it says none, or a mere revision."""
        spec = mapped(self.data.get("spec"))
        sources = spec.get("sources") if isinstance(spec.get("sources"), list) else [spec.get("source")]
        known = [one for one in sources or [] if isinstance(one, dict)]
        ref = next((one for one in known if one.get("ref")), known[0] if known else {})
        said = str(ref.get("targetRevision") or "")
        return "" if said == "HEAD" or "{" in said else said

    @property
    def values(self) -> tuple[str, ...]:
        """Every file of Helm values, in order."""
        return tuple(name for part in self.parts for name in part.values)


def applications_in(found: Survey) -> list[Application]:
    """Every Application that is written, or made by a set that is understood."""
    made: list[Application] = []
    for _, document in found.of_kind("Application"):
        if str(document.data["apiVersion"]).startswith("argoproj.io/"):
            made.append(_application(document.data, document, found))
    for _, document in found.of_kind("ApplicationSet"):
        made += _generated(document, found)
    return _once(made)


def _once(made: list[Application]) -> list[Application]:
    seen: dict[tuple[str, str, str], Application] = {}
    for one in made:
        seen.setdefault((one.env, one.namespace, one.name), one)
    return list(seen.values())


def _application(data: Mapping[str, Any], document: Document, found: Survey) -> Application:
    metadata, spec = data["metadata"], mapped(data.get("spec"))
    destination = mapped(spec.get("destination"))
    written = env_of(document.path)
    automated = mapped(spec.get("syncPolicy")).get("automated")
    return Application(
        str(metadata.get("name") or metadata.get("generateName")),
        str(metadata.get("namespace") or "argocd"),
        str(destination.get("namespace") or ""),
        tuple(_parts(spec, document, found)),
        document.at(),
        written,
        isinstance(automated, dict) and automated.get("enabled") is not False,
        data,
    )


def env_of(path: str) -> str:
    """The environment that a file is written for, by the folder it lies in; empty when that tells none."""
    match = _ENV.search(path)
    return match[1] if match else ""


def _parts(spec: Mapping[str, Any], document: Document, found: Survey) -> Iterator[Part]:
    sources = spec.get("sources") if isinstance(spec.get("sources"), list) else [spec.get("source")]
    known = [one for one in sources or [] if isinstance(one, dict)]
    refs = {str(one["ref"]) for one in known if one.get("ref")}
    for source in known:
        helm = mapped(source.get("helm"))
        path = str(source.get("path") or "") if source.get("path") is not None else None
        place = below("", path) if path is not None else None
        values = tuple(_values(helm, refs, place, document, found))
        if "values" in helm or "valuesObject" in helm:
            found.left_out.append(LeftOut(document.at(), "Helm values that stand in the Application are not read"))
        if place is None:
            if path is not None:
                found.left_out.append(LeftOut(document.at(), f"its path {path[:80]!r} leads out of the repository"))
            elif source.get("chart"):
                yield Part("", False, values, str(helm.get("releaseName") or ""), helm=True)
            continue
        if path or not source.get("ref"):
            recurse = mapped(source.get("directory")).get("recurse") is True
            if mapped(source.get("kustomize")):
                found.left_out.append(LeftOut(document.at(), "what it tells Kustomize besides the folder is not read"))
            yield Part(place, recurse, values, str(helm.get("releaseName") or ""), helm=bool(helm))


def _values(
    helm: Mapping[str, Any], refs: set[str], chart: str | None, document: Document, found: Survey
) -> Iterator[str]:
    files = helm.get("valueFiles")
    for said in files if isinstance(files, list) else []:
        text = str(said)
        if text.startswith("$"):
            name, _, rest = text[1:].partition("/")
            path = below("", rest) if name in refs else None
        else:
            path = below(chart, text) if chart is not None and "://" not in text else None
        if path is None or path not in found.pages:
            why = f"the values file {text[:80]!r} is not in this repository"
            found.left_out.append(LeftOut(document.at(), why))
        else:
            yield path


def _generated(document: Document, found: Survey) -> Iterator[Application]:
    spec = mapped(document.data.get("spec"))
    template = spec.get("template")
    generators = spec.get("generators")
    if not isinstance(template, dict) or not isinstance(generators, list):
        return
    for at, generator in enumerate(generators):
        elements = _elements(mapped(generator), found)
        if elements is None:
            if not _makes_groups(template):
                place = document.at("spec", "generators", at)
                found.left_out.append(LeftOut(place, "what this generator makes is known only in the cluster"))
            continue
        for element in elements:
            data = _filled(template, element)
            if isinstance(data.get("metadata"), dict) and data["metadata"].get("name"):
                namespace = mapped(document.data.get("metadata")).get("namespace")
                data["metadata"].setdefault("namespace", namespace or "argocd")
                yield _application(data, document, found)


def _makes_groups(template: Mapping[str, Any]) -> bool:
    """Its Applications deploy folders of Applications, which are written there."""
    source = mapped(mapped(template.get("spec")).get("source"))
    return "catalogPath" in str(source.get("path"))


def _elements(generator: Mapping[str, Any], found: Survey) -> list[dict[str, str]] | None:
    """What it gives to the template, of lists and folders; None when that is not known."""
    listed = mapped(generator.get("list")).get("elements")
    if isinstance(listed, list):
        return [{str(key): str(value) for key, value in one.items()} for one in listed if isinstance(one, dict)]
    folders = mapped(generator.get("git")).get("directories")
    if not isinstance(folders, list):
        return None
    paths = [str(one.get("path")) for one in folders if isinstance(one, dict) and one.get("exclude") is not True]
    without = [str(one.get("path")) for one in folders if isinstance(one, dict) and one.get("exclude") is True]
    known = {name.rpartition("/")[0] for name in found.pages}
    known |= {"/".join(name.split("/")[:length]) for name in known for length in range(1, name.count("/") + 1)}
    chosen = [name for name in sorted(known) if name and _fits(name, paths) and not _fits(name, without)]
    return [_of_folder(name) for name in chosen]


def _fits(name: str, patterns: list[str]) -> bool:
    """As Go's path.Match: ``*`` stays inside one name."""
    return any(
        name.count("/") == pattern.count("/")
        and all(fnmatch.fnmatchcase(*pair) for pair in zip(name.split("/"), pattern.split("/"), strict=True))
        for pattern in patterns
    )


def _of_folder(name: str) -> dict[str, str]:
    base = name.rpartition("/")[2]
    return {"path": name, "path.path": name, "path.basename": base, "path.basenameNormalized": base}


def _filled(value: Any, element: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _FIELD.sub(lambda match: element.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {_filled(key, element): _filled(one, element) for key, one in value.items()}
    return [_filled(one, element) for one in value] if isinstance(value, list) else value
