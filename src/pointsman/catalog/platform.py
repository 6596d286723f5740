"""The Platform: how a repository is laid out, which groups it has, what turns them on, what to warn of, which profiles.

Has the shape of a custom resource, as a Model has. Everything has a default, and the defaults are the runbook's own
platform (``pointsman.catalog.usual``), so a repository of that layout needs no file. A repository that is made
otherwise says so in ``platform.yaml`` at its root.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from pointsman.catalog import usual
from pointsman.catalog.gate import ChoiceText, Dotted, Gate, GateText, gate_in
from pointsman.spec.block import Block
from pointsman.spec.words import Name, listed, shown

__all__ = ["Caution", "EdgePlace", "Group", "Layout", "Platform", "usual_platform"]

_PATH = re.compile(r"[-._A-Za-z0-9{}]+(/[-._A-Za-z0-9{}]+)*")
_WORD = re.compile(r"[A-Za-z0-9][-._A-Za-z0-9]*")


def _refuse(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("pointsman", "{what}", {"what": what, "allowed": allowed})


def _path(text: str) -> str:
    bare = text.replace("{env}", "")
    if not _PATH.fullmatch(text) or {".", ".."} & set(text.split("/")) or "{" in bare or "}" in bare:
        raise _refuse(
            f"{shown(text)} is not a place in the repository",
            "use a relative path of letters, digits and '-', '.', '_', without '..'; {env} stands for the environment",
        )
    return text


def _word(text: str) -> str:
    if not _WORD.fullmatch(text):
        raise _refuse(f"{shown(text)} is not a name", "use letters, digits and '-', '.', '_', a letter or digit first")
    return text


Place = Annotated[str, AfterValidator(_path)]
Branch = Annotated[str, Field(max_length=200, pattern=r"[A-Za-z0-9_][-./A-Za-z0-9_]*")]
Word = Annotated[str, AfterValidator(_word)]


class Naming(Block):
    """What the platform is called."""

    name: Name
    """Shown by ``pointsman features``."""


class Group(Block):
    """One line of the groups file."""

    name: Name
    """The group's name, and its folder's in the catalog."""
    layer: Name
    """The layer whose ApplicationSet makes it."""
    gate: GateText
    """What turns it on: ``always``, ``features.NAME`` (a ``true`` there), or ``FIELD=VALUE``."""
    default: bool = False
    """Whether it is on where the configuration says nothing, or neither ``true`` nor ``false``."""

    @property
    def opened_by(self) -> Gate:
        """Its gate, taken apart."""
        found = gate_in(self.gate)
        assert found is not None
        return found


class Caution(Block):
    """What is warned of while one of some groups is on; the fields that are set are each a reason of their own."""

    groups: Annotated[tuple[Name, ...], BeforeValidator(listed), Field(strict=False, min_length=1)]
    """Groups that it is about."""
    needs_field: Dotted | None = None
    """Warns when this field of the configuration is missing or empty."""
    refuses: ChoiceText | None = None
    """Warns when a field has this value: ``dns.provider=none``."""
    needs_group: Name | None = None
    """Warns when this group is off."""
    needs_gpus: Annotated[int, Field(ge=1, le=10_000)] | None = None
    """Warns that so many GPUs are needed: the configuration does not say how many there are."""
    when_written: bool = False
    """Only where the configuration itself turns the group on, not by default."""
    because: Annotated[str, Field(max_length=200)] = ""
    """Why, for whoever is warned."""


class EdgePlace(Block):
    """Where git has the edge's configuration."""

    values: Place = "platform/litellm/values.yaml"
    """The file it stands in: a chart's values, or LiteLLM's own file."""
    under: Annotated[
        str, Field(max_length=200, pattern=r"([A-Za-z0-9][-_A-Za-z0-9]*(\.[A-Za-z0-9][-_A-Za-z0-9]*)*)?")
    ] = "proxy_config"
    """The keys below which it stands there, with dots between them; "" where the file is nothing else."""
    application: Name = "litellm"
    """The Argo CD Application that brings it into the cluster."""
    namespace: Name = "argocd"
    """Where that Application is."""
    remote: Word = "origin"
    """The remote that is pushed to, as the clone names it."""
    branch: Branch | None = None
    """The branch that the Application reads; ``repoBranch`` of the environment's configuration when absent."""
    pull_requests: bool = False
    """Is each change of the alias a branch that somebody merges, since nobody may push to the branch itself?"""


class Layout(Block):
    """What a platform declares."""

    environments: Annotated[tuple[Word, ...], BeforeValidator(listed), Field(strict=False)] = ()
    """Names of its environments; those whose configuration is there when absent."""
    config: Place = "environments/{env}/config.yaml"
    """The file that people edit."""
    groups_file: Place = "clusters/{env}/groups.generated.yaml"
    """What ``pointsman resolve`` writes and the ApplicationSets read."""
    catalog: Place = "clusters/{env}/catalog"
    """Folder with a folder of Applications for each group."""
    projects: Place = "clusters/{env}/projects"
    """Folder of the AppProjects."""
    appsets: Place = "clusters/{env}/appsets"
    """Folder of the ApplicationSets, one a layer: ``LAYER.yaml``."""
    delivery: Literal["direct", "git"] = "direct"
    """How a move changes the edge: in the cluster, or by commits that Argo CD syncs."""
    edge: EdgePlace = EdgePlace()
    """Where git has the edge's configuration; of use with ``delivery: git``."""
    groups: Annotated[tuple[Group, ...], Field(strict=False, min_length=1)] = Field(
        default=tuple(Group(name=name, layer=layer, gate=gate, default=on) for name, layer, gate, on in usual.GROUPS)
    )
    """All groups, in the groups file's order."""
    warnings: Annotated[tuple[Caution, ...], Field(strict=False)] = Field(
        default=tuple(Caution.model_validate(one, by_name=True) for one in usual.WARNINGS)
    )
    """What ``pointsman resolve`` warns of."""
    profiles: dict[Word, Annotated[tuple[Name, ...], BeforeValidator(listed), Field(strict=False, min_length=1)]] = (
        Field(default=dict(usual.PROFILES))
    )
    """Layers that ``pointsman root --profile NAME`` applies, in that order."""


class Platform(Block):
    """One platform repository; has the shape of a custom resource."""

    page: ClassVar[str] = "docs/platform.md"

    api_version: Literal["pointsman.dev/v1alpha1"]
    """The format of this file."""
    kind: Literal["Platform"]
    """What the file declares."""
    metadata: Naming
    """Its name."""
    spec: Layout = Layout()
    """What is otherwise than usual."""


def usual_platform() -> Platform:
    """The runbook's own, for a repository without a file."""
    return Platform(api_version="pointsman.dev/v1alpha1", kind="Platform", metadata=Naming(name="platform"))
