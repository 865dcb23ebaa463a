"""The waits for people and for trainings, in Airflow's triggerer: thousands of them cost one process."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

if TYPE_CHECKING:
    from lakemint.handover.launch import Job
    from lakemint.handover.record import Handover

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


class TrainingTrigger(BaseTrigger):
    """Fires how a training is once it is over, or at the `deadline`: state, words, log, and its `record`.

    A launcher being away does not end the wait. Nothing is kept in the triggerer. Killed by a person, the
    waiting task ends the training, and only then.
    """

    def __init__(self, record: str, deadline: datetime) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.record = record
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow keeps of the trigger in its database."""
        return f"{__name__}.TrainingTrigger", {"record": self.record, "deadline": self.deadline}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look, pause, look again."""
        pause, job = FIRST, await self._look()
        while not job.is_over and (left := (self.deadline - datetime.now(UTC)).total_seconds()) > 0:
            await asyncio.sleep(min(pause, left))
            job = await self._look()
            pause = min(pause * GROWTH, LAST)
        yield TriggerEvent({"record": self.record, **asdict(job)})  # type: ignore[no-untyped-call]

    async def on_kill(self) -> None:
        """A person marked the task failed, or cleared it."""
        await asyncio.to_thread(stop, self._handover())

    async def _look(self) -> "Job":
        from lakemint.handover.launch import Job

        try:
            return await asyncio.to_thread(_job, self._handover())
        except Exception as error:  # a wait of days outlives whatever happens to a cluster meanwhile
            log.warning("cannot ask for the training now: %s", error)
            return Job("unknown", str(error))

    def _handover(self) -> "Handover":
        from lakemint.handover.record import parse_handover

        return parse_handover(self.record.encode(), "the trigger's record")


def _job(handover: "Handover") -> "Job":
    """How a training is now; raises TrainingError when it is gone, or cannot be asked for."""
    from lakemint.config import load_config
    from lakemint.handover.begin import follow

    return next(follow(load_config(), handover))


def stop(handover: "Handover") -> None:
    """End a training; raises TrainingError."""
    from lakemint.config import load_config
    from lakemint.handover.begin import launcher_of

    launcher_of(load_config(), handover).stop(handover)
