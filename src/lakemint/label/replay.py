"""Replay: recorded answers are given again, one by one, by annotator accounts through Label Studio's API.

The k-th answer of a record is the k-th account's annotation of its task. What is wanted and what is there
are compared first, the difference is submitted, and compared again: so it can be killed anywhere, and a
reply that was lost neither loses nor doubles an answer.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lakemint.errors import LabelStudioError, LabelStudioUnavailable
from lakemint.label.accounts import Account
from lakemint.label.asking import TASK_SOURCE
from lakemint.label.form import Form
from lakemint.label.project import Project, sample_of
from lakemint.label.recordings import Recordings
from lakemint.label.studio import PAUSES, LabelStudio

CONNECTIONS = 2
"""Label Studio's server is one Python process: a second connection fills its pauses, a third only waits."""
ROUNDS = 3
SAY_SECONDS = 5.0


@dataclass(frozen=True)
class Script:
    """What is replayed: the recordings, the column that joins them to tasks, and the form to answer."""

    recordings: Recordings
    key: str
    form: Form

    def answers(self, data: Mapping[str, Any]) -> tuple[str, ...]:
        """The answers recorded for a task; raises LabelStudioError for one that the form does not offer."""
        source, key = str(data.get(TASK_SOURCE)), str(data.get(self.key))
        answers = self.recordings.get((source, key), ())
        if strange := [answer for answer in answers if answer not in self.form.choices]:
            raise LabelStudioError(
                f"the recordings of {source}: {self.key} {key!r} was answered {strange[0]!r}, which the form "
                f"does not offer; it offers {', '.join(self.form.choices)}"
            )
        return answers


@dataclass(frozen=True)
class TaskState:
    """A task that is replayed: what is recorded for it, and which annotations it has."""

    id: int
    answers: tuple[str, ...]
    """Of the accounts 1, 2, …"""
    given: Mapping[int, tuple[int, ...]]
    """Account id → its annotations of this task, ascending."""


@dataclass(frozen=True)
class Replayed:
    """What a replay did."""

    tasks: int
    recorded: int
    """Answers that there should be, and now are."""
    submitted: int
    mended: int
    """Second annotations of one account that were taken out again."""


def read_states(studio: LabelStudio, project: Project, script: Script) -> Iterator[TaskState]:
    """The project's tasks with recorded answers, one for each sample: the oldest."""
    seen: set[str] = set()
    for page in studio.tasks(project.id, ["data", "annotations", "completed_by"]):
        for task in page:
            sample = sample_of(task)
            if sample is None or sample in seen:
                continue
            seen.add(sample)
            answers = script.answers(task["data"])
            if answers:
                yield TaskState(int(task["id"]), answers, _given(task["annotations"]))


def replay(
    studio: LabelStudio, project: Project, script: Script, accounts: Mapping[int, Account]
) -> Replayed:
    """Submit every recorded answer that is missing. `accounts` by position, from 1.

    Raises LabelStudioError when answers are still missing after some rounds.
    """
    submitted = mended = 0
    for _ in range(ROUNDS):
        states = list(read_states(studio, project, script))
        doubled = [extra for state in states for extra in _doubled(state, accounts)]
        missing = {state.id: found for state in states if (found := _missing(state, accounts))}
        if not doubled and not missing:
            return Replayed(len(states), sum(len(state.answers) for state in states), submitted, mended)
        for annotation in doubled:
            studio.write("DELETE", f"/api/annotations/{annotation}/")
        mended += len(doubled)
        submitted += _submit_all(studio, script.form, missing)
    raise LabelStudioError(
        f"Label Studio at {studio.url} took answers of project {project.id} and did not keep them; "
        "`lakemint logs label-studio` tells why"
    )


def _given(annotations: list[dict[str, Any]]) -> dict[int, tuple[int, ...]]:
    given: dict[int, tuple[int, ...]] = {}
    for annotation in sorted(annotations, key=lambda annotation: int(annotation["id"])):
        account = annotation["completed_by"]
        given[account] = (*given.get(account, ()), int(annotation["id"]))
    return given


def _doubled(state: TaskState, accounts: Mapping[int, Account]) -> list[int]:
    """All annotations of our accounts but each one's first."""
    return [extra for account in accounts.values() for extra in state.given.get(account.id, ())[1:]]


def _missing(state: TaskState, accounts: Mapping[int, Account]) -> list[tuple[Account, str]]:
    numbered = enumerate(state.answers, start=1)
    return [(accounts[number], value) for number, value in numbered if accounts[number].id not in state.given]


def _submit_all(studio: LabelStudio, form: Form, missing: Mapping[int, list[tuple[Account, str]]]) -> int:
    """Submit, saying how far it is every few seconds. All answers of a task go through one connection.

    Label Studio counts a task's answers anew with each one, and would miscount two at a time.
    """
    total = sum(len(answers) for answers in missing.values())
    started = said = time.monotonic()
    done = 0
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        try:
            for count in pool.map(lambda item: _submit_task(studio, form, *item), missing.items()):
                done += count
                now = time.monotonic()
                if now - said >= SAY_SECONDS or done == total:
                    said, rate = now, done / (now - started)
                    left = f", {(total - done) / rate:.0f} s left" if done < total else ""
                    print(f"replayed {done:,} of {total:,} answers, {rate:.1f}/s{left}", flush=True)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return total


def _submit_task(studio: LabelStudio, form: Form, task: int, answers: list[tuple[Account, str]]) -> int:
    for account, value in answers:
        _submit(studio, form, task, account, value)
    return len(answers)


def _submit(studio: LabelStudio, form: Form, task: int, account: Account, value: str) -> None:
    """One annotation by one account; after a lost reply, look whether it is there before the next try."""
    body = {"result": form.result(value)}
    for pause in (*PAUSES, None):
        try:
            studio.write("POST", f"/api/tasks/{task}/annotations/", body, account.token)
            return
        except LabelStudioUnavailable:
            if pause is None:
                raise
            time.sleep(pause)
        there = studio.get(f"/api/tasks/{task}/annotations/")
        if any(annotation["completed_by"] == account.id for annotation in there):
            return
