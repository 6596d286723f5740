"""What is advised for a model, for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TextIO

from pointsman.report.data import write_data
from pointsman.report.folding import write_folded

__all__ = ["advice_lines", "write_advice"]

GIB = 1 << 30


def write_advice(stream: TextIO, said: Mapping[str, Any], output: str) -> None:
    """``text``, ``json`` or ``yaml``."""
    if output == "text":
        write_folded(stream, advice_lines(said))
    else:
        write_data(stream, said, output)


def advice_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """The answer first, then why, the estimate, what is not known, what would change it."""
    yield _answer(said)
    for one in said["layers"]:
        yield ""
        yield from _layer(one)
    yield ""
    yield from _fit(said["fit"])
    yield from _listed("the model:", (f"{one['what']}: {one['value']} ({one['from']})" for one in said["facts"]))
    yield from _listed("stated:", (_stated(option, value) for option, value in said["needs"].items()))
    yield from _listed("not known:", said["unknown"])
    yield from _listed("what would change the answer:", said["changes"])


def _answer(said: Mapping[str, Any]) -> str:
    if said["pick"] is None:
        return f"{said['model']}: none of the layers can serve it as it is declared"
    by = ", with manifests of your own" if said["byHand"] else ""
    stays = "where it is declared now" if said["pick"] == said["declared"] else f"declared on {said['declared']} now"
    return f"{said['model']}: {said['pick']}{by} ({stays})"


def _stated(option: str, value: object) -> str:
    return option if value is True else f"{option} {value}"


def _listed(head: str, items: Iterable[str]) -> Iterator[str]:
    found = list(items)
    if found:
        yield ""
        yield head
        for one in found:
            yield f"  - {one}"


def _layer(one: Mapping[str, Any]) -> Iterator[str]:
    yield f"{one['layer']}: {one['verdict']}, {one['score']:+d}"
    for each in one["obstacles"]:
        way = f"; {each['way']}" if each["way"] else ""
        yield f"   x  {each['what']} ({each['from']}){way}"
    for each in one["reasons"]:
        yield f"  {each['weight']:+d}  {each['what']} ({each['from']})"
    for each in one["first"]:
        yield f"      first: {each['what']} ({each['from']})"
    yield f"      {_cost(one['cost'])}"


def _cost(cost: Mapping[str, Any]) -> str:
    gpus = f"{cost['gpus']} for engines" + (f", {cost['prefillGpus']} for prefill" if cost["prefillGpus"] else "")
    money = f"{cost['perHour']} ({cost['priceFrom']})" if cost["perHour"] else "no price known"
    if cost["prefillPerHour"]:
        money += f", {cost['prefillPerHour']} of it for prefill"
    if cost["parkedSavesPerDay"]:
        money += f"; parked in idle hours it saves {cost['parkedSavesPerDay']} a day"
    beside = "; ".join(_part(each) for each in cost["parts"]) or "nothing"
    return f"an hour: GPUs {gpus}: {money}; beside them: {beside}"


def _part(each: Mapping[str, Any]) -> str:
    asked = f"{each['cpu']} CPU, {each['memory']}, " if each["cpu"] else ""
    return f"{each['what']} ({asked}for {each['for']})"


def _fit(fit: Mapping[str, Any]) -> Iterator[str]:
    on = f" on {fit['gpus']} × {fit['gpu']}" if fit["gpu"] else " on a CPU" if not fit["gpus"] else ""
    kind = "memory, an estimate by name" if fit["estimate"] and fit["weightsBytes"] is not None else "memory"
    yield f"{kind}{on}: {fit['fits']}" + (f"; {fit['why']}" if fit["why"] else "")
    yield from (f"  {text}" for text in _numbers(fit))
    for one in fit["assumptions"]:
        yield f"    {one['what']}: {one['value']} ({one['from']})"


def _numbers(fit: Mapping[str, Any]) -> Iterator[str]:
    if fit["weightsBytes"] is not None:
        each = f"; {fit['cachePerTokenBytes'] / 1024:.4g} KiB of KV cache a token" if fit["cachePerTokenBytes"] else ""
        yield f"weights {fit['weightsBytes'] / 1e9:.3g} GB ({fit['weightsBytes'] / GIB:.3g} GiB){each}"
    gpu = fit["perGpuBytes"]
    if gpu and fit["gpus"]:
        yield (
            f"of each GPU's {gpu['total'] / GIB:.3g} GiB vLLM may use {gpu['usable'] / GIB:.3g}: "
            f"weights {gpu['weights'] / GIB:.3g}, set aside {gpu['setAside'] / GIB:.2g}, "
            f"cache {gpu['cache'] / GIB:.3g}"
        )
    if fit["fullRequests"] is not None:
        yield f"requests of full length at once: {fit['fullRequests']:g}"
    if fit["fewestGpus"] is not None:
        yield f"fewest GPUs of that kind: {'at least ' if fit['estimate'] else ''}{fit['fewestGpus']}"
    if fit["longestContext"] is not None and fit["fits"] != "fits":
        yield f"longest context that surely fits as declared: {fit['longestContext']}"
    if fit["fewestByGpu"]:
        yield "it would take " + ", ".join(f"{count} × {name}" for name, count in fit["fewestByGpu"].items())
    for layer, verdict in fit["otherLayers"].items():
        yield f"on {layer}, which is set up otherwise: {verdict}"
