"""``pointsman root`` on a platform repository in git, and what the real Argo CD makes of it."""

from __future__ import annotations

import pytest

from tests.gitops.ground import ARGO, Done, Ground, until
from tests.gitops.platform import Platform

pytestmark = pytest.mark.lab


def applications(ground: Ground) -> set[str]:
    own = f"--selector=of={ground.name}"
    listed = ground.lab.kubectl("get", "applications", f"--namespace={ARGO}", own, "--output=name").stdout
    return {one.partition("/")[2] for one in listed.split()}


@pytest.mark.trap("`root` applies a profile; a gate is switched off, which deletes an engine with GPUs and its volume")
def test_argo_cd_makes_and_deletes_exactly_what_root_told(ground: Ground) -> None:
    platform = Platform(ground)
    platform.pushed()
    meant = {one["name"] for one in platform.applied()["appear"]}
    until(lambda: applications(ground) == meant, 30)
    until(lambda: (ground.live("deployment", "engine").get("status") or {}).get("availableReplicas"), 30)
    assert ground.wait(platform.named("kserve"), platform.named("platform-core")).exit == 0

    assert platform.run("features", "disable", "kserve", output=None)[0] == 0
    assert platform.run("resolve", output=None)[0] == 0
    code, told, said = platform.run("root", "--profile", "serving", "--dry-run")
    (engine,) = (one for one in told["vanish"] if one["name"] == platform.named("kserve"))
    assert (code, engine["gpus"]) == (1, 1), said
    assert engine["volumes"] == [{"claim": f"{ground.name}/weights", "size": "50Gi"}]
    code, _, refused = platform.run("root", "--profile", "serving", "--yes")
    assert (code, "[root-losses]" in refused) == (1, True), refused
    what = next(line.partition(": ")[2] for line in refused.splitlines() if "[root-losses]" in line)
    assert applications(ground) == meant

    ground.here.push({}, "Switch kserve off")
    code, _, said = platform.run("root", "--profile", "serving", "--yes", "--delete", platform.named("kserve"))
    assert code == 0, said
    gone = {one["name"] for one in told["vanish"]}
    until(lambda: applications(ground) == meant - gone, 30)
    assert not ground.live("deployment", "engine")
    until(lambda: not ground.live("persistentvolumeclaim", "weights"))
    assert ground.live("configmap", "platform-core")
    ground.said.append(Done(1, [{"error": {"code": "root-losses", "what": what}, "notes": []}], refused))
    ground.happened = (
        f"{len(meant)} Applications appeared as told; told before the push: {len(gone)} vanish, 1 GPU, 50Gi; after it "
        "exactly these were deleted, the claim too"
    )
