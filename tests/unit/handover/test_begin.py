"""Handing over: one version and one job a run, whoever is killed when, and no secret anywhere."""

from dataclasses import replace
from pathlib import Path

import pytest

from lakemint.config import Config
from lakemint.errors import LakemintError, TrainingError
from lakemint.handover.begin import follow, hand_over, launcher_of, prepare
from lakemint.handover.kept import found, keep, listing, newest
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published import channels
from lakemint.published.channels import Order
from lakemint.store import Store, open_store
from tests.support import at_once
from tests.unit.handover.handovers import SLEEP, at_work, ended, training
from tests.unit.small_version import WHEN, publish_judged, row


def own(config: Config) -> tuple[Store, Lake]:
    return open_store(config), Lake(config.lake)


def promote(config: Config, number: int) -> None:
    channels.promote(*own(config), Channel("notes", "production"), number, Order("ana", WHEN))


def test_what_was_handed_over_can_be_found_again(config: Config) -> None:
    handed = hand_over(config, "notes@1", training("pass", checkpoints="/ckpt"))
    assert Path(config.lake.removeprefix("file://"), "published/notes/handovers/exp-7/0001.json").is_file()
    assert newest(*own(config), "notes", "exp-7") == handed == found(*own(config), "notes", "exp-7")
    other = hand_over(config, "notes@1", training("pass", run="exp"))
    assert listing(*own(config), "notes") == [other, handed]
    with pytest.raises(TrainingError, match="no training 'exp-8' on notes: there are exp, exp-7"):
        found(*own(config), "notes", "exp-8")


def test_a_run_goes_on_with_its_version_wherever_the_channel_is(config: Config) -> None:
    for number in (2, 3):
        publish_judged(config, [row(index) for index in range(number)])
    promote(config, 2)
    first = hand_over(config, "notes@production", training("raise SystemExit(1)"))
    assert (str(first.version), first.asked) == ("notes@2", "notes@production")
    ended(config, first)
    promote(config, 3)
    second = hand_over(config, "notes@production", training("pass"))
    assert (str(second.version), second.attempt) == ("notes@2", 2)
    assert str(prepare(config, "notes@production", training(run="exp-8")).version) == "notes@3"
    ended(config, second)
    with pytest.raises(TrainingError, match="exp-7 trains on notes@2: choose another name for notes@3"):
        hand_over(config, "notes@3", training("pass"))


def test_one_at_work_is_joined_by_the_same_order_and_refuses_others(config: Config) -> None:
    handed = at_work(config)
    assert hand_over(config, "notes@1", training(SLEEP)) == handed
    with pytest.raises(TrainingError, match=r"is running as something else \(attempt 1\): .* or stop it"):
        hand_over(config, "notes@1", training("pass"))
    launcher_of(config, handed).stop(handed)


def test_one_that_succeeded_is_not_begun_again(config: Config) -> None:
    handed = hand_over(config, "notes@1", training("pass"))
    ended(config, handed)
    assert hand_over(config, "notes@1", training("pass")) == handed
    with pytest.raises(TrainingError, match=r"has succeeded as something else .*: choose another name$"):
        hand_over(config, "notes@1", training("print()"))


def test_killed_between_record_and_job_the_same_order_submits_that_record(config: Config) -> None:
    handed = prepare(config, "notes@1", training("pass"))
    keep(*own(config), handed)
    with pytest.raises(TrainingError, match="is gone: process does not know it"):
        next(follow(config, handed))
    assert hand_over(config, "notes@1", training("pass")) == handed
    assert ended(config, handed).state == "succeeded"


def test_of_many_who_order_the_same_all_get_one_job(config: Config) -> None:
    got = []
    at_once(lambda _: got.append(hand_over(config, "notes@1", training(SLEEP))), threads=6)
    assert len({handed.job for handed in got}) == 1
    assert len(got) == 6
    launcher_of(config, got[0]).stop(got[0])


def test_one_on_another_machine_is_looked_for_there(config: Config) -> None:
    handed = replace(prepare(config, "notes@1", training("pass")), place="gpu-7")
    keep(*own(config), handed)
    with pytest.raises(TrainingError, match="exp-7 was handed over to process on gpu-7, and this is "):
        hand_over(config, "notes@1", training("pass"))


def test_no_secret_is_recorded_or_shown(config: Config) -> None:
    secret = "tr0ub4dor & 'three\""
    config = replace(config, s3_secret_key=secret, label_studio_token="t0ken")
    for changed in (
        {"program": ("python", "train.py", f"--key={secret}")},
        {"checkpoints": f"s3://x/?key={secret}"},
        {"options": {"token": "a t0ken"}},
    ):
        with pytest.raises(TrainingError, match="would hold a password or key of yours"):
            hand_over(config, "notes@1", training(**changed))
    handed = hand_over(config, "notes@1", training("pass", credentials=("AWS_SECRET_ACCESS_KEY",)))
    shown = launcher_of(config, handed).render(handed) + handed.data().decode()
    assert all(word not in shown for word in ("tr0ub4dor", "t0ken"))
    ended(config, handed)


def test_a_split_that_is_not_there_is_told_before_anything_is_written(config: Config) -> None:
    with pytest.raises(LakemintError, match="notes@1 has no split 'dev'; there are train, validation, test"):
        hand_over(config, "notes@1", training(splits=("dev",)))
    assert listing(*own(config), "notes") == []
