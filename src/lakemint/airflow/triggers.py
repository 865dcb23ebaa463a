"""The wait for people, in Airflow's triggerer: thousands of them cost one process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

FIRST, LAST, GROWTH = 2.0, 30.0, 1.5
"""Seconds between looks: at first, at most, and what each pause is to the one before it."""

log = logging.getLogger(__name__)


def answers_missing(dataset: str) -> int:
    """Answers asked for and not given yet; 0 for a dataset whose labels are known."""
    from lakemint.config import load_config
    from lakemint.label.waiting import answers_missing as missing

    return int(missing(load_config(), dataset))


class AnswersTrigger(BaseTrigger):
    """Fires `{"missing": 0}` when every answer is there, and `{"missing": n}` at the `deadline`.

    Label Studio being away does not end the wait. Nothing is kept in the triggerer: after its restart
    the trigger is made again from its arguments, and the deadline is still the same moment.
    """

    def __init__(self, dataset: str, missing: int, deadline: datetime) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.dataset = dataset
        self.missing = missing
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps of the trigger in its database."""
        arguments = {"dataset": self.dataset, "missing": self.missing, "deadline": self.deadline}
        return f"{__name__}.AnswersTrigger", arguments

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, pause, look again."""
        pause, missing = FIRST, self.missing
        while missing and (left := (self.deadline - datetime.now(UTC)).total_seconds()) > 0:
            await asyncio.sleep(min(pause, left))
            missing = await self._look(missing)
            pause = min(pause * GROWTH, LAST)
        yield TriggerEvent({"missing": missing})  # type: ignore[no-untyped-call]

    async def _look(self, before: int) -> int:
        """Answers missing now; as many as `before` when Label Studio cannot be asked."""
        try:
            missing = await asyncio.to_thread(answers_missing, self.dataset)
        except Exception as error:  # a wait of weeks outlives whatever happens to a server meanwhile
            log.warning("cannot ask for the answers of %s now: %s", self.dataset, error)
            return before
        if missing != before:
            log.info("%d answers of %s are missing", missing, self.dataset)
        return missing
