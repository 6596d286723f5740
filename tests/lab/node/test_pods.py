"""Pods on the lab's node, seen through a real API server and kubectl."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.lab.node.pods import Space, first, pod, waiting

pytestmark = pytest.mark.lab

SLEEP = ["sh", "-c", "echo up; trap 'echo bye; exit 0' TERM; while true; do sleep 0.1; done"]


def test_a_pod_gets_an_address_runs_and_is_gone_after_delete(space: Space) -> None:
    space.apply(pod("one", {"command": SLEEP}))
    found = space.until_ready("one")
    status = found["status"]
    assert status["podIP"].startswith(f"10.{space.lab.config.octet}.")
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["hostIP"] == space.lab.config.announced(253, 1)
    assert status["qosClass"] == "BestEffort"
    assert first(found)["containerID"].startswith("pointsman://")
    assert {entry["observedGeneration"] for entry in status["conditions"] if entry["type"] == "Ready"} == {1}
    space.until_logged("one", "up")
    space.kubectl("delete", "pod", "one")
    assert space.get("pod", "one") is None
    assert {"Scheduled", "Pulled", "Created", "Started", "Killing"} <= space.reasons("one")
    assert not (space.lab.config.pods / found["metadata"]["uid"]).exists()


def test_logs_are_followed_to_the_containers_end(space: Space) -> None:
    counting = "for i in 1 2 3 4 5; do echo line $i; sleep 0.3; done"
    space.apply(pod("counter", {"command": ["sh", "-c", counting]}, restartPolicy="Never"))
    space.until("counter", lambda found: found["status"]["phase"] in ("Running", "Succeeded"))
    assert space.kubectl("logs", "-f", "counter").split("\n")[:-1] == [f"line {number}" for number in range(1, 6)]
    assert space.kubectl("logs", "counter", "--tail=1") == "line 5\n"
    assert space.kubectl("logs", "counter", "--timestamps", "--tail=1").endswith("Z line 5\n")
    assert space.until("counter", lambda found: found["status"]["phase"] == "Succeeded")


def test_init_containers_come_first_and_sidecars_stay(space: Space) -> None:
    volume = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    space.apply(
        pod(
            "staged",
            {"command": ["sh", "-c", "cat /v/order; " + SLEEP[2]], **volume},
            initContainers=[
                {"name": "a", "image": "busybox", "command": ["sh", "-c", "sleep 0.3; echo a >> /v/order"], **volume},
                {
                    "name": "s",
                    "image": "busybox",
                    "restartPolicy": "Always",
                    "command": ["sh", "-c", "echo s >> /v/order; touch /v/up; sleep 600"],
                    "startupProbe": {"exec": {"command": ["test", "-f", "/v/up"]}, "periodSeconds": 1},
                    **volume,
                },
                {"name": "b", "image": "busybox", "command": ["sh", "-c", "echo b >> /v/order"], **volume},
            ],
            volumes=[{"name": "v", "emptyDir": {}}],
        )
    )
    found = space.until_ready("staged")
    assert space.until_logged("staged", "up", "-c", "c0").split() == ["a", "s", "b", "up"]
    assert [entry["ready"] for entry in found["status"]["initContainerStatuses"]] == [True, True, True]
    assert "running" in found["status"]["initContainerStatuses"][1]["state"]


def test_the_environment_is_what_the_pod_says(space: Space) -> None:
    space.apply(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"one": "1", "two": "2"}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"k": "s3cret"}},
        pod(
            "env",
            {
                "command": [
                    "sh",
                    "-c",
                    'echo "$P_one $K $NAME $CPU $BOTH $(X) ${HOME##*/} ${KUBECONFIG:-none}"; echo end',
                ],
                "envFrom": [{"prefix": "P_", "configMapRef": {"name": "conf"}}],
                "env": [
                    {"name": "K", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}},
                    {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                    {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1m"}}},
                    {"name": "BOTH", "value": "$(NAME)-$(K)"},
                    {"name": "X", "value": "echo"},
                    {"name": "GONE", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k", "optional": True}}},
                ],
                "resources": {"limits": {"cpu": "250m"}},
            },
            restartPolicy="Never",
        ),
    )
    assert space.until_logged("env", "end").splitlines()[0] == "1 s3cret env 250 env-s3cret echo c0 none"


SOCKET = """
import os, socket, time
path = os.path.join(os.environ["TMPDIR"], "0f2e4a1c-0d5a-4f7e-9b3e-2d6c8a1b3e5f")
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(path)
    print(os.environ["TMPDIR"], os.path.realpath(path), "bound", flush=True)
    time.sleep(600)
"""


def test_a_program_can_listen_on_a_unix_socket_below_its_tmpdir_and_nothing_of_it_stays(space: Space) -> None:
    space.apply(pod("listens", {"command": [sys.executable, "-c", SOCKET]}))
    named, real, _ = space.until_logged("listens", "bound").split()
    assert len(named) <= 60 < len(real)
    assert Path(named).lstat().st_mode & 0o170000 == stat.S_IFLNK
    assert Path(named).parent.stat().st_mode & 0o077 == 0
    space.kubectl("delete", "pod", "listens", "--grace-period=1")
    deadline = time.monotonic() + 10
    while Path(named).is_symlink():
        assert time.monotonic() < deadline, "a link to a directory that is gone"
        time.sleep(0.1)


def test_a_missing_secret_is_waited_for_and_named(space: Space) -> None:
    reference = {"secretKeyRef": {"name": "late", "key": "k"}}
    space.apply(pod("needy", {"command": SLEEP, "env": [{"name": "K", "valueFrom": reference}]}))
    found = space.until("needy", lambda found: waiting(found) == "CreateContainerConfigError")
    assert first(found)["state"]["waiting"]["message"] == 'secret "late" not found'
    assert found["status"]["phase"] == "Pending"
    assert found["status"]["podIP"]
    space.kubectl("create", "secret", "generic", "late", "--from-literal=k=v")
    space.until_ready("needy")


def test_an_unknown_image_cannot_be_pulled(space: Space) -> None:
    space.apply(pod("strange", {"image": "example.com/nobody/knows:1"}))
    space.until("strange", lambda found: waiting(found) == "ImagePullBackOff")
    assert {"Failed", "BackOff"} <= space.reasons("strange")


def test_a_crashing_container_backs_off_and_keeps_its_last_words(space: Space) -> None:
    broken = "date +%N; echo reason > /dev/termination-log; exit 7"
    space.apply(pod("broken", {"command": ["sh", "-c", broken]}))
    found = space.until("broken", lambda found: waiting(found) == "CrashLoopBackOff")
    last = first(found)["lastState"]["terminated"]
    assert (last["exitCode"], last["reason"], last["message"]) == (7, "Error", "reason\n")
    assert first(found)["restartCount"] == 1
    assert found["status"]["phase"] == "Running"
    assert space.kubectl("logs", "broken", "--previous") != space.kubectl("logs", "broken")


def test_a_program_that_does_not_exist_is_a_start_error(space: Space) -> None:
    space.apply(pod("typo", {"command": ["no-such-program"]}, restartPolicy="Never"))
    found = space.until("typo", lambda found: found["status"]["phase"] == "Failed")
    ended = first(found)["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")


def test_a_job_completes(space: Space) -> None:
    template = pod("x", {"command": ["sh", "-c", "echo done"]}, restartPolicy="Never")
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "job"},
        "spec": {"template": {"spec": template["spec"]}},
    }
    space.apply(job)
    space.until("job", lambda found: found.get("status", {}).get("succeeded") == 1, what="job")


def test_a_deadline_ends_a_pod(space: Space) -> None:
    space.apply(pod("late", {"command": SLEEP}, restartPolicy="Never", activeDeadlineSeconds=1))
    found = space.until("late", lambda found: found["status"]["phase"] == "Failed")
    assert found["status"]["reason"] == "DeadlineExceeded"


def test_config_maps_in_volumes_are_updated_in_a_running_pod(space: Space) -> None:
    conf = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "conf"}, "data": {"f": "old"}}
    loop = "while true; do cat /etc/conf/f; echo; sleep 0.2; done"
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/etc/conf"}]}
    volumes = [{"name": "v", "configMap": {"name": "conf"}}]
    space.apply(conf, pod("reader", {"command": ["sh", "-c", loop], **mount}, volumes=volumes))
    space.until_logged("reader", "old")
    space.apply({**conf, "data": {"f": "new"}})
    space.until_logged("reader", "new")


def test_a_missing_volume_source_holds_the_pod_back(space: Space) -> None:
    mount = {"command": SLEEP, "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    space.apply(pod("waits", mount, volumes=[{"name": "v", "secret": {"secretName": "late"}}]))
    space.until("waits", lambda found: waiting(found) == "ContainerCreating")
    deadline = time.monotonic() + 20
    while "FailedMount" not in space.reasons("waits"):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    space.kubectl("create", "secret", "generic", "late", "--from-literal=k=v")
    space.until_ready("waits")


def test_a_claim_gets_a_directory_that_outlives_pods_and_goes_with_the_claim(space: Space) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "disk"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "disk"}}]
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/data"}]}
    writer = pod("w", {"command": ["sh", "-c", "echo kept > /data/f"], **mount}, volumes=volumes, restartPolicy="Never")
    reader = pod("r", {"command": ["sh", "-c", "cat /data/f"], **mount}, volumes=volumes, restartPolicy="Never")
    space.apply(claim, writer)
    space.until("w", lambda found: found["status"]["phase"] == "Succeeded")
    space.apply(reader)
    space.until_logged("r", "kept")
    bound = space.get("persistentvolumeclaim", "disk")
    assert bound is not None
    directory = space.lab.config.home / "volumes" / bound["spec"]["volumeName"]
    assert (directory / "f").read_text() == "kept\n"
    space.kubectl("delete", "pod", "w", "r")
    space.kubectl("delete", "persistentvolumeclaim", "disk")
    deadline = time.monotonic() + 20
    while directory.exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_service_accounts_token_is_accepted_by_the_api_server(space: Space) -> None:
    call = (
        "D=/var/run/secrets/kubernetes.io/serviceaccount; "
        "python3 -c \"import ssl,sys,urllib.request as u; d='$D'; "
        "r=u.Request('https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/default/pods', "
        "headers={'Authorization':'Bearer '+open(d+'/token').read()}); "
        "u.build_opener(u.ProxyHandler({}),u.HTTPSHandler(context=ssl.create_default_context(cafile=d+'/ca.crt'))).open(r)\""
    )
    space.apply(pod("caller", {"command": ["sh", "-c", call]}, restartPolicy="Never"))
    logged = space.until_logged("caller", "HTTP Error")
    assert "403" in logged, logged  # known, and allowed nothing: an unknown token is answered 401


def test_end_runs_the_hook_then_asks_then_kills_the_whole_group(space: Space) -> None:
    deaf = "trap '' TERM; sleep 1234.5 & while true; do sleep 0.1; done"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook > /v/hook; sleep 0.5"]}}}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    directory = space.lab.config.run / f"hook-{space.name}"
    space.apply(
        pod(
            "deaf",
            {"command": ["sh", "-c", deaf], "lifecycle": hook, **mount},
            terminationGracePeriodSeconds=2,
            volumes=[{"name": "v", "hostPath": {"path": str(directory), "type": "DirectoryOrCreate"}}],
        )
    )
    space.until_ready("deaf")
    began = time.monotonic()
    space.kubectl("delete", "pod", "deaf")
    assert 1.9 < time.monotonic() - began < 8
    assert (directory / "hook").read_text() == "hook\n"
    left = subprocess.run(["pgrep", "-f", "sleep 1234.5"], capture_output=True, text=True, check=False)
    assert left.stdout == ""


def test_a_force_deleted_pod_leaves_no_process(space: Space) -> None:
    space.apply(
        pod("stuck", {"command": ["sh", "-c", "trap '' TERM; sleep 2345.6 & wait"]}, terminationGracePeriodSeconds=600)
    )
    space.until_ready("stuck")
    space.kubectl("delete", "pod", "stuck", "--grace-period=0", "--force")
    deadline = time.monotonic() + 10
    while subprocess.run(["pgrep", "-f", "sleep 2345.6"], capture_output=True, check=False).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_an_ending_pod_is_not_ready_while_it_drains(space: Space) -> None:
    space.apply(
        pod(
            "drains",
            {"command": SLEEP, "lifecycle": {"preStop": {"sleep": {"seconds": 8}}}},
            terminationGracePeriodSeconds=15,
        )
    )
    space.until_ready("drains")
    space.kubectl("delete", "pod", "drains", "--wait=false")
    found = space.until("drains", lambda found: not first(found)["ready"], seconds=6)
    assert found["metadata"]["deletionTimestamp"]
    assert "running" in first(found)["state"]


def test_engine_settings_follow_their_config_map(space: Space) -> None:
    space.apply(pod("qwen-1", {"command": SLEEP}))
    found = space.until_ready("qwen-1")
    settings = space.lab.config.pods / found["metadata"]["uid"] / "engine.json"
    assert not settings.exists()
    conf = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "lab-engine"},
        "data": {"qwen": '{"ttft": 1}'},
    }
    space.apply(conf)
    deadline = time.monotonic() + 5
    while not settings.exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert json.loads(settings.read_text()) == {"ttft": 1}
