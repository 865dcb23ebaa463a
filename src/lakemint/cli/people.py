"""How far the people are that a road waits for, as `lakemint run` shows it."""

import time

from lakemint.config import Config
from lakemint.errors import LakemintError

PAUSE = 10.0
"""Seconds between two questions to Label Studio: it reads every task that lacks an answer."""


class People:
    """Call it as often as you like."""

    def __init__(self, config: Config, dataset: str) -> None:
        self._config, self._dataset = config, dataset
        self._known = config.label_studio_url
        self._next = 0.0

    def __call__(self) -> str:
        """`12 of 1,440 are missing, http://…/projects/3/data`; Label Studio's address before it answered."""
        if time.monotonic() >= self._next:
            self._known = self._ask() or self._known
            self._next = time.monotonic() + PAUSE
        return self._known

    def _ask(self) -> str:
        from lakemint.label.waiting import waiting

        try:
            found = waiting(self._config, self._dataset)
        except LakemintError:  # the trigger in Airflow waits on, and so do we
            return ""
        return f"{found.missing:,} of {found.asked:,} are missing, {found.page}" if found else ""
