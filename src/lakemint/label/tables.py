"""The stage's tables: events are added once each; labels are made of them anew when they change."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from lakemint.config import Config
from lakemint.dataset.contract import load_contract
from lakemint.dataset.recipe import Recipe
from lakemint.delta_log import DeltaLog
from lakemint.label.agreement import agreement
from lakemint.label.collect import AnswerReader, Cursor
from lakemint.label.form import load_form
from lakemint.label.project import need_project
from lakemint.label.studio import connect
from lakemint.label.transforms import (
    counted_events,
    current_answers,
    events,
    fresh,
    known_events,
    majority,
    tally,
)
from lakemint.lake import Lake
from lakemint.names import TableVersion
from lakemint.spark import commit_note, insert_new, read_table, replace_table
from lakemint.store import open_store

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

STAGE = "label"
Item = TypeVar("Item")


def add_known(spark: "SparkSession", config: Config, recipe: Recipe) -> dict[str, int]:
    """Add an event for each sample of silver whose record says the label, where there is none yet."""
    silver, at = need_silver(spark, config, recipe.dataset)
    note = commit_note(STAGE, recipe.digest, silver=at)
    last = _log(config, recipe.dataset).last("annotations")
    if last is not None and last.note == note:
        return {"new": 0}
    return {"new": _add(known_events(silver, str(recipe.label.known)), config, recipe.dataset, note)}


def add_answers(spark: "SparkSession", config: Config, recipe: Recipe) -> dict[str, int]:
    """Add an event for each answer that was given or edited since the last time."""
    last = _log(config, recipe.dataset).last("annotations")
    counts: Counter[str] = Counter(new=0, ignored=0, skipped=0)
    with _reading(config, recipe, Cursor.of(last.note) if last else None) as reading:
        head = reading.head()
        for table, is_last in _marking_last(reading.chunks()):
            # The cursor moves with the last chunk: killed before it, the next run reads the same again.
            cursor = head if is_last else reading.after
            note = commit_note(STAGE, recipe.digest) | ({"cursor": asdict(cursor)} if cursor else {})
            if table.num_rows or last is None:
                counts["new"] += _add(events(spark, table), config, recipe.dataset, note)
        counts.update(reading.counts)
    return dict(counts)


def write_labels(spark: "SparkSession", config: Config, recipe: Recipe) -> tuple[int, bool]:
    """Labels anew from all events, if events or recipe changed: the table's version, and whether it moved.

    The commit's note holds `summary`: samples, answers, annotators, alpha, mean_agreement, method, replayed.
    """
    lake, log, known = Lake(config.need("lake")), _log(config, recipe.dataset), recipe.label.known
    annotations, uri = (lake.table(name, recipe.dataset) for name in ("annotations", "labels"))
    given = log.need("annotations").at
    silver, at = need_silver(spark, config, recipe.dataset)
    inputs = {"annotations": given} | ({"silver": at} if known else {})
    note = commit_note(STAGE, recipe.digest, None, **inputs)
    last = log.last("labels")
    if last and {name: value for name, value in last.note.items() if name != "summary"} == note:
        return last.version, False
    method = "known" if known else recipe.label.consensus
    counted = counted_events(read_table(spark, annotations, given.version), silver, known)
    answers = current_answers(counted, recipe.label.classes)
    replayed = recipe.label.replay is not None
    summary = {**summarize(answers), "method": method, "replayed": replayed}
    replace_table(majority(answers, method), uri, {**note, "summary": summary})
    return log.need("labels").version, True


def summarize(answers: "DataFrame") -> dict[str, Any]:
    """How many samples, answers and annotators, and how far they agree (null where it is not defined)."""
    counts = tally(answers).collect()[0].asDict()
    found: dict[str, Any] = {**counts, "alpha": None, "mean_agreement": None}
    if counts["annotators"] > 1:
        columns = answers.toArrow()
        found |= asdict(
            agreement(*(columns.column(n).to_numpy() for n in ("sample_id", "annotator", "class")))
        )
    return found


def need_silver(spark: "SparkSession", config: Config, dataset: str) -> "tuple[DataFrame, TableVersion]":
    """Silver and its state; raises LakemintError when it was never made."""
    at = _log(config, dataset).need("silver").at
    return read_table(spark, Lake(config.need("lake")).table("silver", dataset), at.version), at


def _log(config: Config, dataset: str) -> DeltaLog:
    return DeltaLog(open_store(config), Lake(config.need("lake")), dataset)


def _add(incoming: "DataFrame", config: Config, dataset: str, note: dict[str, Any]) -> int:
    """Insert the events that are not there; how many. Without news there is no commit."""
    uri = Lake(config.need("lake")).table("annotations", dataset)
    exists = _log(config, dataset).last("annotations") is not None
    new = fresh(incoming, read_table(incoming.sparkSession, uri) if exists else None)
    count = new.count()
    if count or not exists:
        insert_new(new, uri, key=["event_id"], note=note, exists=exists)
    return count


@contextmanager
def _reading(config: Config, recipe: Recipe, after: Cursor | None) -> Iterator[AnswerReader]:
    form = load_form(config.schemas_folder(), load_contract(config.schemas_folder(), recipe.dataset), recipe)
    with connect(config) as studio:
        project = need_project(studio, config, recipe.dataset)
        yield AnswerReader(studio, project, form, config.need("annotator_key"), after)


def _marking_last(items: Iterator[Item]) -> Iterator[tuple[Item, bool]]:
    held = next(items)
    for item in items:
        yield held, False
        held = item
    yield held, True
