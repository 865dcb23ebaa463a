"""The stage's tables: events are added once each; labels are made of them anew when they change."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from lakemint.config import Config
from lakemint.contract import load_contract
from lakemint.errors import LakemintError
from lakemint.label.agreement import agreement
from lakemint.label.collect import Cursor, Reading
from lakemint.label.form import load_form
from lakemint.label.project import need_project
from lakemint.label.studio import connect
from lakemint.label.transforms import current_answers, events, fresh, known_events, majority, tally
from lakemint.lake import Lake
from lakemint.recipe import Recipe
from lakemint.spark import (
    commit_note,
    insert_new,
    last_commit,
    read_if_exists,
    read_table,
    replace_table,
    table_version,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

STAGE = "label"
Item = TypeVar("Item")


def add_known(spark: "SparkSession", config: Config, recipe: Recipe) -> dict[str, int]:
    """Add an event for each sample of silver whose record says the label, where there is none yet."""
    lake, column = Lake(config.need("lake")), str(recipe.label.known)
    silver, version = need_silver(spark, lake, recipe.dataset)
    uri = lake.table("annotations", recipe.dataset)
    note = commit_note(STAGE, recipe.digest, silver=version)
    last = last_commit(spark, uri)
    done = last is not None and last[1] == note
    return {"new": 0 if done else _add(known_events(silver, column), uri, note)}


def add_answers(spark: "SparkSession", config: Config, recipe: Recipe) -> dict[str, int]:
    """Add an event for each answer that was given or edited since the last time."""
    uri = Lake(config.need("lake")).table("annotations", recipe.dataset)
    last = last_commit(spark, uri)
    counts: Counter[str] = Counter(new=0, ignored=0, skipped=0)
    with _reading(config, recipe, Cursor.of(last[1]) if last else None) as reading:
        head = reading.head()
        for table, is_last in _marking_last(reading.chunks()):
            # The cursor moves with the last chunk: killed before it, the next run reads the same again.
            cursor = head if is_last else reading.after
            note = commit_note(STAGE, recipe.digest) | ({"cursor": asdict(cursor)} if cursor else {})
            if table.num_rows or last is None:
                counts["new"] += _add(events(spark, table), uri, note)
        counts.update(reading.counts)
    return dict(counts)


def write_labels(spark: "SparkSession", config: Config, recipe: Recipe) -> tuple[int, bool]:
    """Labels anew from all events, if events or recipe changed: the table's version, and whether it moved.

    The commit's note holds `summary`: samples, answers, annotators, alpha, mean_agreement, method.
    """
    lake = Lake(config.need("lake"))
    annotations, uri = (lake.table(name, recipe.dataset) for name in ("annotations", "labels"))
    version = table_version(spark, annotations)
    note = commit_note(STAGE, recipe.digest, annotations=version)
    last = last_commit(spark, uri)
    if last is not None and {name: value for name, value in last[1].items() if name != "summary"} == note:
        return last[0], False
    method = "known" if recipe.label.known else recipe.label.consensus
    answers = current_answers(read_table(spark, annotations, version), recipe.label.classes)
    summary = {**summarize(answers), "method": method}
    replace_table(majority(answers, method), uri, {**note, "summary": summary})
    return table_version(spark, uri) or 0, True


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


def need_silver(spark: "SparkSession", lake: Lake, dataset: str) -> "tuple[DataFrame, int]":
    """Silver and its version; raises LakemintError when it was never made."""
    uri = lake.table("silver", dataset)
    version = table_version(spark, uri)
    if version is None:
        raise LakemintError(f"silver/{dataset}: no such table; refine first: lakemint run {dataset}")
    return read_table(spark, uri, version), version


def _add(incoming: "DataFrame", uri: str, note: dict[str, Any]) -> int:
    """Insert the events that are not there; how many. Without news there is no commit."""
    there = read_if_exists(incoming.sparkSession, uri)
    new = fresh(incoming, there)
    count = new.count()
    if count or there is None:
        insert_new(new, uri, key=["event_id"], only="true", note=note)
    return count


@contextmanager
def _reading(config: Config, recipe: Recipe, after: Cursor | None) -> Iterator[Reading]:
    form = load_form(config.datasets(), load_contract(config.datasets(), recipe.dataset), recipe)
    with connect(config) as studio:
        project = need_project(studio, config, recipe.dataset)
        yield Reading(studio, project, form, config.need("annotator_key"), after)


def _marking_last(items: Iterator[Item]) -> Iterator[tuple[Item, bool]]:
    held = next(items)
    for item in items:
        yield held, False
        held = item
    yield held, True
