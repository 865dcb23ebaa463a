"""Operators: run a job, judge a table, wait for people."""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from lakemint.job.outcome import HOPELESS, Outcome
from lakemint.job.process import JobProcess

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakemint.config import Config

ERROR_KEY = "error"
"""XCom key of a failed job's error; `lakemint run` shows it."""

PROGRESS_KEY = "progress"
"""And of the last line of a job at work that said how far it is, such as `sent 1,000 of 4,800 samples`."""
PROGRESS_PAUSE = 2.0
"""Seconds between two of them, at least: each is a write to Airflow's database."""
_PROGRESS = re.compile(r"\d of \d")


class JobOperator(BaseOperator):
    """Runs `jobs/<job>.py <dataset> <arguments>` of the checkout as a process of its own.

    The job's output is the task's log, its outcome the task's XCom and the extra of the outlets' events.
    A job that says another try is useless fails at once. With the DAG's param `walk` false, a job that
    changed nothing is skipped, so that its outlets wake nobody.
    """

    template_fields: Sequence[str] = ("arguments",)
    ui_color = "#d5efe3"

    def __init__(self, *, job: str, dataset: str, arguments: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.job = job
        self.dataset = dataset
        self.arguments = list(arguments)
        self._process: JobProcess | None = None
        self._told = float("-inf")

    def execute(self, context: "Context") -> dict[str, Any]:
        """The outcome, as plain data."""
        outcome = self._run(context)
        walk = context["params"].get("walk", True)
        if not (walk or outcome.changed):
            raise AirflowSkipException(f"{outcome.subject} is as it was: the later stages are not woken")
        event = self.event(outcome, context)
        for outlet in self.outlets:
            context["outlet_events"][outlet].extra.update(event)
        return asdict(outcome)

    def event(self, outcome: Outcome, context: "Context") -> dict[str, Any]:
        """What the outlets' events carry."""
        return {"version": outcome.identity, "changed": outcome.changed, "counts": outcome.counts}

    def on_kill(self) -> None:
        """Airflow stops the task: so does the job, with everything it started."""
        if self._process is not None:
            self._process.stop()

    def _run(self, context: "Context") -> Outcome:
        from lakemint.config import job_environment, load_config

        config = load_config()
        mask_secrets(config)
        script = config.schemas_folder().parent / "jobs" / f"{self.job}.py"
        if not script.is_file():
            raise AirflowFailException(f"no job {self.job!r}: {script} does not exist")
        self._process = JobProcess(script, [self.dataset, *self.arguments], job_environment())
        for line in self._process.lines():
            self.log.info(line)
            self._tell(context, line)
        code, outcome = self._process.wait(), self._process.outcome
        if code != 0 or outcome is None:
            raise self._failure(context, self._process.complaint(code), code == HOPELESS)
        self.log.info("%s: %s", outcome.subject, "changed" if outcome.changed else "nothing new")
        return outcome

    def _tell(self, context: "Context", line: str) -> None:
        now = time.monotonic()
        if _PROGRESS.search(line) and now - self._told >= PROGRESS_PAUSE:
            self._told = now
            context["ti"].xcom_push(PROGRESS_KEY, line[:200])

    def _failure(self, context: "Context", complaint: str, hopeless: bool) -> AirflowException:
        context["ti"].xcom_push(ERROR_KEY, complaint)
        kind = AirflowFailException if hopeless else AirflowException
        return kind(complaint)


class GateOperator(JobOperator):
    """Judges the version that `writer` wrote by its contract; the table's event is emitted only if it passed.

    The event carries the writer's version and counts, and the verdict.
    """

    ui_color = "#f6e3b4"

    def __init__(self, *, table: Asset, writer: JobOperator, **kwargs: Any) -> None:
        dataset, name = str(table.extra["dataset"]), str(table.extra["table"])
        version = f"{{{{ ti.xcom_pull(task_ids='{writer.task_id}')['identity'] }}}}"
        super().__init__(job="gate", dataset=dataset, arguments=[name, version], outlets=[table], **kwargs)
        self.writer = writer.task_id
        self.set_upstream(writer)

    def event(self, outcome: Outcome, context: "Context") -> dict[str, Any]:
        """The writer's event, and the identity of the verdict on it."""
        written = context["ti"].xcom_pull(task_ids=self.writer)
        return {
            "version": written["identity"],
            "changed": written["changed"],
            "counts": written["counts"],
            "verdict": outcome.identity,
        }


class AnswersOperator(BaseOperator):
    """Waits until people have given every answer that was asked for. The wait costs no worker slot.

    Passes at once when nothing is missing, as for a dataset whose labels are known. Fails, without another
    try, when answers are still missing after `deadline`.
    """

    ui_color = "#dde7fb"

    def __init__(self, *, dataset: str, deadline: timedelta = timedelta(days=30), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dataset = dataset
        self.deadline = deadline

    def execute(self, context: "Context") -> None:
        """Look once, then leave the worker and wait."""
        from lakemint.airflow.triggers import AnswersTrigger, answers_missing

        missing = answers_missing(self.dataset)
        if not missing:
            self.log.info("no answer is missing")
            return
        self.log.info("%d answers are missing: waiting for people, at most %s", missing, days(self.deadline))
        moment = context["ti"].start_date + self.deadline
        self.defer(trigger=AnswersTrigger(self.dataset, missing, moment), method_name="answered")

    def answered(self, context: "Context", event: dict[str, Any]) -> None:
        """The wait is over, one way or the other."""
        if missing := event["missing"]:
            complaint = (
                f"{missing} answers are still missing after {days(self.deadline)}: have people answer them "
                "in Label Studio, then clear this task"
            )
            context["ti"].xcom_push(ERROR_KEY, complaint)
            raise AirflowFailException(complaint)
        self.log.info("every answer is there")


def days(span: timedelta) -> str:
    """How long, in words: `30 days`."""
    return str(span).removesuffix(", 0:00:00")


def mask_secrets(config: "Config") -> None:
    """Have Airflow's logs show none of the settings' secrets."""
    from airflow.sdk.log import mask_secret

    for secret in config.secrets():
        mask_secret(secret)
