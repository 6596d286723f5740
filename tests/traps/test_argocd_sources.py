"""Folders that git does not have, and files that Argo CD is told not to look at: on the real one."""

from __future__ import annotations

import pytest

from tests.gitops.ground import Ground, until
from tests.gitops.manifests import config
from tests.traps.delivered import AUTOMATED, committed, compared, synced
from tests.traps.trap import Trap

pytestmark = pytest.mark.lab
PATHS = "argocd.argoproj.io/manifest-generate-paths"


@pytest.mark.bites("an Application's folder is not in git, or was renamed: no later commit arrives", "PM420")
def test_an_application_whose_folder_was_renamed_stays_as_it_was(trap: Trap, ground: Ground) -> None:
    one, other = f"{ground.name}-one", f"{ground.name}-other"
    apps = [
        ground.application(one, f"{ground.name}/one", syncPolicy=AUTOMATED),
        ground.application(other, f"{ground.name}/other", syncPolicy=AUTOMATED),
    ]
    committed(ground, {"one/one.yaml": config(), "other/two.yaml": config("two")}, *apps)
    trap.sound(ground.here.path)
    ground.applied(*apps)
    synced(ground, one)
    (ground.here.path / ground.name / "one").rename(ground.here.path / ground.name / "first")
    (told,) = trap.lint(ground.here.path)
    assert f"{ground.name}/one is not in this repository" in told["what"]
    committed(ground, {"first/one.yaml": config(said="second")}, message="Rename it")
    ground.refresh(one, "hard")
    said = until(lambda: ground.status(one).get("conditions"))[0]
    assert "app path does not exist" in said["message"]
    assert ground.live("configmap", "one")["data"] == {"said": "first"}
    trap.bit(f"{said['type']}: app path does not exist; what ran before ran on, and the commit did not arrive")

    renamed = ground.application(one, f"{ground.name}/first", syncPolicy=AUTOMATED)
    committed(ground, {}, renamed, message="And where it is read")
    trap.sound(ground.here.path)
    ground.applied(renamed)
    until(lambda: ground.live("configmap", "one")["data"] == {"said": "second"})


@pytest.mark.bites(
    "manifest-generate-paths leaves out a base: Synced is said of the new commit, and the old runs", "PM421"
)
def test_a_base_that_is_not_looked_at_stays_as_it_was(trap: Trap, ground: Ground) -> None:
    def written(paths: str) -> dict[str, object]:
        app = ground.application(path=f"{ground.name}/over", metadata={"annotations": {PATHS: paths}})
        app["spec"]["syncPolicy"] = AUTOMATED
        committed(ground, {}, app, message=f"Looks at {paths}")
        return app

    base = {"base/kustomization.yaml": "resources: [one.yaml]\n", "base/one.yaml": config()}
    committed(ground, {**base, "over/kustomization.yaml": "resources: [../base]\n"})
    narrow = written(".")
    (told,) = trap.lint(ground.here.path)
    assert f"{ground.name}/base/" in told["what"]
    ground.applied(narrow)
    synced(ground)
    ours = committed(ground, {"base/one.yaml": config(said="second")}, message="Second")
    ground.refresh()
    status = compared(ground)["sync"]
    assert (status["status"], status["revision"]) == ("Synced", ours)
    assert ground.live("configmap", "one")["data"] == {"said": "first"}
    trap.bit("it read Synced at the new commit, and ran what the commit before had said")

    wide = written(".;../base")
    trap.sound(ground.here.path)
    ground.applied(wide)
    committed(ground, {"base/one.yaml": config(said="third")}, message="Third")
    ground.refresh()
    until(lambda: ground.live("configmap", "one")["data"] == {"said": "third"})
