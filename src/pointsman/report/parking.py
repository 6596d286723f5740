"""A cost action, for people: exactly what is about to be written, what that starts and stops, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pointsman.report.counting import count_of
from pointsman.report.delivery import one_line

__all__ = ["down_lines", "nothing_line", "result_lines", "up_lines"]

_UNKNOWN = "unknown: spec.accelerator.pricePerHour is not set"


def down_lines(title: str, model: str, found: Mapping[str, Any], reached: str) -> list[str]:
    """What parking would do; ``reached`` is the cluster, as its kubeconfig names it."""
    return [one_line(line) for line in _down(title, model, found, reached)]


def up_lines(title: str, model: str, found: Mapping[str, Any], reached: str) -> list[str]:
    """What waking would do."""
    return [one_line(line) for line in _up(title, model, found, reached)]


def nothing_line(title: str, model: str) -> str:
    """A dry run of what is there already."""
    return one_line(f"{title} of model {model} is so already: nothing would be written")


def _down(title: str, model: str, found: Mapping[str, Any], reached: str) -> Iterator[str]:
    yield f"{title} of model {model} is parked:"
    yield from _written(found, reached)
    pods = ", ".join(found["pods"]) or "none"
    yield f"  drained first {count_of(len(found['pods']), 'engine pod')}: {pods}"
    on = f" on {', '.join(found['nodes'])}" if found["nodes"] else ""
    yield f"  GPUs freed    {found['gpus']}{on}"
    yield f"  stops         {_price(found)}"
    yield from (f"  goes on       {line}" for line in _volumes(found))
    yield from (f"  note          {one}" for one in found["notes"])


def _up(title: str, model: str, found: Mapping[str, Any], reached: str) -> Iterator[str]:
    yield f"{title} of model {model} is woken:"
    yield from _written(found, reached)
    yield f"  replicas      {found['replicas']}"
    yield f"  GPUs taken    {found['gpus']}"
    yield f"  starts        {_price(found)}"
    yield "  alias         stays where it points"
    yield from (f"  note          {one}" for one in found["notes"])


def _written(found: Mapping[str, Any], reached: str) -> Iterator[str]:
    yield f"  context       {reached}"
    yield f"  object        {found['object']}"
    yield f"  as of         uid {found['uid'] or '?'}, resourceVersion {found['resourceVersion']}"
    for path, pair in found["changes"].items():
        yield f"  change        {path}: {_said(pair['before'])} → {_said(pair['after'])}"


def _said(value: Any) -> str:
    return "not set" if value is None else repr(value) if isinstance(value, str) else str(value)


def _price(found: Mapping[str, Any]) -> str:
    return _UNKNOWN if found["perHour"] is None else f"{found['perHour']} an hour"


def _volumes(found: Mapping[str, Any]) -> list[str]:
    return [f"PersistentVolumeClaim {one['claim']}, {one['size']}" for one in found["volumes"]] or ["no volumes"]


def result_lines(done: Mapping[str, Any], title: str) -> list[str]:
    """What was done, and the command that takes it back."""
    return [one_line(line) for line in [*_RESULTS[str(done["state"])](done, title), f"  next: {done['next']}"]]


def _parked(done: Mapping[str, Any], title: str) -> Iterator[str]:
    freed = done["freed"]
    yield f"{title} of model {done['model']} is parked: {count_of(freed['gpus'], 'GPU')} free again"
    yield f"  stopped       {_price(done)}"
    yield from (f"  goes on       {line}" for line in _volumes(done))
    yield from (f"  taken by      {one} already" for one in freed["takenBy"])
    yield from (f"  room for      {one}, which waited" for one in freed["roomFor"])


def _parked_already(done: Mapping[str, Any], title: str) -> Iterator[str]:
    yield f"{title} of model {done['model']} is parked already; nothing was written"
    yield from (f"  goes on       {line}" for line in _volumes(done))


def _absent(done: Mapping[str, Any], title: str) -> Iterator[str]:
    yield f"{title} of model {done['model']} is not deployed, so it holds nothing"
    yield from (f"  goes on       {line}" for line in _volumes(done))


def _serving(done: Mapping[str, Any], title: str) -> Iterator[str]:
    yield f"{title} of model {done['model']} serves: a completion from {count_of(len(done['pods']), 'engine pod')}"
    yield f"  replicas      {done['replicas']}"
    yield f"  started       {_price(done)}"
    yield "  alias         as it was"
    yield from (f"  note          {one}" for one in done["notes"])


def _serving_already(done: Mapping[str, Any], title: str) -> Iterator[str]:
    yield f"{title} of model {done['model']} serves already; nothing was written"
    yield from (f"  note          {one}" for one in done["notes"])


_RESULTS = {
    "parked": _parked,
    "parked-already": _parked_already,
    "absent": _absent,
    "serving": _serving,
    "serving-already": _serving_already,
}
