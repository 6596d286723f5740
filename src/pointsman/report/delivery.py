"""What a sync is about to do, and what became of it, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TextIO

from pointsman.delivery.argocd.application import Application
from pointsman.delivery.argocd.draft import Draft
from pointsman.delivery.argocd.finding import Result
from pointsman.report.data import write_data
from pointsman.report.text import write_lines

__all__ = ["one_line", "preview_lines", "print_results", "result_lines"]

_MANY = 20
"""Resources that a preview names."""


def preview_lines(draft: Draft, context: str) -> list[str]:
    """Exactly what is about to be asked of Argo CD."""
    return [one_line(line) for line in _preview(draft, context)]


def one_line(line: str) -> str:
    """One line: what others wrote must not look like a line of ours."""
    return " ".join(line.splitlines())


def _preview(draft: Draft, context: str) -> Iterator[str]:
    app = draft.app
    yield f"{app.name}  (context {context}, uid {app.uid}, resourceVersion {app.version})"
    for number, source in enumerate(app.sources):
        yield f"  source        {_source(source)} now {_at(app.compared, number)}"
    if draft.operation is None:
        yield "  automated     yes: Argo CD syncs it by itself; it is only waited for"
    else:
        yield from _asked(app, draft.operation, draft.wish.commit)
        yield from (f"  window        {one.sentence}" for one in draft.windows)
    yield from (f"  note          [{one.code}] {one.what}" for one in draft.notes if one.code != "argo-window-there")


def _source(source: Mapping[str, Any]) -> str:
    place = source.get("path") or source.get("chart") or source.get("ref") or ""
    return f"{source.get('repoURL')} {place} at {source.get('targetRevision') or 'HEAD'},".replace("  ", " ")


def _at(revisions: Sequence[str], number: int) -> str:
    return revisions[number] if number < len(revisions) else "unknown"


def _asked(app: Application, operation: Mapping[str, Any], commit: str) -> Iterator[str]:
    sync = operation["sync"]
    yield f"  sync to       {', '.join(sync.get('revisions') or [sync.get('revision')])}"
    yield f"  applied now   {', '.join(app.delivered) or 'nothing yet'}"
    found = app.out_of_sync
    more = f" and {len(found) - _MANY} more" if len(found) > _MANY else ""
    yield f"  out of sync   {', '.join(map(str, found[:_MANY])) or 'nothing; it is synced all the same'}{more}"
    pruned = [one for one in found if one.prune]
    if pruned:
        what = "are deleted (--prune)" if sync.get("prune") else "stay, because --prune was not given"
        yield f"  not in git    {', '.join(map(str, pruned))}: {what}"
    yield f"  options       {', '.join(sync.get('syncOptions') or []) or 'none'}"
    yield "  automated     no"
    if commit:
        yield f"  commit        {commit} is in it"


def result_lines(result: Result) -> Iterator[str]:
    """One Application at the end; its error is told on standard error."""
    at = f" at {', '.join(result.revisions)}" if result.revisions and result.state != "manual" else ""
    words = {"manual": "manual, not waited for"}
    yield f"{result.name}: {words.get(result.state, result.state)}{at}{'' if result.good else f' [{_code(result)}]'}"
    if result.operation:
        yield f"  operation     {result.operation}"
    for one in result.workloads:
        yield f"  {'ready' if one.ready else 'not ready':<13} {one.reason}"
    yield from (f"  failed        {one['resource']}: {one['message']}" for one in result.failed)
    yield from (f"  note          [{one.code}] {one.what}" for one in result.notes)


def _code(result: Result) -> str:
    return result.error.code if result.error else ""


def print_results(stream: TextIO, results: Iterable[Result], output: str) -> None:
    """On standard output as ``text``, ``json`` or ``yaml``."""
    if output == "text":
        write_lines(stream, [one_line(line) for one in results for line in result_lines(one)])
        return
    write_data(stream, {"applications": [one.as_dict() for one in results]}, output)
