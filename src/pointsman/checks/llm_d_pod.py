"""3xx: what an LLMInferenceService's pods load, compute on, are called, and are reached by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.standing import Standing
from pointsman.adopt.words import Place, values_said, words_of
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.llm_d import KIND, based, mains
from pointsman.checks.view import View, get, listed, mapped

__all__ = ["CHECKS"]

_WORKLOADS: tuple[Place, ...] = (("spec",), ("spec", "prefill"))
_SUFFIXES = ("-kserve-router-scheduler", "-kserve-self-signed-certs", "-kserve-workload-svc")
_LONGEST = 63


def _downloads(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        uri = get(one.data, "spec", "model", "uri")
        if isinstance(uri, str) and uri.startswith("hf://") and not based(one) and _initialized(one):
            what = f"every pod of it downloads {uri} into a volume of its own when it starts"
            yield Told(one, what, ("spec", "model", "uri"))


def _initialized(one: Standing) -> bool:
    return get(one.data, "spec", "storageInitializer", "enabled") is not False


def _not_mounted(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        uri = get(one.data, "spec", "model", "uri")
        if _initialized(one) or not isinstance(uri, str) or not uri.startswith(("pvc://", "oci://")) or based(one):
            continue
        mounts = [str(each.get("mountPath")) for _, _, main in mains(one) for each in listed(main, "volumeMounts")]
        if not any(path.startswith("/mnt/models") for path in mounts):
            what = f"storageInitializer is off, so {uri.partition('@')[0]} is not mounted: /mnt/models is empty"
            yield Told(one, what, ("spec", "storageInitializer", "enabled"))


def _shortened(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        longest = max(_SUFFIXES, key=len)
        if len(one.name) + len(longest) > _LONGEST:
            what = (
                f"{one.name}{longest} has more than {_LONGEST} characters: its children get names with a hash in them"
            )
            yield Told(one, what, ("metadata", "name"))


def _no_way_in(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        router = get(one.data, "spec", "router")
        if based(one) or (isinstance(router, Mapping) and "route" in router):
            continue
        what = "it has no router.route: no HTTPRoute is made, and its gateway does not know it"
        yield Told(one, what, ("spec", "router") if router is not None else ("spec",))


def _no_parallelism(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for place in _WORKLOADS:
            sizes = mapped(one.data, *place, "parallelism")
            if get(one.data, *place, "worker") is None or based(one):
                continue
            if not any(sizes.get(key) is not None for key in ("data", "dataLocal", "pipeline")):
                what = "it has a worker, and parallelism says neither data nor pipeline: KServe refuses it"
                yield Told(one, what, (*place, "worker"))


def _crossed(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for place in _WORKLOADS:
            sizes = {key for key, value in mapped(one.data, *place, "parallelism").items() if value is not None}
            data = sizes & {"data", "dataLocal"}
            if based(one) or not data:
                continue
            if len(data) == 1:
                what = f"parallelism has {data.pop()} alone: data and dataLocal are set together, or KServe refuses it"
            elif "pipeline" in sizes and get(one.data, *place, "parallelism", "pipeline") != 1:
                what = "parallelism has data and pipeline: KServe refuses both together"
            else:
                continue
            yield Told(one, what, (*place, "parallelism"))


def _accelerators(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        for role, _, main in mains(one):
            at: Place = ("spec", "prefill", "parallelism") if role == "prefill" else ("spec", "parallelism")
            sizes, given = mapped(one.data, *at), _gpus(main)
            needed = _size(sizes, "tensor") * _size(sizes, "dataLocal")
            if given and needed > given:
                what = f"parallelism divides {role} over {needed} accelerators of one pod, and a pod has {given}"
                yield Told(one, what, (*at, "tensor") if "tensor" in sizes else at)


def _size(sizes: Mapping[str, Any], key: str) -> int:
    found = sizes.get(key)
    return found if isinstance(found, int) and found > 0 else 1


def _gpus(main: Mapping[str, Any]) -> int:
    found = {**mapped(main, "resources", "requests"), **mapped(main, "resources", "limits")}
    counts = [str(value) for key, value in found.items() if "/" in str(key) and "gpu" in str(key)]
    return int(counts[0]) if len(counts) == 1 and counts[0].isdigit() else 0


def _other_name(view: View) -> Iterator[Told]:
    for one in view.of(KIND):
        name = str(get(one.data, "spec", "model", "name") or one.name)
        for role, place, main in mains(one):
            said = values_said(words_of(main, preset=True), "served-model-name")
            if (
                role == "decode"
                and said
                and all(each.known for each in said)
                and name not in [each.value for each in said]
            ):
                names = ", ".join(each.value for each in said)
                what = f"--served-model-name takes the place of the preset's: it answers to {names}, and not to {name}"
                yield Told(one, what, (*place, *said[0].place))


_READS = frozenset({KIND})

CHECKS = (
    Check(
        "PM307",
        "downloads-at-each-start",
        Level.info,
        _READS,
        cause="hf:// is downloaded into an emptyDir: each new pod waits for it, and the hub may answer 429",
        remedy="stage the weights on a claim and name them as pvc://CLAIM/PATH",
        sure=Sure.measured,
        fact="KServe v0.20.0, config-llm-template; the hub answers 429 by address of egress; seen in the lab",
        run=_downloads,
    ),
    Check(
        "PM308",
        "weights-not-mounted",
        Level.error,
        _READS,
        cause="storageInitializer.enabled: false skips the mounts of pvc:// and oci://, not the download alone",
        remedy="take it out, or mount the weights at /mnt/models yourself",
        sure=Sure.measured,
        fact="KServe v0.20.0, pkg/controller/v1alpha2/llmisvc; seen in the lab",
        run=_not_mounted,
    ),
    Check(
        "PM309",
        "names-shortened",
        Level.info,
        _READS,
        cause="a child's name above 63 characters is cut, and gets a hash: dashboards, alerts and scripts miss it",
        remedy=f"choose a name of at most {_LONGEST - len(_SUFFIXES[1])} characters",
        sure=Sure.measured,
        fact="KServe v0.20.0, kmeta.ChildName; seen in the lab",
        run=_shortened,
    ),
    Check(
        "PM310",
        "no-way-in",
        Level.warning,
        _READS,
        cause="without router.route KServe makes no HTTPRoute, and the workload's Service alone leads to it",
        remedy="write router: {gateway: {refs: [...]}, route: {}, scheduler: {}}",
        sure=Sure.measured,
        fact="KServe v0.20.0, pkg/controller/v1alpha2/llmisvc/router.go; seen in the lab",
        run=_no_way_in,
    ),
    Check(
        "PM311",
        "worker-without-parallelism",
        Level.error,
        _READS,
        cause="KServe's webhook refuses a worker where parallelism has neither data nor pipeline",
        remedy="write parallelism, or take the worker out",
        sure=Sure.measured,
        fact="KServe v0.20.0, llm_inference_service_validation.go: validateWorkloadParallelism; seen in the lab",
        run=_no_parallelism,
    ),
    Check(
        "PM312",
        "parallelism-refused",
        Level.error,
        _READS,
        cause="KServe's webhook wants data and dataLocal together, and no pipeline beside them",
        remedy="set both of data and dataLocal, or pipeline alone",
        sure=Sure.measured,
        fact="KServe v0.20.0, llm_inference_service_validation.go: validateWorkloadParallelism; seen in the lab",
        run=_crossed,
    ),
    Check(
        "PM313",
        "parallelism-above-accelerators",
        Level.error,
        _READS,
        cause="tensor × dataLocal is how many accelerators a pod's engines take; with fewer they exit",
        remedy="make parallelism and the limits of main agree",
        sure=Sure.source,
        fact="KServe v0.20.0, config/llmisvcconfig; vLLM, ParallelConfig",
        run=_accelerators,
    ),
    Check(
        "PM314",
        "name-replaced",
        Level.warning,
        _READS,
        cause="args come behind the preset's, and the last --served-model-name counts: model.name is answered no more",
        remedy="write the name into spec.model.name, and take the flag out",
        sure=Sure.measured,
        fact="KServe v0.20.0, config/llmisvcconfig: served-model-name, then args; seen in the lab",
        run=_other_name,
    ),
)
