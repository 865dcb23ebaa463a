"""Hands a version over to a training from a DAG, and waits for it where waiting costs nothing."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from lakemint.airflow.operators import ERROR_KEY, days, mask_secrets
from lakemint.airflow.triggers import TrainingTrigger, stop
from lakemint.errors import LakemintError, StoreError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from lakemint.handover.record import Handover
    from lakemint.handover.training import Training


class TrainOperator(BaseOperator):
    """Hands `version` over to a training, and is done when that has succeeded. The wait costs no worker slot.

    Without a `run_name`, the training is named by the task and the DAG's run. Begun again, after whatever was
    killed, the task joins the training that it began, and one that failed goes on as its next attempt. Marked
    failed or cleared, the task stops its training; after `deadline`, too. Its XCom has run, version, digest,
    state and checkpoints. The other arguments are those of `lakemint.handover.training.Training`.
    """

    template_fields: Sequence[str] = ("version", "run_name", "program", "checkpoints", "options")
    ui_color = "#e6dcf5"

    def __init__(  # noqa: PLR0913
        self,
        *,
        version: str,
        program: Sequence[str],
        run_name: str = "",
        launcher: str = "torchrun",
        nodes: int = 1,
        processes: int = 1,
        restarts: int = 0,
        splits: Sequence[str] = ("train",),
        checkpoints: str = "",
        credentials: Sequence[str] = (),
        options: Mapping[str, str] | None = None,
        deadline: timedelta = timedelta(days=7),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.version, self.run_name, self.program = version, run_name, [*program]
        self.checkpoints, self.options, self.deadline = checkpoints, {**(options or {})}, deadline
        sizes = {"nodes": nodes, "processes": processes, "restarts": restarts}
        self._fixed: dict[str, Any] = {"launcher": launcher, "splits": (*splits,), **sizes}
        self._fixed["credentials"] = (*credentials,)
        self._handover: Handover | None = None

    def execute(self, context: "Context") -> None:
        """Have it started, then leave the worker and wait."""
        from lakemint.config import load_config
        from lakemint.handover.begin import hand_over

        config = load_config()
        mask_secrets(config)
        try:
            self._handover = handover = hand_over(config, self.version, self._training(context))
        except LakemintError as error:
            raise self._failure(context, str(error), not isinstance(error, StoreError)) from error
        self.log.info(
            "%s of %s: handed over to %s", handover.job, handover.version, handover.training.launcher
        )
        moment = context["ti"].start_date + self.deadline
        self.defer(trigger=TrainingTrigger(handover.data().decode(), moment), method_name="ended")

    def ended(self, context: "Context", event: dict[str, Any]) -> dict[str, Any]:
        """The wait is over, one way or the other."""
        from lakemint.handover.record import parse_handover

        handover = parse_handover(event["record"].encode(), "the trigger's event")
        if event["state"] not in ("succeeded", "failed"):
            self._handover = handover
            self.on_kill()
            complaint = f"{handover.job} was {event['state']} after {days(self.deadline)}, and was stopped"
            raise self._failure(context, complaint, is_hopeless=True)
        if event["state"] == "failed":
            words = f"{handover.job} failed; all it said: {event['log']}\n{event['words']}"
            raise self._failure(context, words, is_hopeless=False)
        return {
            "run": handover.training.run,
            "version": str(handover.version),
            "digest": handover.manifest,
            "state": event["state"],
            "checkpoints": handover.checkpoints,
        }

    def on_kill(self) -> None:
        """Airflow stops the task: so does the training. While the task waits, its trigger does this."""
        if self._handover is not None:
            stop(self._handover)

    def _training(self, context: "Context") -> "Training":
        from lakemint.handover.training import Training

        return Training(
            run=self.run_name or _run_name(context["ti"]),
            program=(*self.program,),
            checkpoints=self.checkpoints,
            options=self.options,
            **self._fixed,
        )

    def _failure(self, context: "Context", complaint: str, is_hopeless: bool) -> AirflowException:
        context["ti"].xcom_push(ERROR_KEY, complaint)
        return (AirflowFailException if is_hopeless else AirflowException)(complaint)


def _run_name(task: Any) -> str:
    """The same for every try of a task in a DAG's run, and for no other."""
    identity = "\0".join(map(str, (task.dag_id, task.run_id, task.task_id, task.map_index)))
    readable = re.sub(r"[^a-z0-9]+", "-", task.task_id.lower()).strip("-")[:24].strip("-")
    return f"t-{readable}-{hashlib.sha256(identity.encode()).hexdigest()[:10]}"
