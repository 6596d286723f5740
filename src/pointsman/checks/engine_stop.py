"""1xx: how an engine ends, so that no request of a tenant is lost at a rollout, a drain of a node, or a move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.adopt.findings import AddItem, Fix, ReplaceText, SetKey
from pointsman.checks.check import Check, Level, Sure, Told
from pointsman.checks.engine_pod import EnginePod, engine_pods, own_pods
from pointsman.checks.view import View, entries, get

__all__ = ["CHECKS"]

_GRACE = "terminationGracePeriodSeconds"
_USUAL_GRACE = 30
"""Seconds that Kubernetes gives where nobody says a number."""
_SLEEP, _FINISH, _SPARE = 5, 40, 15
"""Seconds that this program renders, too: before SIGTERM, for running requests, and to spare."""
_SINCE = (0, 18)


def _aborts(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        if not one.whole or one.flag("shutdown-timeout") is not None:
            continue
        old = one.version is not None and one.version < _SINCE
        what = "no --shutdown-timeout: at SIGTERM, vLLM aborts the requests that are running"
        said = (
            f"take vLLM 0.18 or later instead of {one.version[0]}.{one.version[1]}; then add it"
            if old and one.version
            else ""
        )
        fixes: tuple[Fix, ...] = ()
        if one.version is not None and not old and one.plain:
            fixes = (AddItem(one.engine.standing, one.place, "args", f"--shutdown-timeout={_FINISH}"), *_room(one))
        place = (*one.place, "args") if one.container.get("args") else one.place
        yield one.told(what, place, said, fixes)


def _at_once(view: View) -> Iterator[Told]:
    for one in own_pods(view):
        if get(one.container, "lifecycle", "preStop") is not None:
            continue
        hook = {"exec": {"command": ["sleep", str(_SLEEP)]}}
        lifecycle = one.container.get("lifecycle")
        fix = (
            SetKey(one.engine.standing, (*one.place, "lifecycle"), "preStop", hook)
            if isinstance(lifecycle, Mapping)
            else SetKey(one.engine.standing, one.place, "lifecycle", {"preStop": hook})
        )
        fixes = () if "lifecycle" in one.container and not isinstance(lifecycle, Mapping) else (fix, *_room(one))
        what = "no preStop hook: a Service that leads to it still sends requests for some seconds while it stops"
        yield one.told(what, one.place, "", fixes)


def _cut(view: View) -> Iterator[Told]:
    for one in engine_pods(view):
        sleep, finish, grace = _sleep(one), _finish(one), one.pod.get(_GRACE)
        if not one.own and (sleep is None or finish is None or grace is None):
            continue  # a preset says the rest
        seconds = _USUAL_GRACE if grace is None else grace
        if sleep is None or not isinstance(seconds, int) or not (sleep or finish):
            continue
        needed = sleep + (finish or 0)
        if seconds > needed:
            continue
        what = (
            f"{_GRACE} is {seconds}{'' if grace is not None else ', as nobody says another number'}, and preStop "
            f"({sleep} s) and --shutdown-timeout ({finish or 0} s) take {needed} s: the last requests are killed"
        )
        place = (*one.pod_place, _GRACE) if grace is not None else one.at(one.flag("shutdown-timeout"))
        yield one.told(what, place, f"set it to {needed + _SPARE} or more", _room(one) if one.own else ())


def _room(one: EnginePod) -> tuple[Fix, ...]:
    """A longer grace period, where the one that holds would not do after all three are mended."""
    standing, grace = one.engine.standing, one.pod.get(_GRACE)
    needed = (_sleep(one) or _SLEEP) + (_finish(one) or _FINISH)
    if isinstance(grace, int) and grace > needed:
        return ()
    if grace is None:
        return (SetKey(standing, one.pod_place, _GRACE, needed + _SPARE),)
    return (ReplaceText(standing, (*one.pod_place, _GRACE), str(grace), str(needed + _SPARE)),)


def _finish(one: EnginePod) -> int | None:
    """Seconds of ``--shutdown-timeout``; None when it is not given, or not known."""
    said = one.flag("shutdown-timeout")
    return int(said.value) if said is not None and said.value.isdigit() else None


def _sleep(one: EnginePod) -> int | None:
    """Seconds of the preStop hook; 0 without one, None when it does something else."""
    hook: Any = get(one.container, "lifecycle", "preStop")
    if hook is None:
        return 0
    asleep = get(hook, "sleep", "seconds")
    if isinstance(asleep, int):
        return asleep
    words = [str(word) for word in entries(hook, "exec", "command")]
    if words[:1] in (["sh"], ["/bin/sh"], ["bash"], ["/bin/bash"]) and words[1:2] == ["-c"]:
        words = " ".join(words[2:]).split()
    slept = len(words) == 2 and words[0].rpartition("/")[2] == "sleep"
    return int(words[1]) if slept and words[1].isdigit() else None


CHECKS = (
    Check(
        "PM101",
        "requests-aborted-at-stop",
        Level.warning,
        frozenset({"engines"}),
        cause="vLLM's --shutdown-timeout is 0 unless it is given: at SIGTERM, running requests are aborted",
        remedy="with vLLM 0.18 or later add --shutdown-timeout=40, and terminationGracePeriodSeconds: 60",
        sure=Sure.measured,
        fact="vLLM 0.18 and later (pull requests 36666 and 43208); before that there is no such flag",
        run=_aborts,
        fixable=True,
    ),
    Check(
        "PM102",
        "no-pre-stop",
        Level.warning,
        frozenset({"engines"}),
        cause="a pod is sent SIGTERM while Services still send it requests; an engine that stops refuses those",
        remedy='add lifecycle: {preStop: {exec: {command: [sleep, "5"]}}} to the container',
        sure=Sure.source,
        fact="Kubernetes, Pod Lifecycle: endpoints and SIGTERM go their ways at the same time",
        run=_at_once,
        fixable=True,
    ),
    Check(
        "PM103",
        "grace-period-too-short",
        Level.warning,
        frozenset({"engines"}),
        cause="the kubelet kills what has not ended after terminationGracePeriodSeconds, the preStop hook counted in",
        remedy="make terminationGracePeriodSeconds longer than preStop and --shutdown-timeout together",
        sure=Sure.source,
        fact="Kubernetes, Pod Lifecycle (30 s where nothing is said); KServe issues 5485 and 5496",
        run=_cut,
        fixable=True,
    ),
)
