"""The tenants' edges of a repository: LiteLLM's configuration wherever it stands, and what it cannot say.

It stands in a file of its own, in a chart's values, or in a ConfigMap. Of several files of values for one release
Helm takes each list from the last that has it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pointsman.adopt.applications import Application
from pointsman.adopt.documents import Document
from pointsman.adopt.left_out import LeftOut
from pointsman.adopt.standing import Standing, World
from pointsman.adopt.survey import Page, Survey
from pointsman.adopt.values import mounting, values_of, variables_in, variables_of
from pointsman.delivery.git.wording import redacted
from pointsman.edge.config_text import ConfigText, Entry
from pointsman.edge.litellm_params import (
    PARAMS,
    Section,
    credentials_of,
    hidden_address,
    provider_of,
    said_address,
)
from pointsman.errors import PointsmanError

__all__ = ["Edge", "Member", "edges_in", "edges_in_cluster", "located", "members_of"]

_DEEPEST = 4
_TRUE = ("true", "yes", "on", "1")


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of ``model_list``, and where it leads as it is written."""

    edge: Edge
    entry: Entry
    alias: str
    provider: str
    model: str
    """The model's name there."""
    base: str
    """Address; empty when it does not say one."""
    hidden: str
    """The variable that says the address."""
    where: str

    @property
    def shown(self) -> str:
        """The address for people, without a user's name and password, or a token, in it."""
        return redacted(self.base)

    @property
    def params(self) -> Section:
        """Its ``litellm_params``."""
        return self.entry.section(PARAMS)


@dataclass(slots=True, eq=False)
class Edge:
    """One LiteLLM."""

    config: ConfigText
    path: str
    """The file."""
    under: tuple[str, ...]
    """Keys below which it stands; none where the file is nothing else."""
    namespace: str
    application: Application | None
    editable: bool
    """Can the program change it in place?"""
    config_map: Standing | None = None
    generated: Standing | None = None
    """The ConfigMap that Kustomize makes of the file."""
    database: str = ""
    """Where it says that models are kept in a database too; empty when it does not."""
    members: list[Member] = field(default_factory=list)
    variables: Mapping[str, str] = field(default_factory=dict)
    """Variables of its process that stand somewhere in the clear."""

    @property
    def env(self) -> str:
        """The environment that its Application is written for."""
        return self.application.env if self.application else ""


def edges_in(found: Survey, world: World) -> list[Edge]:
    """Every edge with entries."""
    made: list[Edge] = []
    taken: set[str] = set()
    for application in world.applications:
        files = [name for name in application.values if found.pages[name].lists_models]
        for name in (one for one in files[:-1] if _lists_any(found.documents(found.pages[one]))):
            world.left_out.append(LeftOut(name, f"its model_list is overridden by {files[-1]}, a later file of values"))
        taken |= set(application.values)
        if files:
            switched = any(_switched(found, name) for name in application.values)
            made += _in_values(found, found.pages[files[-1]], application, switched, world)
    for page in found.pages.values():
        if not page.lists_models or page.path in taken or found.templated(page.path):
            continue
        if page.path.rpartition("/")[2].startswith("values") and page.path.rpartition("/")[0] in found.charts:
            continue  # a chart's own defaults
        if "ConfigMap" not in page.kinds:
            made += _in_values(found, page, None, False, world)
    for one in world.of("ConfigMap"):
        made += _in_config_map(one, world)
    return [edge for edge in made if edge.config.all_entries or _in_use(edge, world)]


def edges_in_cluster(world: World) -> list[Edge]:
    """Every edge whose configuration lies in a ConfigMap of a cluster."""
    return [edge for one in world.of("ConfigMap") for edge in _in_config_map(one, world) if edge.config.all_entries]


def _lists_any(documents: list[Document]) -> bool:
    return any(_walked(one.data, under)["model_list"] for one in documents for under in _places(one.data))


def _walked(data: Any, under: tuple[str, ...]) -> Any:
    for key in under:
        data = data[key]
    return data


def _in_use(edge: Edge, world: World) -> bool:
    if edge.application is not None:
        world.left_out.append(LeftOut(edge.path, "its model_list is empty, so it has no alias"))
    return False


def _in_values(
    found: Survey, page: Page, application: Application | None, switched: bool, world: World
) -> Iterator[Edge]:
    documents = found.documents(page)
    texts = [("\n" * one.above + one.text, one.data) for one in documents]  # so that lines are the file's
    for text, data in texts or [(page.text, None)]:
        single = len(documents) <= 1
        for under in _places(data) if documents else _AS_LITELLM:
            try:
                config = ConfigText(page.text if single else text, page.path, under)
            except PointsmanError as error:
                if documents:
                    world.left_out.append(LeftOut(error.where or page.path, error.what, error.next_action, unread=True))
                continue
            if "model_list" not in config.data:
                continue
            edge = Edge(config, page.path, under, application.into if application else "", application, editable=single)
            edge.database = _database(config) or (page.path if switched or _env_says(data) else "")
            if application is not None:
                edge.variables = variables_of(values_of(application, found))
            edge.members = members_of(edge)
            yield edge


_AS_LITELLM: tuple[tuple[str, ...], ...] = ((), ("proxy_config",))
"""Where it may stand in a text that others do not take for YAML, and LiteLLM does: a key that is there twice."""


def _in_config_map(one: Standing, world: World) -> Iterator[Edge]:
    data = one.data.get("data")
    for key, text in data.items() if isinstance(data, dict) else ():
        if not isinstance(text, str) or "model_list" not in text:
            continue
        where = f"{one.where} {key}"
        try:
            config = ConfigText(text, where)
        except PointsmanError as error:
            world.left_out.append(LeftOut(error.where or where, error.what, error.next_action, unread=True))
            continue
        if "model_list" not in config.data:
            continue
        edge = Edge(config, _file(one), (), one.namespace, one.origin.application, editable=False, config_map=one)
        edge.database = _database(config)
        edge.variables = _variables(one, world)
        edge.members = members_of(edge)
        yield edge


def _variables(config_map: Standing, world: World) -> dict[str, str]:
    pods = [one.data["spec"]["template"]["spec"] for one in mounting(config_map, world)]
    listed = [one for pod in pods for one in variables_in(pod.get("containers"))]
    return {str(one.get("name")): one["value"] for one in listed if isinstance(one.get("value"), str)}


def _file(one: Standing) -> str:
    return one.where.rpartition(":")[0] or str(one)


def _places(data: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Keys below which a ``model_list`` stands."""
    if not isinstance(data, dict) or len(above) > _DEEPEST:
        return
    if isinstance(data.get("model_list"), list) or ("model_list" in data and data["model_list"] is None):
        yield above
        return
    for key, value in data.items():
        yield from _places(value, (*above, str(key)))


def members_of(edge: Edge) -> list[Member]:
    """Every entry with a name, in order."""
    known = credentials_of(edge.config)
    made = []
    for entry in edge.config.all_entries:
        params = entry.section(PARAMS)
        provider, model = provider_of(params)
        base = said_address(params, known)
        hidden = hidden_address(params, known)
        said = edge.variables.get(hidden.removeprefix("os.environ/")) if hidden else None
        if said:
            base, hidden = said.rstrip("/"), ""
        made.append(
            Member(
                edge,
                entry,
                entry.name,
                provider,
                model,
                "" if hidden else base,
                hidden,
                located(edge, edge.config.place(entry)),
            )
        )
    return made


def located(edge: Edge, place: str) -> str:
    """A line of the configuration as a line of its file, where it is a block of text in a ConfigMap."""
    standing, said = edge.config_map, place.rpartition(":")[2]
    if standing is None:
        return place
    key = edge.config.where.rpartition(" ")[2]
    where = standing.at("data", key)
    file, colon, start = where.rpartition(":")
    if not said.isdigit() or standing.deployed.built_by == where:
        return where
    return f"{file}:{int(start) + int(said)}" if colon and start.isdigit() else f"{where} line {said}"


def _database(config: ConfigText) -> str:
    """The line that says that models are kept in a database, too."""
    said = config.settings("general_settings").get("store_model_in_db")
    return config.place_of("general_settings", "store_model_in_db") if _true(said) else ""


def _switched(found: Survey, name: str) -> bool:
    return any(_env_says(one.data) for one in found.documents(found.pages[name]))


def _env_says(data: Any) -> bool:
    """Do values of a chart set the variable that does the same?"""
    if isinstance(data, dict):
        if _true(data.get("STORE_MODEL_IN_DB")):
            return True
        if data.get("name") == "STORE_MODEL_IN_DB" and _true(data.get("value")):
            return True
        return any(_env_says(value) for value in data.values())
    return any(_env_says(one) for one in data) if isinstance(data, list) else False


def _true(value: Any) -> bool:
    return value is True or (isinstance(value, str) and value.lower() in _TRUE)
