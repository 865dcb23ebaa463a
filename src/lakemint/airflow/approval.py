"""A person's word on a promotion: asked for and given in Airflow, as a required action of the run."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.exceptions import HITLRejectException, HITLTimeoutError
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.exceptions import AirflowFailException

from lakemint.airflow.operators import ERROR_KEY, JobOperator, days

if TYPE_CHECKING:
    from airflow.sdk import Context


class PromotionApprovalOperator(ApprovalOperator):
    """Asks whether a version may be promoted, if `check` found that the channel wants it and would move.

    Its XCom is the name of who approved, as Airflow knows them; empty where nobody was asked. Waiting takes
    no worker slot. Fails, without another try, when the answer is no, or is missing after `deadline`.
    """

    ui_color = "#dde7fb"

    def __init__(self, *, check: JobOperator, deadline: timedelta = timedelta(days=7), **kwargs: Any) -> None:
        told = f"ti.xcom_pull(task_ids='{check.task_id}')['details']"
        super().__init__(
            subject=f"{{{{ {told}['subject'] }}}}",
            body=f"{{{{ {told}['body'] }}}}",
            fail_on_reject=True,
            response_timeout=deadline,
            **kwargs,
        )
        self.check, self.deadline = check.task_id, deadline
        self.set_upstream(check)

    def execute(self, context: "Context") -> str:
        """Nobody's name, or the wait for an answer."""
        found = context["ti"].xcom_pull(task_ids=self.check)
        if found["details"]["asks"] and found["changed"]:
            super().execute(context)  # ends by an exception of Airflow's, until somebody answers
        self.log.info("nobody needs to approve this")
        return ""

    def execute_complete(self, context: "Context", event: dict[str, Any]) -> str:
        """The wait is over, one way or the other."""
        try:
            answer = super().execute_complete(context, event)
        except HITLRejectException as error:
            raise self._failure(context, f"{_name(event)} rejected it; nothing was moved") from error
        except HITLTimeoutError as error:
            complaint = (
                f"nobody answered within {days(self.deadline)}; nothing was moved: start the DAG again"
            )
            raise self._failure(context, complaint) from error
        return _name(answer)

    def _failure(self, context: "Context", complaint: str) -> AirflowFailException:
        context["ti"].xcom_push(ERROR_KEY, complaint)
        return AirflowFailException(complaint)


def _name(answer: dict[str, Any]) -> str:
    return str((answer["responded_by_user"] or {}).get("name") or "somebody")
