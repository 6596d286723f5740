"""What reads a whole platform: its files through ``lint`` and ``adopt``, a cluster's answers through the views."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from random import Random
from typing import Any
from xml.etree import ElementTree

import yaml

from pointsman.adopt.living import living
from pointsman.audit.audit import Means as AuditMeans
from pointsman.audit.audit import audit
from pointsman.checks.catalogue import CHECKS
from pointsman.checks.check import Source
from pointsman.checks.cluster import examine
from pointsman.checks.telling import as_dict
from pointsman.cli.edges import aliases_reader, values_factory
from pointsman.cli.entry import run
from pointsman.cost.account import Means, account
from pointsman.cost.wanted import Wanted
from pointsman.errors import PointsmanError
from pointsman.layers.registry import LAYERS
from pointsman.move.overview import overview
from pointsman.report.audit import print_audit
from pointsman.report.checks import write_outcome
from pointsman.report.cost import print_account
from pointsman.report.data import write_data
from pointsman.report.status import print_status
from tests.cli.program import SPEC
from tests.fuzz.platforms import Played, Quick

__all__ = ["READERS", "told"]

ABSENT = ("--kubeconfig", "/nonexistent/kubeconfig")
_ERROR = re.compile(r"error \[([a-z0-9.-]+)\]")
_FORMATS = ("text", "json", "yaml", "sarif", "junit")
_LIVE = [one for one in CHECKS if Source.cluster in one.sources]


def ended(words: Sequence[str], codes: Sequence[int] = (0, 1, 2, 5)) -> str:
    """Run one command line; raises AssertionError for an end that may not be, and for data that nobody can read."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(tuple(words))
    said, told = out.getvalue(), err.getvalue()
    assert code in codes, f"exit {code}: {told[-1500:]}{said[:500]}"
    assert "Traceback" not in said + told
    assert "[internal]" not in told, told[:500]
    found = _ERROR.search(told)
    assert code != 2 or found, told[:500]
    if code != 2:
        _readable(said, words)
    return found[1] if found else f"exit {code}"


def _readable(said: str, words: Sequence[str]) -> None:
    output = words[words.index("-o") + 1] if "-o" in words else "text"
    if output in ("json", "sarif"):
        json.loads(said)
    elif output == "yaml":
        yaml.safe_load(said)
    elif output == "junit":
        ElementTree.fromstring(said)


def repository(data: bytes, path: Path, random: Random) -> str:
    """Everything that reads a repository; nothing is answered that would be written."""
    where = str(path)
    output = ("-o", random.choice(_FORMATS))
    plain = ("-o", random.choice(_FORMATS[:3]))
    return ended(
        random.choice(
            (
                ("lint", where, *output),
                ("lint", where, *output),
                ("lint", where, "--fix", *plain),
                ("adopt", where, *plain),
                ("adopt", where, "--fix", *plain),
            )
        )
    )


def prices(data: bytes, path: Path, random: Random) -> str:
    """Where the file is fine the cluster is what is missing."""
    command = random.choice((("cost", *ABSENT), ("audit", *ABSENT)))
    return ended((*command, "--prices", str(path)))


def hub(data: bytes, path: Path, random: Random) -> str:
    """A model's own ``config.json``."""
    more = random.choice(((), ("--gpu", "L4"), ("--gpus", "4", "--gpu", "H100-80GB")))
    return ended(("pick", SPEC, "--model-config", str(path), *more, "-o", random.choice(_FORMATS[:3])))


def answer(data: bytes, path: Path, random: Random) -> str:
    """A cluster that answers this, in one of the views."""
    view, shown = random.choice(_VIEWS), random.choice(_FORMATS[:3])
    cluster = Played(path.parent / "played.json", data, random)

    async def look() -> Any:
        return await view(cluster, shown)

    out = io.StringIO()
    try:
        with redirect_stdout(out):
            asyncio.run(look())
    except PointsmanError as error:
        return told(error)
    return "done"


def told(error: PointsmanError) -> str:
    """Its code, when it says what it has to say in bearable length."""
    assert error.code
    assert error.what
    assert len(str(error)) < 100_000
    return error.code


async def _cost(cluster: Played, shown: str) -> None:
    edge_for = values_factory(cluster)
    means = Means(cluster, Quick(), LAYERS, lambda model: edge_for(model).parsed())
    said = await account(means, None, Wanted())
    _shown(said, shown, print_account)


async def _audit(cluster: Played, shown: str) -> None:
    said = await audit(AuditMeans(cluster, Quick(), LAYERS, aliases_reader(cluster)), None, [])
    _shown(said, shown, print_audit)


async def _status(cluster: Played, shown: str) -> None:
    rows = await overview(cluster, Quick(), LAYERS, aliases_reader(cluster))
    _shown(rows, shown, print_status)


async def _doctor(cluster: Played, shown: str) -> None:
    found = await examine(cluster, _LIVE, ["serving"])
    assert found.outcome.broken == [], [one.as_dict() for one in found.outcome.broken]
    said = as_dict(found.outcome, found.adopted) | {"calls": found.calls, "fail": "warning"}
    write_outcome(io.StringIO(), said, shown)


async def _adopt(cluster: Played, shown: str) -> None:
    await living(cluster, ["serving"])


def _shown(said: Any, output: str, as_text: Callable[[Any, Any], None]) -> None:
    stream = io.StringIO()
    if output == "text":
        as_text(stream, said)
    else:
        write_data(stream, said, output)


_VIEWS: tuple[Callable[[Played, str], Awaitable[None]], ...] = (_cost, _audit, _status, _doctor, _adopt)

READERS: Mapping[str, Callable[[bytes, Path, Random], str]] = {
    "repository": repository,
    "prices": prices,
    "hub": hub,
    "answer": answer,
}
