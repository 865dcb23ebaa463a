"""The label stage on the real Label Studio: sent once, replayed once, collected once, whatever is killed."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakemint.config import CREDENTIALS, SETTINGS, Config
from lakemint.dataset.recipe import load_recipe
from lakemint.label.accounts import FILE, email, open_accounts, pseudonym
from lakemint.label.project import find_project, need_project, project_url
from lakemint.label.studio import connect
from lakemint.label.tables import summarize
from lakemint.label.transforms import current_answers, majority
from lakemint.label.waiting import answers_missing, waiting
from lakemint.lake import Lake
from lakemint.spark import read_table
from lakemint.store import Store
from tests.integration.fault_proxy import Fault, FaultProxy
from tests.integration.label_dataset import (
    CLASSES,
    CONTRACT,
    FORM,
    KNOWN,
    PER_SAMPLE,
    RECIPE,
    Dataset,
    annotations,
    recorded,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def dataset(
    config: Config, spark: "SparkSession", store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Dataset]:
    assert config.home is not None
    name = f"lt_{uuid.uuid4().hex[:10]}"
    folder = tmp_path / "schemas" / name
    folder.mkdir(parents=True)
    (folder / "contract.yaml").write_text(CONTRACT.replace("NAME", name))
    (folder / "recipe.yaml").write_text(RECIPE)
    (folder / "label.xml").write_text(FORM)
    home = tmp_path / "home"  # of its own, since the accounts' file lies there
    shutil.copytree(config.home, home, ignore=lambda folder, names: set(names) - {SETTINGS, CREDENTIALS})
    monkeypatch.setenv("LAKEMINT_HOME", str(home))
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(folder.parent))
    made = Dataset(name, replace(config, home=home, schemas=folder.parent), spark, folder)
    made.write_silver(30)
    for source in ("tweets", "movies"):
        lines = [f"{key}\t0.0\t{json.dumps(recorded(key))}" for key in range(100)]
        content = "\ufeff" + "\r\n".join(lines) + "\r\n"
        store.put(Lake(config.lake).recording(name, source), content.encode())
    yield made
    with connect(config) as studio:
        if project := find_project(studio, made.config, name):
            studio.write("DELETE", f"/api/projects/{project.id}/")
        users = studio.users()
        for address in (email(name, k) for k in range(1, PER_SAMPLE + 1)):
            if address in users:
                studio.write("DELETE", f"/api/users/{users[address]}/")


def assert_replayed_once(dataset: Dataset) -> None:
    """Each account of a sent sample has exactly one annotation, and it is the recorded one."""
    with connect(dataset.config) as studio:
        project = need_project(studio, dataset.config, dataset.name)
        accounts = {address: number for address, number in studio.users().items()}
        found = annotations(studio, project)
    assert len(found) == 12
    for sample, given in found.items():
        answers = recorded(int(sample, 16))[:PER_SAMPLE]
        wanted = [(accounts[email(dataset.name, k)], str(value)) for k, value in enumerate(answers, start=1)]
        assert sorted((account, answer) for account, answer, _ in given) == sorted(wanted)


def test_the_road_of_labels(dataset: Dataset) -> None:
    """Send, replay, collect; then everything again, and nothing moves."""
    sent = dataset.job("label_send")
    assert sent.changed and sent.counts == {"sent": 12, "tasks": 12, "duplicates": 0}
    asked = sum(min(PER_SAMPLE, len(recorded(int(sample, 16)))) for sample in _sent(dataset))
    wait = waiting(dataset.config, dataset.name)
    assert wait is not None
    with connect(dataset.config) as studio:
        assert wait.page == project_url(studio, need_project(studio, dataset.config, dataset.name))
    assert (wait.missing, wait.asked) == (asked, 12 * PER_SAMPLE)

    replayed = dataset.job("label_replay")
    assert replayed.counts["submitted"] == asked
    assert_replayed_once(dataset)
    assert answers_missing(dataset.config, dataset.name) == 0

    collected = dataset.job("label_collect")
    assert collected.changed and collected.counts["new"] == asked
    versions = dataset.version("annotations"), dataset.version("labels")

    again = [dataset.job(name) for name in ("label_send", "label_replay", "label_collect")]
    assert not any(outcome.changed for outcome in again)
    assert again[2].identity == collected.identity
    assert (dataset.version("annotations"), dataset.version("labels")) == versions
    assert_replayed_once(dataset)

    _check_labels(dataset)
    _check_secrets(dataset)


def _sent(dataset: Dataset) -> set[str]:
    with connect(dataset.config) as studio:
        return set(annotations(studio, need_project(studio, dataset.config, dataset.name)))


def _check_labels(dataset: Dataset) -> None:
    """Labels are the majority of the recorded ratings, and recompute from the events alone."""
    expected: dict[str, str | None] = {}
    for sample in _sent(dataset):
        votes = Counter(CLASSES[str(value)] for value in recorded(int(sample, 16))[:PER_SAMPLE]).most_common()
        tie = len(votes) > 1 and votes[0][1] == votes[1][1]
        expected[sample] = None if tie else votes[0][0]
    assert None in expected.values(), "the test must see a tie"
    assert dataset.labels() == expected
    events = read_table(dataset.spark, dataset.uri("annotations"))
    recipe = load_recipe(dataset.config.schemas_folder(), dataset.name)
    answers = current_answers(events, recipe.label.classes)
    again = {row["sample_id"]: row["label"] for row in majority(answers, "majority").collect()}
    assert again == expected
    last = dataset.log.last("labels")
    assert last is not None
    assert last.note["summary"] == {**summarize(answers), "method": "majority", "replayed": True}
    assert last.note["summary"]["samples"] == 12 and last.note["summary"]["annotators"] == PER_SAMPLE


def _check_secrets(dataset: Dataset) -> None:
    """Pseudonyms only in the lake; tokens and passwords in a file for its owner."""
    people = {
        pseudonym(dataset.config.annotator_key, email(dataset.name, k)) for k in range(1, PER_SAMPLE + 1)
    }
    assert {row["annotator"] for row in dataset.rows("annotations")} == people
    assert dataset.config.home is not None
    path = dataset.config.home / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert email(dataset.name, 1) in json.loads(path.read_text())


def test_what_was_sent_stays_sent_and_strange_duplicates_are_told(dataset: Dataset) -> None:
    dataset.job("label_send")
    before = _sent(dataset)
    dataset.write_silver(90)
    with connect(dataset.config) as studio:
        project = need_project(studio, dataset.config, dataset.name)
        twin = next(studio.tasks(project.id, ["data"]))[0]["data"]
        studio.write("POST", f"/api/projects/{project.id}/import", [{"data": twin}])
    grown = dataset.job("label_send")
    assert grown.counts == {"sent": 0, "tasks": 12, "duplicates": 1} and not grown.changed
    recipe = dataset.schemas / "recipe.yaml"
    recipe.write_text(RECIPE.replace("size: 12", "size: 20"))
    assert dataset.job("label_send").counts["sent"] == 8
    assert before < _sent(dataset)


def test_a_replay_that_is_killed_is_completed(dataset: Dataset) -> None:
    dataset.job("label_send")
    asked = answers_missing(dataset.config, dataset.name)
    job = subprocess.Popen(dataset.command("label_replay"), stdout=subprocess.DEVNULL)
    started = time.monotonic()
    while True:
        missing = answers_missing(dataset.config, dataset.name)
        if 0 < missing < asked - 3 or time.monotonic() - started > 60:
            break
        time.sleep(0.05)
    assert job.poll() is None, "finished before it could be killed"
    os.kill(job.pid, signal.SIGKILL)
    job.wait()
    assert dataset.job("label_replay").changed
    assert_replayed_once(dataset)
    _check_that_accounts_are_found_again(dataset)


def test_lost_replies_lose_nothing_and_double_nothing(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Project, tasks, an account and every third answer are made, but the replies never come."""
    proxy = FaultProxy(dataset.config.label_studio_url)
    lost = Fault(lose_reply=True)
    counts: Counter[str] = Counter()

    def judge(method: str, path: str) -> Fault | None:
        kind = f"{method} {path.rstrip('/').rpartition('/')[2]}"
        counts[kind] += 1
        once = kind in ("POST projects", "POST import", "POST signup", "GET tasks") and counts[kind] == 1
        return lost if once or (kind == "POST annotations" and counts[kind] % 3 == 0) else None

    proxy.judge = judge
    monkeypatch.setenv("LAKEMINT_LABEL_STUDIO_URL", proxy.endpoint)
    monkeypatch.setenv("LAKEMINT_LABEL_STUDIO_TOKEN", dataset.config.label_studio_token)
    assert dataset.job("label_send").counts == {"sent": 12, "tasks": 12, "duplicates": 0}
    dataset.job("label_replay")
    proxy.close()
    assert counts["POST projects"] == counts["POST import"] == 1
    assert counts["POST annotations"] > 6
    assert_replayed_once(dataset)
    with connect(dataset.config) as studio:
        assert len(studio.get("/api/projects/", title=dataset.name)["results"]) == 1


def _check_that_accounts_are_found_again(dataset: Dataset) -> None:
    """With their file lost, accounts are still ours."""
    assert dataset.config.home is not None
    path = dataset.config.home / FILE
    kept = json.loads(path.read_text())
    path.unlink()
    with connect(dataset.config) as studio:
        project = need_project(studio, dataset.config, dataset.name)
        one = next(iter(annotations(studio, project).values()))[0]
        studio.write("DELETE", f"/api/annotations/{one[2]}/")
    assert dataset.job("label_replay").counts["submitted"] == 1
    assert_replayed_once(dataset)
    assert json.loads(path.read_text())[email(dataset.name, 1)] == kept[email(dataset.name, 1)]


def test_an_account_without_a_token_gets_one(dataset: Dataset, stack: Config) -> None:
    """Label Studio makes none for who signs up while it deletes a project."""
    assert stack.home is not None
    name = email(dataset.name, 1)
    with connect(dataset.config) as studio:
        open_accounts(studio, dataset.config, dataset.name, [1])
        database = stack.home / "label-studio" / "label_studio.sqlite3"
        with closing(sqlite3.connect(database, timeout=60)) as connection, connection:
            user = studio.users()[name]
            gone = connection.execute("DELETE FROM authtoken_token WHERE user_id = ?", (user,))
        assert gone.rowcount == 1
        token = open_accounts(studio, dataset.config, dataset.name, [1])[1].token
        assert studio.write("GET", "/api/current-user/whoami", token=token)["email"] == name


def test_an_edit_is_a_new_event_and_the_label_follows(dataset: Dataset) -> None:
    dataset.job("label_send")
    with connect(dataset.config) as studio:
        project = need_project(studio, dataset.config, dataset.name)
        task = next(studio.tasks(project.id, ["data"]))[0]
        answer = studio.write("POST", f"/api/tasks/{task['id']}/annotations/", {"result": choice("1")})
        sample = task["data"]["sample_id"]
        # Back to what it was at first is one more event, not the old one.
        for number, (rating, label) in enumerate([("1", "positive"), ("-1", "negative"), ("1", "positive")]):
            if number:
                studio.write("PATCH", f"/api/annotations/{answer['id']}/", {"result": choice(rating)})
            assert dataset.job("label_collect").counts["new"] == 1
            assert dataset.labels() == {sample: label}
            assert len(dataset.rows("annotations")) == number + 1
        studio.write("PATCH", f"/api/annotations/{answer['id']}/", {"was_cancelled": True})
    dataset.job("label_collect")
    assert dataset.labels() == {}, "who takes an answer back has not answered"


HOSTILE: tuple[Any, ...] = (
    [{"from_name": "rating", "to_name": "text", "type": "choices", "value": {"choices": ["99"]}}],
    [{"from_name": "other", "to_name": "text", "type": "choices", "value": {"choices": ["1"]}}],
    [{"any": {"thing": [1, None, "../../etc/passwd"]}}],
    [],
)


def choice(answer: str) -> list[dict[str, Any]]:
    value = {"choices": [answer]}
    return [{"from_name": "rating", "to_name": "text", "type": "choices", "value": value}]


def test_what_the_form_cannot_have_given_is_ignored_and_told(dataset: Dataset) -> None:
    dataset.job("label_send")
    with connect(dataset.config) as studio:
        project = need_project(studio, dataset.config, dataset.name)
        path = f"/api/tasks/{next(studio.tasks(project.id, ['data']))[0]['id']}/annotations/"
        for result in HOSTILE:
            studio.write("POST", path, {"result": result})
        studio.write("POST", path, {"result": [], "was_cancelled": True})
    collected = dataset.job("label_collect")
    assert (collected.counts["ignored"], collected.counts["skipped"]) == (len(HOSTILE), 1)
    assert dataset.labels() == {}


def test_known_labels_come_from_silver_and_nobody_is_asked(dataset: Dataset) -> None:
    dataset.job("label_send")  # so that there is a project to take away in the end
    (dataset.schemas / "recipe.yaml").write_text(KNOWN)
    assert not dataset.job("label_send").changed
    assert not dataset.job("label_replay").changed
    assert answers_missing(dataset.config, dataset.name) == 0
    first = dataset.job("label_collect")
    assert first.counts == {"new": 30, "labeled": 30, "undecided": 0}
    assert dataset.labels() == {f"{number:032x}": str(number) for number in range(30)}
    again = dataset.job("label_collect")
    assert not again.changed and again.identity == first.identity


def test_a_known_label_that_changes_in_silver_changes(dataset: Dataset) -> None:
    dataset.job("label_send")  # so that there is a project to take away in the end
    (dataset.schemas / "recipe.yaml").write_text(KNOWN)
    dataset.job("label_collect")
    for shift in (1, 0):  # there, and back again
        dataset.write_silver(30, shift)
        dataset.job("label_collect")
        assert dataset.labels() == {f"{number:032x}": str(number + shift) for number in range(30)}


def test_label_studio_away_is_one_clear_line(dataset: Dataset) -> None:
    dataset.job("label_send")
    done = subprocess.run(
        dataset.command("label_collect"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={
            **os.environ,
            "LAKEMINT_LABEL_STUDIO_URL": "http://127.0.0.1:9",
            "LAKEMINT_LABEL_STUDIO_TOKEN": "any",
        },
    )
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: Label Studio at http://127.0.0.1:9 does not answer") and "doctor" in line
