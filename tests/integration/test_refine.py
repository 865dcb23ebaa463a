"""Refine on the real Spark: what stays is clean, what leaves has its reason, nothing is lost or made up."""

import unicodedata
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from lakemint.config import Config
from lakemint.delta_log import DeltaLog
from lakemint.demo.reviews import land_reviews
from lakemint.errors import ContractError, LakemintError
from lakemint.job.outcome import Outcome
from lakemint.spark import read_table, replace_rows
from tests.identity import sample_id
from tests.integration.small_dataset import DATASET, SmallDataset
from tests.support import CHECKOUT, run_job

SOURCES = {"mail": {"format": "tsv", "columns": ["id", "text"]}}
TEXT = {"name": "text", "logicalType": "string"}
CLEAN = [
    {"normalize_text": {"columns": ["text"]}},
    {"drop": {"empty": ["text"]}},
]


@pytest.fixture
def notes(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallDataset:
    dataset = SmallDataset(config, spark, tmp_path, monkeypatch)
    dataset.write(SOURCES, [TEXT], refine=CLEAN)
    return dataset


def land_texts(notes: SmallDataset, name: str, texts: list[str]) -> None:
    notes.land(f"mail/{name}", "".join(f"{at}\t{text}\n" for at, text in enumerate(texts, 1)).encode())


def bronze_texts(notes: SmallDataset, name: str, texts: list[str], batch: int = 1) -> None:
    """Texts as the lines of a file that was ingested."""
    place = {"object": f"raw/notes/mail/{name}", "etag": name, "batch": batch, "source": "mail"}
    rows = [{**place, "line": at, "id": str(at), "text": text} for at, text in enumerate(texts, 1)]
    frame = notes.spark.createDataFrame(pa.Table.from_pylist(rows))
    replace_rows(frame, notes.lake.table("bronze", DATASET), f"object = '{place['object']}'", {})


def test_text_is_normalized_empty_dropped_and_the_earliest_of_equals_kept(notes: SmallDataset) -> None:
    bronze_texts(notes, "b.tsv", ["cafe\u0301", "\u00a0 \u3000", "hello\u2028 world "])
    bronze_texts(notes, "a.tsv", ["hello   world", "x"])
    bronze_texts(notes, "0.tsv", ["x", "caf\u00e9"], batch=2)
    outcome = notes.run("refine")

    assert outcome == Outcome(
        "silver/notes", "0", changed=True, counts={"records": 7, "silver": 3, "rejected": 4}
    )
    silver = notes.rows("silver", "object", "line", "text", "sample_id", "source")
    assert silver == [
        {"object": "raw/notes/mail/a.tsv", "line": 1, "text": "hello world", **ids("hello world")},
        {"object": "raw/notes/mail/a.tsv", "line": 2, "text": "x", **ids("x")},
        {"object": "raw/notes/mail/b.tsv", "line": 1, "text": "caf\u00e9", **ids("caf\u00e9")},
    ]
    names = ("object", "line", "batch", "stage", "reason", "sample_id", "survivor_object", "survivor_line")
    rejected = [tuple(row.values()) for row in notes.rows("rejected", *names)]
    mail = "raw/notes/mail"
    same = "duplicate.exact"
    assert rejected == [
        (f"{mail}/0.tsv", 1, 2, "refine", same, sample_id(["x"]), f"{mail}/a.tsv", 2),
        (f"{mail}/0.tsv", 2, 2, "refine", same, sample_id(["caf\u00e9"]), f"{mail}/b.tsv", 1),
        (f"{mail}/b.tsv", 2, 1, "refine", "empty.text", None, None, None),
        (f"{mail}/b.tsv", 3, 1, "refine", same, sample_id(["hello world"]), f"{mail}/a.tsv", 1),
    ]
    for row in notes.rows("rejected", "sample_id", "survivor", "reason"):
        assert row["survivor"] == (row["sample_id"] if row["reason"] == same else None)


def ids(text: str) -> dict[str, str]:
    return {"sample_id": sample_id([text]), "source": "mail"}


SPACES = [chr(code) for code in (9, 11, 12, 0x85, 0xA0, 0x1680, 0x2003, 0x2028, 0x202F, 0x205F, 0x3000)]
ODD = ["e\u0301 \u1e9b\u0323", "\ufb01\ufb02", "\uac00\u11a8", "\u212b", "a\u200bb", "\U0001f600 ok"]


@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_normal_forms_and_spaces_are_those_of_the_unicode_standard(notes: SmallDataset, form: str) -> None:
    texts = [*ODD, *(f"{space}{at}{space}{space}b{space}" for at, space in enumerate(SPACES))]
    notes.write(SOURCES, [TEXT], refine=[{"normalize_text": {"columns": ["text"], "form": form}}])
    bronze_texts(notes, "a.tsv", texts)
    notes.run("refine")

    def expected(text: str) -> str:
        normal = unicodedata.normalize(form, text)  # type: ignore[arg-type]
        for space in [*SPACES, "\r"]:
            normal = normal.replace(space, " ")
        return " ".join(part for part in normal.split(" ") if part)

    found = sorted(notes.rows("silver", "line", "text"), key=lambda row: row["line"])
    assert [row["text"] for row in found] == [expected(text) for text in texts]


VALUES: list[tuple[str, str, Any]] = [
    ("integer", "7", 7),
    ("integer", " -7 ", -7),
    ("integer", "7.0", None),
    ("integer", "9223372036854775808", None),
    ("integer", "", None),
    ("number", "1e3", 1000.0),
    ("number", ".5", 0.5),
    ("number", "1d", None),
    ("number", "NaN", None),
    ("number", "1e999", None),
    ("number", "1,5", None),
    ("boolean", "TRUE", True),
    ("boolean", "yes", None),
    ("date", "2024-02-29", "2024-02-29"),
    ("date", "2023-02-29", None),
    ("date", "2024", None),
    ("timestamp", "2024-02-29T12:30:00+02:00", "2024-02-29 10:30:00"),
    ("timestamp", "2024-02-29 12:30", "2024-02-29 12:30:00"),
    ("timestamp", "12:30", None),
    ("timestamp", "2024-02-29T25:00:00Z", None),
]


def test_values_become_the_contracts_types_or_reject_their_row(notes: SmallDataset) -> None:
    """One column for each type; a row holds one value, and null (by JSON) in the others."""
    types = sorted({kind for kind, _, _ in VALUES})
    source = {"events": {"format": "jsonl", "columns": ["text", *types]}}
    notes.write(source, [TEXT, *({"name": kind, "logicalType": kind} for kind in types)], refine=CLEAN)
    lines = []
    for at, (kind, value, _) in enumerate(VALUES, 1):
        cells = ", ".join(f'"{name}": ' + (f'"{value}"' if name == kind else "null") for name in types)
        lines.append(f'{{"text": "{at}", {cells}}}')
    notes.land("events/a.jsonl", "\n".join(lines).encode())
    notes.run("ingest")
    notes.run("refine")

    good = {row["line"]: row for row in notes.rows("silver")}
    bad = {row["line"]: row for row in notes.rows("rejected")}
    for at, (kind, value, expected) in enumerate(VALUES, 1):
        if expected is None:
            assert bad[at]["reason"] == f"type.{kind}", value
            assert bad[at]["sample_id"] == sample_id([str(at)])
        else:
            assert str(good[at][kind]).removesuffix("+00:00") == str(expected), value
    assert len(good) + len(bad) == len(VALUES)


def test_a_row_of_a_wrong_type_survives_no_other(notes: SmallDataset) -> None:
    notes.write(SOURCES, [{"name": "id", "logicalType": "integer"}, TEXT], refine=CLEAN)
    notes.land("mail/a.tsv", b"one\thello\n2\thello\n3\thello\n")
    notes.run("ingest")
    notes.run("refine")
    assert notes.rows("silver", "id", "line") == [{"id": 2, "line": 2}]
    reasons = [(row["line"], row["reason"], row["survivor_line"]) for row in notes.rows("rejected")]
    assert reasons == [(1, "type.id", None), (3, "duplicate.exact", 2)]


def test_a_second_run_changes_nothing_and_a_new_recipe_does(notes: SmallDataset, spark: SparkSession) -> None:
    bronze_texts(notes, "a.tsv", ["hello", "hello", ""])
    first = notes.run("refine")
    assert notes.run("refine") == Outcome("silver/notes", first.identity, changed=False)
    assert (notes.version("silver"), notes.version("rejected")) == (0, 0)

    uri = notes.lake.table("silver", DATASET)
    spark.sql(f"OPTIMIZE delta.`{uri}`").collect()
    assert notes.run("refine") == Outcome("silver/notes", first.identity, changed=False)

    notes.write(SOURCES, [TEXT], refine=CLEAN[:1])
    assert notes.run("refine").counts == {"records": 3, "silver": 2, "rejected": 1}
    log = DeltaLog(notes.store, notes.lake, DATASET)
    made_of = log.need("silver").note["inputs"]
    assert made_of == {"bronze": asdict(log.need("bronze").at)}
    # Another table at bronze's place, at the same version, is another input.
    notes.remove("bronze")
    bronze_texts(notes, "a.tsv", ["hello", "hello", ""])
    assert log.need("bronze").version == made_of["bronze"]["version"]
    assert notes.run("refine").changed


def test_a_run_that_died_between_its_tables_is_made_good(notes: SmallDataset, spark: SparkSession) -> None:
    bronze_texts(notes, "a.tsv", ["hello", "hello", ""])
    notes.run("refine")
    bronze_texts(notes, "b.tsv", ["hello"], batch=2)
    before = notes.rows("silver")
    notes.run("refine")
    after = notes.rows("rejected")
    # What the run would have left, had it died before silver: rejected new, silver old.
    spark.sql(f"RESTORE TABLE delta.`{notes.lake.table('silver', DATASET)}` TO VERSION AS OF 0").collect()
    assert notes.rows("silver") == before
    assert notes.run("refine").changed
    assert notes.rows("rejected") == after
    assert len(notes.rows("silver")) + len(after) == 4


def test_rows_that_other_stages_rejected_stay(notes: SmallDataset, spark: SparkSession) -> None:
    bronze_texts(notes, "a.tsv", ["hello", ""])
    notes.run("refine")
    uri = notes.lake.table("rejected", DATASET)
    spark.sql(f"UPDATE delta.`{uri}` SET stage = 'label'").collect()  # noqa: S608
    bronze_texts(notes, "b.tsv", ["other"], batch=2)
    notes.run("refine")
    assert sorted(row["stage"] for row in notes.rows("rejected")) == ["label", "refine"]


def test_before_ingest_it_says_so(notes: SmallDataset) -> None:
    with pytest.raises(LakemintError, match="there is no bronze/notes yet; `lakemint run notes`"):
        notes.run("refine")


def test_a_contract_column_that_no_source_has_is_named(notes: SmallDataset) -> None:
    bronze_texts(notes, "a.tsv", ["hello"])
    notes.write(SOURCES, [TEXT, {"name": "txet", "logicalType": "string"}], refine=CLEAN)
    with pytest.raises(ContractError, match=r"\[txet\]: no source has such a column"):
        notes.run("refine")


def test_the_reviews_are_all_there(
    config: Config, notes: SmallDataset, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the raw files, by what the formats say and nothing of ours but the id."""
    land_reviews(notes.store, notes.lake, CHECKOUT / ".lakemint" / "cache")
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(CHECKOUT / "schemas"))
    raw = [
        (item.key, number, line)
        for item in notes.store.list("raw/reviews/")
        for number, line in enumerate(notes.store.get(item.key).decode("utf-8-sig").splitlines(), 1)
    ]
    assert len(raw) == 23_703
    texts = {" ".join(line.split("\t")[2].split()) for _, _, line in raw}
    assert run_job("ingest", "reviews").counts == {"objects": 4, "records": len(raw), "quarantined": 0}
    assert run_job("refine", "reviews").counts["silver"] == len(texts)

    def rows(table: str) -> list[dict[str, Any]]:
        found = read_table(spark, notes.lake.table(table, "reviews")).toArrow().to_pylist()
        return [dict(row) for row in found]

    silver, rejected = rows("silver"), rows("rejected")
    assert {row["sample_id"]: row["text"] for row in silver} == {sample_id([text]): text for text in texts}
    places = [(row["object"], row["line"]) for row in (*silver, *rejected)]
    assert sorted(places) == sorted((key, number) for key, number, _ in raw)
    assert {row["reason"] for row in rejected} == {"duplicate.exact"}


def test_records_of_a_source_the_recipe_no_longer_names_leave_with_that_reason(notes: SmallDataset) -> None:
    land_texts(notes, "a.tsv", ["hello", "world"])
    notes.write({**SOURCES, "chat": {"format": "jsonl", "columns": ["text", "by"]}}, [TEXT], refine=CLEAN)
    notes.land("chat/c.jsonl", b'{"text": "hello", "by": "x"}\n{"text": "other", "by": null}\n')
    notes.run("ingest")
    notes.write(SOURCES, [TEXT], refine=CLEAN)
    assert notes.run("refine").counts == {"records": 4, "silver": 2, "rejected": 2}
    assert {row["text"] for row in notes.rows("silver", "text")} == {"hello", "world"}
    assert [row["reason"] for row in notes.rows("rejected", "reason")] == ["source.removed"] * 2


def test_a_recipe_that_goes_back_after_a_kill_leaves_no_table_behind(notes: SmallDataset) -> None:
    bronze_texts(notes, "a.tsv", ["hello", ""])
    notes.run("refine")
    rejected = notes.rows("rejected")
    notes.write(SOURCES, [TEXT], refine=CLEAN[:1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lakemint.spark.replace_table", _killed)
        with pytest.raises(KeyboardInterrupt):
            notes.run("refine")
    assert notes.rows("rejected") == []
    notes.write(SOURCES, [TEXT], refine=CLEAN)
    notes.run("refine")
    assert notes.rows("rejected") == rejected


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


def test_a_column_may_change_its_spelling(notes: SmallDataset) -> None:
    spelled = {"mail": {"format": "tsv", "columns": ["id", "Text"]}}
    title = {"name": "Text", "logicalType": "string"}
    notes.write(spelled, [title], content=["Text"], refine=[], label={"known": "Text"})
    land_texts(notes, "a.tsv", ["hello"])
    notes.run("ingest")
    notes.write(SOURCES, [TEXT], refine=CLEAN)
    notes.run("ingest")
    notes.run("refine")
    assert [row["text"] for row in notes.rows("silver", "text")] == ["hello"]
