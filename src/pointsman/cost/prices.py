"""A file of prices: what a GPU, a GiB of a volume and a load balancer cost, since when, and who says so.

Amounts are exact decimals. A price that the file does not have is not known; it is never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from pointsman.errors import SpecError, reason_of
from pointsman.intake.file import expanded, read_file
from pointsman.spec.block import Block
from pointsman.spec.document import read_document
from pointsman.spec.judging import judge_as
from pointsman.spec.problems import InvalidSpecError, Problem
from pointsman.spec.words import Money, shown

__all__ = ["EXAMPLE", "MONTH", "OLD", "Basis", "Book", "Prices", "read_prices", "unpriced"]

EXAMPLE = "example"
"""In the place of a file: the bundled one, which shows the format and is nobody's price."""
MONTH = Decimal(730)
"""Hours of a month, as clouds count them."""
OLD = 90
"""Days after which prices are told as old."""
LARGEST = 256 * 1024
SHAPE = "write source, date and currency, and then prices, as docs/cost.md shows; --prices example takes made-up ones"


class Basis(StrEnum):
    """Where the numbers come from, the surest first."""

    invoice = "invoice"
    contract = "contract"
    list = "list"
    example = "example"


def _date(value: object) -> object:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        pass
    raise PydanticCustomError("pointsman", "{what}", {"what": f"it is {shown(value)}", "allowed": "write YYYY-MM-DD"})


def _named(text: str) -> str:
    if text.strip() and text.isprintable():
        return text
    raise PydanticCustomError(
        "pointsman", "{what}", {"what": "nothing is said", "allowed": "say where the prices are from"}
    )


class Prices(Block):
    """Prices as a file says them."""

    page: ClassVar[str] = "docs/cost.md"

    source: Annotated[str, Field(max_length=300), AfterValidator(_named)]
    """Who says so: a price list's address, a contract's number."""
    date: Annotated[date, BeforeValidator(_date), Field(strict=False)]
    """The day on which they held."""
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    """ISO 4217; one for the whole file."""
    basis: Literal["invoice", "contract", "list", "example"] = "list"
    """What kind of prices they are; ``example`` is told with every amount."""
    nodes: dict[str, Money] = Field(default_factory=dict)
    """An hour of a whole node, by its label ``node.kubernetes.io/instance-type``; goes before ``gpus``."""
    gpus: dict[str, Money] = Field(default_factory=dict)
    """An hour of one GPU, by the node's label of its kind, or of one slice, by its resource's name."""
    volumes: dict[str, Money] = Field(default_factory=dict)
    """A month of one GiB, by StorageClass."""
    load_balancer: Money | None = None
    """An hour of one load balancer with its address."""


@dataclass(frozen=True, slots=True)
class Book:
    """Prices, and how far to trust them."""

    prices: Prices
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The fields under stable names."""
        said = self.prices
        return {
            "source": said.source,
            "date": said.date.isoformat(),
            "currency": said.currency,
            "basis": said.basis,
            "warnings": list(self.warnings),
        }


def unpriced(what: str, key: str) -> str:
    """That a price is not known, and where in the file it would stand."""
    return f"no price of {what} under {key} of the prices file"


def read_prices(word: str, today: date) -> Book:
    """The prices of a file, or the example's; raises SpecError with the line of what is wrong."""
    path = Path(word)
    if word == EXAMPLE:
        text, path = files(__package__).joinpath("example.yaml").read_text(encoding="utf-8"), Path("example.yaml")
    else:
        text = _text(path)
    document = read_document(text, start=SHAPE)
    if document.problems:
        raise InvalidSpecError(path, document.problems)
    if not document.data and not isinstance(document.data, list):
        raise InvalidSpecError(path, [Problem(1, "the file has no prices", SHAPE, "spec-yaml")])
    found = judge_as(document, Prices)
    if not isinstance(found, Prices):
        raise InvalidSpecError(path, found)
    return Book(found, tuple(_doubts(found, today)))


def _text(path: Path) -> str:
    try:
        return read_file(expanded(path), LARGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        why = "it is not UTF-8 text"
    except OSError as error:
        why = reason_of(error)
    raise SpecError(
        f"the prices cannot be read: {why}",
        where=str(path),
        next_action="name a file of prices as docs/cost.md shows one, to be copied (A file of prices); or take "
        "made-up ones: --prices example",
        code="prices-unreadable",
    )


def _doubts(prices: Prices, today: date) -> list[str]:
    days = (today - prices.date).days
    told = []
    if prices.basis == Basis.example:
        told.append("the prices are an example and nobody's: give your own with --prices FILE")
    if days > OLD:
        told.append(f"the prices are {days} days old ({prices.date.isoformat()})")
    if days < 0:
        told.append(f"the prices are of {prices.date.isoformat()}, which is still to come")
    return told
