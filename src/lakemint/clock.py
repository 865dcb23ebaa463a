"""The time, as records say it."""

from datetime import UTC, datetime


def utc_now(to_the: str = "seconds") -> str:
    """To the second, or `milliseconds`, UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec=to_the)
