"""Operators, run in this process with Airflow's own context parts; the jobs are real processes.

Airflow takes seconds to import: only the worker that runs these tests does, when it does.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lakemint.airflow as provider
from lakemint.errors import ConfigError, LakemintError

if TYPE_CHECKING:
    from lakemint.airflow.triggers import AnswersTrigger

SAY = "from lakemint.job.outcome import Outcome\nimport sys\nprint('seen', sys.argv[1:])\n"
UNCHANGED = SAY + "Outcome('silver/pets', '3', False, {'kept': 7}).print()"


@dataclass
class Notes:
    """What a task leaves behind: the place of Airflow's task instance, whose XComs live in a database."""

    start_date: datetime = field(default_factory=lambda: datetime.now(UTC))
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def xcom_pull(self, task_ids: str) -> Any:
        return self.pushed[task_ids]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes a job into a checkout of the test's own."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "jobs").mkdir()
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(tmp_path / "schemas"))
    monkeypatch.setenv("LAKEMINT_HOME", str(tmp_path))

    def write(name: str, code: str) -> None:
        (tmp_path / "jobs" / f"{name}.py").write_text(code)

    return write


def context(**params: Any) -> Any:
    from airflow.sdk.execution_time.context import OutletEventAccessors

    return {"params": params, "ti": Notes(), "outlet_events": OutletEventAccessors()}


def refine() -> "provider.JobOperator":
    return provider.JobOperator(
        task_id="refine", job="refine", dataset="pets", outlets=[provider.Table("silver", "pets")]
    )


def test_the_outcome_becomes_xcom_and_event(checkout: Callable[[str, str], None]) -> None:
    checkout("refine", UNCHANGED)
    around = context()
    found = refine().execute(around)
    assert (found["subject"], found["identity"]) == ("silver/pets", "3")
    event = around["outlet_events"][provider.Table("silver", "pets")].extra
    assert event == {"version": "3", "changed": False, "counts": {"kept": 7}}


def test_a_job_gets_dataset_and_arguments_and_none_of_airflows_settings(
    checkout: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "secret")
    checkout("gate", UNCHANGED + "\nimport os\nprint(sorted(os.environ))")
    provider.JobOperator(task_id="gate", job="gate", dataset="pets", arguments=["silver"]).execute(context())
    log = capsys.readouterr().out
    assert "seen ['pets', 'silver']" in log
    assert "FERNET_KEY" not in log
    assert "nothing new" in log


def test_without_a_walk_a_job_that_changed_nothing_wakes_nobody(checkout: Callable[[str, str], None]) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    checkout("refine", UNCHANGED)
    with pytest.raises(AirflowSkipException, match="silver/pets is as it was"):
        refine().execute(context(walk=False))
    checkout("refine", UNCHANGED.replace("False", "True"))
    assert refine().execute(context(walk=False))["changed"] is True


@pytest.mark.parametrize(("code", "again"), [(1, True), (2, True), (3, False)])
def test_a_jobs_error_is_the_tasks_and_says_whether_to_try_again(
    checkout: Callable[[str, str], None], code: int, again: bool
) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    checkout("refine", f"import sys\nprint('error: gate broken: 3 rows', file=sys.stderr)\nsys.exit({code})")
    around = context()
    with pytest.raises(AirflowException, match=r"^gate broken: 3 rows$") as raised:
        refine().execute(around)
    assert isinstance(raised.value, AirflowFailException) is not again
    assert around["ti"].pushed == {"error": "gate broken: 3 rows"}


def test_how_far_a_job_is_becomes_an_xcom_now_and_then(checkout: Callable[[str, str], None]) -> None:
    lines = "".join(f"print('sent {count},000 of 9,000 samples')\n" for count in range(1, 10))
    checkout("refine", f"print('at work')\n{lines}{UNCHANGED}")
    around = context()
    refine().execute(around)
    assert around["ti"].pushed == {"progress": "sent 1,000 of 9,000 samples"}


def test_a_job_that_ends_well_but_says_nothing_has_failed(checkout: Callable[[str, str], None]) -> None:
    from airflow.sdk.exceptions import AirflowException

    checkout("refine", "print('done')")
    with pytest.raises(AirflowException, match="exit code 0, last line: done"):
        refine().execute(context())


def test_an_unknown_job_is_named(checkout: Callable[[str, str], None]) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match=r"no job 'refine': .*jobs/refine.py does not exist"):
        refine().execute(context())


def test_a_gate_announces_the_table_with_the_writers_version(checkout: Callable[[str, str], None]) -> None:
    from airflow.sdk import DAG

    checkout("gate", UNCHANGED.replace("'3', False", "'f00d', True"))
    with DAG("refine_pets", schedule=None):
        writer = provider.JobOperator(task_id="refine", job="refine", dataset="pets")
        gate = provider.GateOperator(task_id="gate", table=provider.Table("silver", "pets"), writer=writer)
    assert writer.downstream_task_ids == {"gate"}
    around = context()
    around["ti"].pushed["refine"] = {"identity": "5", "changed": True, "counts": {"kept": 7}}
    gate.execute(around)
    event = around["outlet_events"][provider.Table("silver", "pets")].extra
    assert event == {"version": "5", "changed": True, "counts": {"kept": 7}, "verdict": "f00d"}


def test_asset_names_are_checked() -> None:
    with pytest.raises(ConfigError, match="no table 'platinum': there are objects, bronze"):
        provider.Table("platinum", "pets")
    with pytest.raises(LakemintError, match="is no dataset name"):
        provider.Table("silver", "Pets & Co")


def wait_for(dataset: str) -> "provider.AnswersOperator":
    return provider.AnswersOperator(task_id="answered", dataset=dataset, deadline=timedelta(days=2))


def test_known_labels_wait_for_nobody() -> None:
    wait_for("digits").execute(context())


def test_the_end_of_the_wait() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    around = context()
    wait_for("reviews").answered(around, {"missing": 0})
    assert around["ti"].pushed == {}
    with pytest.raises(AirflowFailException, match="12 answers are still missing after 2 days: "):
        wait_for("reviews").answered(around, {"missing": 12})
    assert "12 answers" in around["ti"].pushed["error"]


def approval(checked: dict[str, Any]) -> tuple["provider.PromotionApprovalOperator", Any]:
    """The operator, and a context in which its check found that."""
    from airflow.sdk import DAG

    with DAG("promote_pets", schedule=None):
        check = provider.JobOperator(task_id="check", job="promote_check", dataset="pets")
        asking = provider.PromotionApprovalOperator(
            task_id="approve", check=check, deadline=timedelta(days=2)
        )
    assert check.downstream_task_ids == {"approve"}
    around = context()
    around["ti"].pushed["check"] = checked
    return asking, around


@pytest.mark.parametrize(("asks", "changed"), [(False, True), (True, False)])
def test_nobody_is_asked_for_what_needs_no_approval(asks: bool, changed: bool) -> None:
    asking, around = approval({"changed": changed, "details": {"asks": asks}})
    assert asking.execute(around) == ""


def answer(*options: str) -> dict[str, Any]:
    """What Airflow resumes the task with."""
    said = {"chosen_options": [*options], "params_input": {}, "responded_at": datetime.now(UTC)}
    return {**said, "responded_by_user": {"id": "7", "name": "ben"}}


def test_the_end_of_an_approval_says_who_gave_it() -> None:
    asking, around = approval({"changed": True, "details": {"asks": True}})
    assert asking.execute_complete(around, answer("Approve")) == "ben"
    assert "error" not in around["ti"].pushed


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (answer("Reject"), "ben rejected it; nothing was moved"),
        (
            {"error": "no response", "error_type": "timeout"},
            "nobody answered within 2 days; nothing was moved",
        ),
    ],
)
def test_no_approval_fails_the_run_and_is_not_asked_for_again(event: dict[str, Any], words: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    asking, around = approval({"changed": True, "details": {"asks": True}})
    with pytest.raises(AirflowFailException, match=words):
        asking.execute_complete(around, event)
    assert words in around["ti"].pushed["error"]


def test_a_trigger_is_made_again_from_what_airflow_keeps() -> None:
    from lakemint.airflow.triggers import AnswersTrigger

    kept = AnswersTrigger("reviews", 7, datetime(2026, 12, 24, tzinfo=UTC))
    path, arguments = kept.serialize()
    assert path == "lakemint.airflow.triggers.AnswersTrigger"
    assert AnswersTrigger(**arguments).serialize() == kept.serialize()


def fired(trigger: "AnswersTrigger") -> Any:
    """What a trigger fires, run as the triggerer does."""

    async def first() -> Any:
        return await anext(trigger.run())

    return asyncio.run(first()).payload


def test_a_trigger_fires_when_nothing_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from lakemint.airflow import triggers
    from lakemint.airflow.triggers import AnswersTrigger

    monkeypatch.setattr(triggers, "FIRST", 0.01)
    assert fired(AnswersTrigger("digits", 7, datetime.now(UTC) + timedelta(days=1))) == {"missing": 0}


def test_a_wait_outlives_a_label_studio_that_cannot_be_asked_until_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from lakemint.airflow import triggers
    from lakemint.airflow.triggers import AnswersTrigger

    monkeypatch.setattr(triggers, "FIRST", 0.01)
    monkeypatch.setenv("LAKEMINT_HOME", "/nowhere")  # so that no address is known
    trigger = AnswersTrigger("reviews", 7, datetime.now(UTC) + timedelta(seconds=0.2))
    assert fired(trigger) == {"missing": 7}
