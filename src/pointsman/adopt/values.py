"""Values of an edge's release, and the variables of its process that stand somewhere in the clear."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.applications import Application
from pointsman.adopt.standing import Standing, World
from pointsman.adopt.survey import Survey

__all__ = ["mounting", "values_of", "variables_in", "variables_of"]


def values_of(application: Application, found: Survey) -> dict[str, Any]:
    """The values of its release, a chart's own first."""
    charts = [f"{part.path}/values.yaml" for part in application.parts if part.path in found.charts]
    made: dict[str, Any] = {}
    for name in (*charts, *application.values):
        page = found.pages.get(name)
        for document in found.documents(page) if page else []:
            if isinstance(document.data, dict):
                made = _over(made, document.data)
    return made


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """As Helm lays values over others: mappings are merged, all else is replaced."""
    made = dict(below)
    for key, value in above.items():
        have = made.get(key)
        made[key] = _over(have, value) if isinstance(have, dict) and isinstance(value, dict) else value
    return made


def variables_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Variables of the edge's process that stand in values in the clear."""
    found: dict[str, str] = {}
    for key in ("envVars", "env", "extraEnv", "extraEnvVars", "environment"):
        said = values.get(key)
        if isinstance(said, dict):
            found |= {str(name): value for name, value in said.items() if isinstance(value, str)}
        for one in said if isinstance(said, list) else ():
            if isinstance(one, dict) and isinstance(one.get("value"), str):
                found[str(one.get("name"))] = one["value"]
    return found


def variables_in(containers: Any) -> list[Mapping[str, Any]]:
    """The variables of all containers of a pod."""
    listed = [one.get("env") for one in containers if isinstance(one, dict)] if isinstance(containers, list) else []
    return [one for some in listed if isinstance(some, list) for one in some if isinstance(one, dict)]


def mounting(config_map: Standing, world: World) -> Iterator[Standing]:
    """The Deployments that mount a ConfigMap."""
    for one in world.of("Deployment"):
        pod = one.data.get("spec", {}).get("template", {}).get("spec", {}) if _whole(one.data) else {}
        volumes = pod.get("volumes")
        listed = [each for each in volumes if isinstance(each, dict)] if isinstance(volumes, list) else []
        named = [each["configMap"].get("name") for each in listed if isinstance(each.get("configMap"), dict)]
        if one.namespace == config_map.namespace and config_map.name in named:
            yield one


def _whole(data: Mapping[str, Any]) -> bool:
    spec = data.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    return isinstance(template, dict) and isinstance(template.get("spec"), dict)
