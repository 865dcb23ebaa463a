"""What a job says when it is done: one JSON line, the last it prints."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

MARK = "LAKEMINT-OUTCOME "
HOPELESS = 3
"""Exit code of a job whose error another try cannot mend; 1 is that of one that may pass the next time."""


@dataclass(frozen=True)
class Outcome:
    """A stage's result, as Airflow's asset events carry it."""

    subject: str
    """What was made: `silver/reviews`, or `reviews@3`."""
    identity: str
    """Its Delta version (decimal) or manifest digest."""
    changed: bool
    """Whether this run made it, or found it as it is now."""
    counts: dict[str, int] = field(default_factory=dict)
    """Numbers worth showing: rows kept, rejected, quarantined, …"""
    details: dict[str, Any] = field(default_factory=dict)
    """Anything else worth showing, JSON only."""

    def print(self) -> None:
        """Print the outcome line that `from_line` reads."""
        print(MARK + json.dumps(asdict(self), sort_keys=True), flush=True)

    @classmethod
    def from_line(cls, line: str) -> "Outcome | None":
        """The outcome in a line of output; None when the line is not one."""
        if not line.startswith(MARK):
            return None
        return cls(**json.loads(line.removeprefix(MARK)))
