"""What ApplicationSets make, make no more, and leave: on the real Argo CD."""

from __future__ import annotations

import threading

import pytest

from tests.gitops.ground import Ground, until
from tests.gitops.manifests import claim, config
from tests.gitops.sets import appset, groups

pytestmark = pytest.mark.lab


def two_groups(ground: Ground) -> tuple[str, str]:
    """Both are synced."""
    red, blue = f"{ground.name}-red", f"{ground.name}-blue"
    files = {"red/one.yaml": config("red"), "blue/one.yaml": config("blue"), "red/claim.yaml": claim()}
    ground.push({**groups(ground, "red", "blue"), **files})
    ground.applied(appset(ground))
    ground.regenerate()
    until(lambda: ground.live("configmap", "red") and ground.live("configmap", "blue"))
    return red, blue


@pytest.mark.trap(
    "11: the Application is not made yet", twin="delivery.test_traps::test_11_it_is_waited_for_when_that_is_asked"
)
def test_an_application_that_its_set_has_not_made_yet_is_waited_for(ground: Ground) -> None:
    ground.push({**groups(ground), "red/one.yaml": config("red")})
    ground.applied(appset(ground))
    red = f"{ground.name}-red"
    early = ground.sync(red)
    assert (early.exit, early.code) == (1, "argo-app-awaited"), early.words
    assert f"ApplicationSet {ground.name} would make it" in early.error["what"]
    ours = ground.push(groups(ground, "red"), "Switch red on")
    making = threading.Timer(1, ground.regenerate)
    making.start()
    done = ground.sync(red, "--wait-for-app", "--commit", ours, "--repository", str(ground.here.path))
    making.join()
    assert done.exit == 0, done.words
    assert ground.live("configmap", "red")
    ground.said.pop()
    ground.happened = "told by which set it would be made; with --wait-for-app it was waited for, and synced"


@pytest.mark.trap("11: an element is gone from the groups file")
def test_an_element_that_is_gone_takes_its_application_and_its_volumes_along(ground: Ground) -> None:
    red, blue = two_groups(ground)
    ground.push(groups(ground, "blue"), "Switch red off")
    ground.regenerate()
    until(lambda: not ground.live(name=red))
    assert not ground.live("configmap", "red")
    assert not ground.live("persistentvolumeclaim", "weights") or deleting(ground)
    assert ground.wait(blue).exit == 0
    gone = ground.sync(red)
    assert (gone.exit, gone.code) == (1, "argo-app-awaited"), gone.words
    ground.happened = "its Application was deleted, and with it what it deployed, the claim too; the other one stayed"


@pytest.mark.trap(
    "11: the groups file is an empty list; before that one that cannot be parsed",
    twin="delivery.test_traps::test_11_an_application_that_an_application_set_would_make",
)
def test_a_parse_error_deletes_nothing_and_an_empty_list_everything(ground: Ground) -> None:
    red, blue = two_groups(ground)
    ground.push({"groups.yaml": '- { name: red, enabled: "true\n'}, "Break it")
    ground.regenerate(fails=True)
    said = until(lambda: wrong(ground))
    assert ground.live(name=red)
    assert ground.live(name=blue)
    assert ground.live("configmap", "red")
    ground.push(groups(ground), "Nothing is on")
    ground.regenerate()
    until(lambda: not ground.live(name=red) and not ground.live(name=blue))
    assert not ground.live("configmap", "red")
    ground.sync(red)
    ground.happened = f"a parse error ({said[:60]}…) deleted nothing; the empty list deleted both, claim and all"


def deleting(ground: Ground) -> bool:
    return bool(ground.live("persistentvolumeclaim", "weights")["metadata"].get("deletionTimestamp"))


def wrong(ground: Ground) -> str:
    """What the set says of an error."""
    found = ground.live("applicationset")["status"].get("conditions") or []
    return next((one["message"] for one in found if one["type"] == "ErrorOccurred" and one["status"] == "True"), "")
