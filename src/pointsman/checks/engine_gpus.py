"""1xx: what an engine computes on: accelerators, how it divides itself over them, shared memory, cores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.findings import AddItem, Fix, SetKey
from pointsman.adopt.words import Place
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.engine_pod import EnginePod, engine_pods, own_pods, tag_of
from pointsman.checks.view import View, get, listed, mapped
from pointsman.kube.quantity import milli
from pointsman.spec.arguments import accelerators

__all__ = ["CHECKS"]

_SHM = "/dev/shm"


def _too_few(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        needed = _needed(one)
        if needed is not None and 0 < one.engine.gpus < needed:
            what = f"its flags divide it over {needed} accelerators, and a pod has {one.engine.gpus}"
            yield one.told(what, one.at(_parallel(one)))


def _idle(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        needed = _needed(one)
        if needed is not None and one.engine.gpus > needed and "mig" not in one.engine.accelerator:
            idle = one.engine.gpus - needed
            what = f"a pod has {one.engine.gpus} accelerators, and its flags use {needed}: unused are {idle}"
            yield one.told(what, (*one.place, "resources", "limits", one.engine.accelerator))


def _needed(one: EnginePod) -> int | None:
    """Accelerators that the flags ask for; None where they leave it open."""
    if not one.whole or get(one.engine.standing.data, "spec", "parallelism") is not None:
        return None
    args = [word.text for word in one.words]
    dividing = [one.given[name] for name in one.given if "parallel" in name or name == "nnodes"]
    if any(not said.known for said in dividing):
        return None
    return accelerators(args) if dividing else 1


def _parallel(one: EnginePod) -> Any:
    return one.flag("tensor-parallel-size") or one.flag("pipeline-parallel-size") or one.flag("data-parallel-size")


def _no_shared_memory(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        mounts = [str(each.get("mountPath")).rstrip("/") for each in listed(one.container, "volumeMounts")]
        needed = _needed(one)
        if needed is None or needed < 2 or _SHM in mounts or one.pod.get("hostIPC"):
            continue
        what = f"it divides itself over {needed} accelerators, and /dev/shm has the 64 MiB that a container is given"
        yield one.told(what, one.at(_parallel(one)), "", _shared_memory(one))


def _shared_memory(one: EnginePod) -> tuple[Fix, ...]:
    if any(each.get("name") == "shm" for each in listed(one.pod, "volumes")):
        return ()
    standing = one.engine.standing
    volume = {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2Gi"}}
    return (
        AddItem(standing, one.place, "volumeMounts", {"name": "shm", "mountPath": _SHM}),
        AddItem(standing, one.pod_place, "volumes", volume),
    )


def _not_asked(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        image = one.engine.image.partition("@")[0].rpartition("/")[2].partition(":")[0]
        for_gpus = image == "vllm-openai" and "cpu" not in tag_of(one.engine.image)
        resources = mapped(one.container, "resources")
        asks = _extended(resources) or resources.get("claims") or one.pod.get("runtimeClassName")
        elsewhere = one.from_elsewhere or "NVIDIA_VISIBLE_DEVICES" in one.env or one.flag("device") is not None
        if for_gpus and not asks and not elsewhere:
            what = "it asks for no accelerator, and its image needs one: the pod may land on a node without any"
            yield one.told(what, (*one.place, "resources") if resources else one.place)


def _differ(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        resources = mapped(one.container, "resources")
        limits, requests = mapped(resources, "limits"), mapped(resources, "requests")
        for key, asked in requests.items():
            if not _is_extended(key) or str(limits.get(key)) == str(asked):
                continue
            given = limits.get(key)
            what = f"it requests {key}: {asked}, and its limit is {'none' if given is None else given}: no pod is made"
            fix = _limit(one, str(key), asked, resources) if given is None else ()
            yield one.told(what, (*one.place, "resources", "requests", key), "", fix)


def _limit(one: EnginePod, key: str, asked: Any, resources: Mapping[str, Any]) -> tuple[Fix, ...]:
    place: Place = (*one.place, "resources")
    if isinstance(resources.get("limits"), Mapping):
        return (SetKey(one.engine.standing, (*place, "limits"), key, asked),)
    return () if "limits" in resources else (SetKey(one.engine.standing, place, "limits", {key: asked}),)


def _extended(resources: Mapping[str, Any]) -> bool:
    return any(_is_extended(key) for part in ("limits", "requests") for key in mapped(resources, part))


def _is_extended(key: Any) -> bool:
    return "/" in str(key) and not str(key).startswith("kubernetes.io/")


def _surges(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        place: Place = (
            ("spec", "strategy") if one.engine.layer == "raw-vllm" else ("spec", "predictor", "deploymentStrategy")
        )
        strategy = mapped(one.engine.standing.data, *place)
        surge = get(strategy, "rollingUpdate", "maxSurge")
        if one.engine.gpus < 1 or one.engine.replicas > 1 or strategy.get("type") == "Recreate":
            continue
        if str(surge) in ("0", "0%") or _knative(one):
            continue
        gpus = "an accelerator" if one.engine.gpus == 1 else f"{one.engine.gpus} accelerators"
        what = f"at a change, its new pod starts beside the old one: without {gpus} more it waits for ever"
        yield one.told(what, place if strategy else one.pod_place[:-1])


def _knative(one: EnginePod) -> bool:
    mode = get(one.engine.standing.data, "metadata", "annotations", "serving.kserve.io/deploymentMode")
    return one.engine.layer == "kserve" and mode in ("Serverless", "Knative")


def _one_core(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        on_cpu = "cpu" in one.engine.image.rpartition("/")[2] or any(key.startswith("VLLM_CPU_") for key in one.env)
        cores = get(one.container, "resources", "limits", "cpu")
        if not on_cpu or one.engine.gpus or not isinstance(cores, str | int | float) or isinstance(cores, bool):
            continue
        try:
            small = milli(cores) < 2000
        except ValueError:
            continue
        if small:
            what = f"an engine on CPUs with a limit of {cores} cores: it needs 2, one of them for its scheduler"
            yield one.told(what, (*one.place, "resources", "limits", "cpu"))


_ENGINES = frozenset({"engines"})

CHECKS = (
    Check(
        "PM111",
        "accelerators-too-few",
        Level.error,
        _ENGINES,
        cause="tensor × pipeline × data parallelism is how many accelerators an engine takes; with fewer it exits",
        remedy="make the sizes and the number of accelerators agree",
        sure=Sure.source,
        fact="vLLM, ParallelConfig: world_size; KServe issue 5773",
        run=_too_few,
    ),
    Check(
        "PM112",
        "accelerators-idle",
        Level.warning,
        _ENGINES,
        cause="vLLM uses one accelerator unless it is told to divide itself; the others are paid for and lie idle",
        remedy="add --tensor-parallel-size, or ask for fewer",
        sure=Sure.source,
        fact="vLLM, ParallelConfig: tensor_parallel_size is 1",
        run=_idle,
    ),
    Check(
        "PM113",
        "no-shared-memory",
        Level.warning,
        _ENGINES,
        cause="processes of one engine pass tensors through /dev/shm; 64 MiB are too little, and they hang or crash",
        remedy="mount an emptyDir of medium Memory at /dev/shm",
        sure=Sure.source,
        fact="vLLM's documentation, deployment with Docker: --ipc=host or --shm-size; production-stack issue 276",
        run=_no_shared_memory,
        fixable=True,
    ),
    Check(
        "PM114",
        "accelerator-not-asked",
        Level.warning,
        _ENGINES,
        cause="a pod without a limit for accelerators is scheduled anywhere, and vLLM finds no device there",
        remedy="add the limit, nvidia.com/gpu for one, or take an image for CPUs",
        sure=Sure.source,
        fact="Kubernetes, Schedule GPUs; vllm/vllm-openai is built for CUDA",
        run=_not_asked,
    ),
    Check(
        "PM115",
        "accelerator-limit-differs",
        Level.error,
        _ENGINES,
        cause="the API server refuses a pod whose request for a device differs from its limit, or has none",
        remedy="make limits and requests the same number, or write the limit alone",
        sure=Sure.measured,
        fact="Kubernetes 1.34, its API server: Limit must be set for non overcommitable resources",
        run=_differ,
        fixable=True,
    ),
    Check(
        "PM116",
        "surge-without-accelerator",
        Level.warning,
        _ENGINES,
        cause="a rolling update starts the new pod first; where no accelerator is free, it stays Pending for ever",
        remedy="set maxSurge: 0 and maxUnavailable: 1 (or Recreate when it is made anew: a server-side apply over one"
        " that runs is refused), unless one is always free",
        sure=Sure.measured,
        fact="Kubernetes 1.34 in the lab with one GPU: maxSurge is 25 %, rounded up, and the scheduler finds none free",
        run=_surges,
    ),
    Check(
        "PM117",
        "one-core",
        Level.error,
        _ENGINES,
        cause="vLLM on CPUs keeps a core for itself and computes on the others; with one it crashes when it starts",
        remedy="give it 2 cores or more",
        sure=Sure.measured,
        fact="vLLM 0.32 for CPUs, with a limit of 1",
        run=_one_core,
    ),
)
