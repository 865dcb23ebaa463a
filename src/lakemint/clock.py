"""The time, as records say it."""

from datetime import UTC, datetime


def utc_now() -> str:
    """To the second, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")
