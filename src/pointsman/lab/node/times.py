"""Time as the API writes it."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["micro_time", "nano_time", "now", "parse_time", "rfc3339"]


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Whole seconds: ``2026-11-23T22:05:08Z``, the form of ``metav1.Time``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_time(moment: datetime) -> str:
    """Microseconds, the form of ``metav1.MicroTime``."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def nano_time(moment: datetime) -> str:
    """The form log lines carry; our clock ends at microseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def parse_time(text: str) -> datetime:
    """A moment from any of these forms."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
