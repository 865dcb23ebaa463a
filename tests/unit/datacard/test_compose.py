"""Data cards say what the record says, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from lakemint.config import Config
from lakemint.datacard.compose import MAX_LABELS, compose
from lakemint.datacard.document import Bars, Document, Facts, Section, Table, Text
from lakemint.datacard.facts import card_facts, measured
from lakemint.names import Reference
from lakemint.published.baseline import BaselineRecord, ClassMarks
from lakemint.published.opened import open_published
from lakemint.published.records import Counts, LabelSummary
from lakemint.store import open_store
from tests.unit.small_version import DATASET, judge, publish, row, settings

ROWS = [row(index, "test" if index % 5 == 0 else "train", text="x" * index) for index in range(40)]
LABELS = LabelSummary(
    samples=40, answers=1234, annotators=7, alpha=0.61, mean_agreement=0.75, method="majority"
)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(tmp_path)


def composed(config: Config, number: int = 1) -> Document:
    version = open_published(config, Reference(DATASET, number))
    return compose(card_facts(config, version, measured(version)))


def section(document: Document, title: str) -> Section:
    (found,) = (section for section in document.sections if section.title == title)
    return found


def bars(document: Document, title: str) -> list[tuple[str, tuple[str, ...]]]:
    """(label, what is told) of each row of a section's first plot."""
    first = next(block for block in section(document, title).blocks if isinstance(block, Bars))
    return [(one.label, one.told) for one in first.rows]


def texts(document: Document, title: str) -> list[str]:
    return [block.text for block in section(document, title).blocks if isinstance(block, Text)]


def facts(document: Document, title: str) -> dict[str, str]:
    return dict(next(block for block in section(document, title).blocks if isinstance(block, Facts)).rows)


def test_splits_labels_and_lengths_are_told_as_they_are(config: Config) -> None:
    publish(config, ROWS)
    document = composed(config)
    assert (document.title, document.lead) == ("notes@1", "A version of the dataset notes.")
    assert bars(document, "Splits") == [
        ("train", ("32 (80.0%)",)),
        ("validation", ("0 (0.0%)",)),
        ("test", ("8 (20.0%)",)),
    ]
    assert bars(document, "Labels") == [
        ("a", ("16 (50.0%)", "4 (50.0%)")),
        ("b", ("16 (50.0%)", "4 (50.0%)")),
    ]
    assert bars(document, "Lengths") == [
        ("0", ("1 (2.5%)",)),
        ("1", ("1 (2.5%)",)),
        ("2 to 3", ("2 (5.0%)",)),
        ("4 to 7", ("4 (10.0%)",)),
        ("8 to 15", ("8 (20.0%)",)),
        ("16 to 31", ("16 (40.0%)",)),
        ("32 to 63", ("8 (20.0%)",)),
    ]
    assert texts(document, "Limits") == ["Without examples: validation."]
    assert facts(document, "Made of")["tables"] == "silver 2, gold 1"


def test_what_nothing_is_known_of_is_not_there(config: Config) -> None:
    publish(config, [row(1)], (("sample_id", "string"), ("stars", "int64")))
    titles = [section.title for section in composed(config).sections]
    assert titles == ["Splits", "Limits", "Where the records went", "Columns", "Made of", "How to open it"]
    publish(config, [])
    assert composed(config, 2).title == "notes@2"


def test_agreement_is_told_with_what_it_is_worth(config: Config) -> None:
    publish(config, ROWS, changed={"labels": LABELS.model_copy(update={"replayed": True})})
    document = composed(config)
    assert bars(document, "Agreement") == [("Krippendorff's alpha", ("0.61",))]
    told = facts(document, "Agreement")
    assert (told["answers"], told["accounts"], told["mean agreement"]) == ("1,234", "7", "75.0%")
    limits = texts(document, "Limits")
    assert limits[0].startswith("Recorded answers: an account is a position")
    assert limits[1].startswith("People agree little about these labels: alpha 0.61 is below 0.667")
    publish(config, ROWS[1:], changed={"labels": LABELS.model_copy(update={"alpha": 0.667})})
    assert texts(composed(config, 2), "Limits") == ["Without examples: validation."]
    assert "annotators" in facts(composed(config, 2), "Agreement")


def test_records_add_up_in_words(config: Config) -> None:
    counts = Counts(raw=1100, quarantined=10, rejected=1000, unlabeled=50, published=40)
    publish(config, ROWS, changed={"counts": counts})
    assert texts(composed(config), "Where the records went") == [
        "1,100 raw = 40 published + 50 unlabeled + 1,000 rejected + 10 quarantined"
    ]


def test_verdicts_and_baseline_are_told(config: Config) -> None:
    verdicts = sorted([judge(config, "gold"), judge(config, "silver", passed=False)])
    record, _ = publish(config, ROWS, verdicts=verdicts)
    marks = {
        "a": ClassMarks(rows=4, recall=0.25, precision=None),
        "b": ClassMarks(rows=4, recall=1, precision=1),
    }
    score = BaselineRecord(
        manifest=record.manifest, train_rows=32, test_rows=8, accuracy=0.5, majority=0.5, per_class=marks
    )
    from lakemint.lake import Lake

    store = open_store(config)
    store.put(Lake(config.lake).card(DATASET, 1, "baseline.json"), score.model_dump_json().encode())
    document = composed(config)
    tables = [block for block in section(document, "Gates").blocks if isinstance(block, Table)]
    assert tables[0].rows == (("silver", "2", "failed", "0 of 1"), ("gold", "1", "passed", "1 of 1"))
    assert tables[1].rows == (("silver", "critical", "text", "text is short", "0"),)
    assert bars(document, "Baseline")[0] == ("baseline", ("50.0%",))
    assert "The baseline does no better than guessing the commonest label." in texts(document, "Limits")


def test_the_drift_from_the_version_before_is_told(config: Config) -> None:
    publish(config, ROWS, changed={"labels": LABELS})
    publish(config, [{**ROWS[0], "label": "c"}, *ROWS[2:]], recipe="f" * 64)
    assert "Since the version before" not in [section.title for section in composed(config, 1).sections]
    document = composed(config, 2)
    told = facts(document, "Since the version before")
    assert told["compared with"] == "notes@1, 40 rows"
    assert told["rows"] == "0 added, 1 removed, 1 relabeled, 0 moved, 0 changed"
    assert (told["alpha"], told["schema"]) == ("0.61 → unknown", "unchanged")
    assert (told["contract"], told["recipe"]) == ("unchanged", "changed")
    assert ("c", ("0.0%", "2.6%")) in bars(document, "Since the version before")


def test_a_version_before_that_is_harmed_is_named_and_the_rest_is_told(config: Config) -> None:
    publish(config, ROWS)
    home = Path(config.lake.removeprefix("file://")) / "published" / DATASET
    old = set(home.glob("shards/*"))
    publish(config, [{**one, "text": "new"} for one in ROWS])
    for shard in old:
        shard.unlink()
    (why,) = texts(composed(config, 2), "Since the version before")
    assert why.startswith("notes@1 cannot be compared: published/notes/shards/")


def test_many_labels_are_cut_with_a_count(config: Config) -> None:
    publish(config, [row(index, label=f"label{index}") for index in range(MAX_LABELS + 3)])
    assert texts(composed(config), "Labels") == ["3 more labels are rarer."]


def test_the_lengths_are_measured_with_their_progress(config: Config) -> None:
    publish(config, ROWS)
    told: list[Any] = []
    measured(open_published(config, Reference(DATASET, 1)), lambda done, total: told.append((done, total)))
    assert (len(told), told[-1][0]) == (6, told[-1][1])
