"""Hands a version over to a training.

The record is created before the job is submitted, and the job is named by it: killed between the two, or left
without a reply, the same order again submits the same record, and no launcher begins it twice. A run has one
version, and one job at work: what failed is handed over again as its next attempt, to go on where it was.
"""

import time
from collections.abc import Iterator
from typing import Any, Final

from lakemint.config import Config
from lakemint.errors import ObjectExists, TrainingError
from lakemint.feed import open as open_version
from lakemint.handover.kept import keep, newest
from lakemint.handover.launch import Job, Launcher
from lakemint.handover.launchers import launcher
from lakemint.handover.record import Handover
from lakemint.handover.training import Training
from lakemint.lake import Lake
from lakemint.names import Reference, parse_reference
from lakemint.store import StoreAddress, open_store

MAX_ATTEMPTS: Final = 9999
_RACES: Final = 5
FIRST, LAST, GROWTH = 0.2, 10.0, 1.3
"""Seconds between looks: at first, at most, and what each pause is to the one before it."""


def prepare(config: Config, asked: str, training: Training) -> Handover:
    """What would be handed over now, `asked` being `reviews@3` or `reviews@production`; nothing is written.

    That is the run's last attempt, where it waits, is at work or succeeded, or was recorded and never
    submitted; else its next one. Raises TrainingError when the run is at work or over with another training,
    or has another version, or when the record would hold a secret of ours; and as `lakemint.open` does.
    """
    store, lake = open_store(config), Lake(config.need("lake"))
    before = newest(store, lake, parse_reference(asked).dataset, training.run)
    # A run that goes on does so with its version, wherever the channel is now.
    name = str(before.version) if before and before.asked == asked else asked
    version = open_version(name, config=config)
    for split in training.splits:
        version[split]
    there = launcher(training.launcher, config)
    handover = Handover(
        training=training,
        attempt=1 if before is None else before.attempt + 1,
        asked=asked,
        version=Reference(version.dataset, version.number),
        manifest=version.digest,
        lake=StoreAddress.of(config),
        place=there.place,
    )
    _require_no_secret(config, handover)
    there.render(handover)
    return handover if before is None or _is_next(config, before, handover) else before


def hand_over(config: Config, asked: str, training: Training) -> Handover:
    """Record it and have its job started; see `prepare`. Safe to repeat: what is at work stays as it is."""
    store, lake = open_store(config), Lake(config.need("lake"))
    for _ in range(_RACES):
        handover = prepare(config, asked, training)
        try:
            keep(store, lake, handover)
        except ObjectExists:
            continue  # somebody handed that run over just now
        launcher_of(config, handover).submit(handover)
        return handover
    raise TrainingError(f"others hand {training.run} over again and again: choose another name")


def launcher_of(config: Config, handover: Handover) -> Launcher:
    """Who has its job; raises TrainingError when that is another machine or cluster than ours."""
    found = launcher(handover.training.launcher, config)
    if found.place != handover.place:
        raise TrainingError(
            f"{handover.training.run} was handed over to {handover.training.launcher} on "
            f"{handover.place or 'another machine'}, and this is {found.place}: go there, or choose "
            "another name"
        )
    return found


def follow(config: Config, handover: Handover, timeout: float | None = None) -> Iterator[Job]:
    """How its job is, again and again, until it is over; raises TrainingError when there is none any more.

    Ends after `timeout` seconds, whatever it is then.
    """
    there, pause = launcher_of(config, handover), FIRST
    deadline = time.monotonic() + (float("inf") if timeout is None else timeout)
    while True:
        job = there.look(handover)
        if job is None:
            raise TrainingError(f"{handover.job} is gone: {handover.training.launcher} does not know it")
        yield job
        if job.is_over or time.monotonic() + pause > deadline:
            return
        time.sleep(pause)
        pause = min(pause * GROWTH, LAST)


def _is_next(config: Config, before: Handover, handover: Handover) -> bool:
    """Whether another attempt is to be made after that one; raises TrainingError when none may be."""
    run = handover.training.run
    if before.version != handover.version:
        raise TrainingError(f"{run} trains on {before.version}: choose another name for {handover.version}")
    job = launcher_of(config, before).look(before)
    if job is not None and job.state == "failed":
        return True
    if before.training == handover.training:
        return False
    if job is not None:
        raise TrainingError(
            f"{run} {'has succeeded' if job.is_over else f'is {job.state}'} as something else (attempt "
            f"{before.attempt}): choose another name"
            + (
                ""
                if job.is_over
                else f", or stop it: `lakemint training stop {before.version.dataset} {run}`"
            )
        )
    return True


def _require_no_secret(config: Config, handover: Handover) -> None:
    said = "\0".join(_texts(handover.content()))
    if any(secret in said for secret in config.secrets()):
        raise TrainingError(
            f"the record of {handover.training.run} would hold a password or key of yours, and many read "
            "it: let the program take it from its environment, and name the variable as a credential"
        )


def _texts(value: Any) -> Iterator[str]:
    """Every text in plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in _texts(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in _texts(item))
