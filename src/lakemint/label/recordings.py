"""Recorded answers of people, for a replay: which answers each record of a source was given, in order."""

import io
import json
from collections.abc import Iterator, Mapping

from lakemint.dataset.recipe import Replay
from lakemint.errors import LabelStudioError, ObjectNotFound
from lakemint.label.asking import Asking
from lakemint.lake import Lake
from lakemint.store import Store

Recordings = Mapping[tuple[str, str], tuple[str, ...]]
"""(source, key) → the first answers recorded for that record."""

LINE_LIMIT = 1 << 20
"""Characters in a line; a longer one is no list of ratings."""


def read_recordings(store: Store, lake: Lake, asked: Asking) -> Recordings:
    """The answers to replay of every recorded record, from `recorded/<dataset>/<source>.txt`.

    Tab-separated, without a header; a byte-order mark and either kind of line end are accepted. A source
    without recordings has none, as has a recipe without replay. Raises LabelStudioError naming object and
    line for what cannot be read.
    """
    if asked.replay is None:
        return {}
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for source in asked.sources:
        name = lake.recording(asked.dataset, source)
        try:
            with store.open(name) as stream:
                text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
                for key, answers in _parse(text, name, asked.replay):
                    found.setdefault((source, key), answers[: asked.per_sample])
        except ObjectNotFound:
            continue
    return found


def _parse(text: io.TextIOBase, name: str, replay: Replay) -> Iterator[tuple[str, tuple[str, ...]]]:
    key, answers = replay.columns.index(replay.key), replay.columns.index(replay.answers)
    number = 0
    try:
        while line := text.readline(LINE_LIMIT):
            if record := line.rstrip("\r\n"):
                row = record.split("\t")
                if len(row) != len(replay.columns):
                    raise ValueError(f"{len(row)} columns instead of {len(replay.columns)}")
                yield row[key], _answers(row[answers])
            number += 1
    except (ValueError, RecursionError) as error:
        raise LabelStudioError(
            f"{name}:{number + 1}: no recorded answers ({error}); expected {', '.join(replay.columns)} "
            "between tabs, the answers as a JSON list"
        ) from error


def _answers(text: str) -> tuple[str, ...]:
    values = json.loads(text)
    if not isinstance(values, list) or not all(type(value) in (int, str) for value in values):
        raise ValueError("not a list of answers")
    return tuple(str(value) for value in values)
