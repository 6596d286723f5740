"""The groups file, and the ApplicationSets that read it: on the real Argo CD."""

from __future__ import annotations

import json

import pytest

from tests.gitops.ground import Ground, until
from tests.gitops.manifests import config
from tests.gitops.platform import Platform
from tests.gitops.sets import appset
from tests.traps.delivered import committed
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab
GROUPS = '- { name: red, enabled: "true", catalogPath: CATALOG/red }\n'


def resolved(ground: Ground) -> Platform:
    """A platform of which everything is committed, and nothing applied yet."""
    platform = Platform(ground)
    platform.pushed()
    return platform


def brought_up(ground: Ground, platform: Platform) -> None:
    """Its sets are applied, and the group kserve is deployed."""
    platform.applied()
    until(lambda: ground.live("configmap", "kserve"))


def regenerated(ground: Ground, platform: Platform) -> None:
    for layer in ("platform", "serving"):
        ground.regenerate(platform.named(layer))


@pytest.mark.bites("the groups file is empty, or gone: every Application goes, with all it deployed", "PM414")
@pytest.mark.parametrize("text", ["[]\n", "", "# nothing is on\n", None], ids=["list", "file", "comment", "gone"])
def test_an_empty_groups_file_deletes_everything(trap: Trap, ground: Ground, text: str | None) -> None:
    platform = resolved(ground)
    brought_up(ground, platform)
    trap.sound(ground.here.path)
    file = ground.here.path / f"clusters/{platform.env}/groups.generated.yaml"
    if text is None:
        file.unlink()
    else:
        file.write_text(text, "utf-8")
    assert trap.lint(ground.here.path)
    ground.here.push({}, "Nothing is on")
    regenerated(ground, platform)
    until(lambda: not ground.live(name=platform.named("kserve")))
    until(lambda: not ground.live("configmap", "kserve"))
    assert not ground.live("deployment", "engine")
    said = {None: "the file was gone", "": "the file was empty"}.get(text, f"the file said {text!r}")
    trap.bit(f"{said}: all Applications were deleted, an engine and what else they had deployed with them")


@pytest.mark.bites("a feature is switched on in the configuration alone: nothing comes of it", "PM415")
def test_a_configuration_that_is_not_resolved_has_no_effect(trap: Trap, ground: Ground) -> None:
    platform = resolved(ground)
    brought_up(ground, platform)
    config_file = ground.here.path / f"environments/{platform.env}/config.yaml"
    config_file.write_text(config_file.read_text("utf-8").replace("embeddings: false", "embeddings: true"), "utf-8")
    app = ground.application(platform.named("embeddings"), f"{platform.env}/embeddings", project=platform.env)
    catalog = f"/clusters/{platform.env}/catalog/embeddings/app.yaml"
    files = {catalog: json.dumps(app), "embeddings/one.yaml": config("embeddings")}
    committed(ground, files, message="Embeddings are on")
    assert trap.lint(ground.here.path)
    regenerated(ground, platform)
    assert not ground.live(name=f"{platform.env}-group-embeddings")
    trap.bit("the commit was read by Argo CD, and no Application of the group was made")

    assert platform.run("resolve", output=None)[0] == 0
    trap.sound(ground.here.path)
    ground.here.push({}, "Resolve")
    regenerated(ground, platform)
    until(lambda: ground.live(name=platform.named("embeddings")))


@pytest.mark.bites("a set's template has no missingkey=error: a misspelt field renames its Applications", "PM412")
def test_a_misspelt_field_gives_an_application_another_place(trap: Trap, ground: Ground) -> None:
    lax = appset(ground, goTemplateOptions=[])
    lax["spec"]["template"]["spec"]["source"]["path"] = f"{ground.name}/{{{{.folder}}}}red"
    red = f"{ground.name}-red"
    files = {"groups.yaml": GROUPS.replace("CATALOG", ground.name), "red/one.yaml": config("red")}
    committed(ground, files, lax)
    assert trap.lint(ground.here.path)
    ground.applied(lax)
    ground.regenerate()
    path = until(lambda: ground.live(name=red))["spec"]["source"]["path"]
    assert path == f"{ground.name}/<no value>red"
    trap.bit(f"its Application was made, with the path {path!r}")

    strict = appset(ground)
    strict["spec"]["template"]["spec"]["source"]["path"] = lax["spec"]["template"]["spec"]["source"]["path"]
    committed(ground, {}, strict, message="Strict")
    trap.sound(ground.here.path)
    ground.applied(strict)
    ground.regenerate(fails=True)
    until(lambda: "map has no entry for key" in str(ground.live("applicationset").get("status")))


@pytest.mark.bites("a selector compares with a boolean: the API server refuses the set", "PM413")
def test_a_selector_that_is_no_text_is_refused(trap: Trap, ground: Ground) -> None:
    wrong = appset(ground)
    wrong["spec"]["generators"][0]["selector"]["matchLabels"]["enabled"] = True
    committed(ground, {}, wrong)
    assert trap.lint(ground.here.path)
    with pytest.raises(AssertionError, match="expected string, got") as refused:
        ground.applied(wrong)
    trap.bit(f"the API server refused it: {str(refused.value).rpartition('error: ')[2][:200]}")

    committed(ground, {}, appset(ground), message="Text")
    trap.sound(ground.here.path)
    ground.applied(appset(ground))
    unquoted = GROUPS.replace("CATALOG", ground.name).replace('"true"', "true")
    committed(ground, {"groups.yaml": unquoted, "red/one.yaml": config("red")}, message="A boolean in the file")
    ground.regenerate()
    assert ground.live(name=f"{ground.name}-red"), "the file's boolean is compared as text"
