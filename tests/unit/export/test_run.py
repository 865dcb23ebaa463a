"""Exporting: what is written is the version, row by row; what is cut short goes on; what differs is named."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import lakemint
from lakemint.config import Config
from lakemint.datacard.compose import compose
from lakemint.datacard.facts import card_facts, measured
from lakemint.datacard.markdown import markdown
from lakemint.datacard.page import page
from lakemint.digest import sha256
from lakemint.errors import ExportError, IntegrityError, LakemintError
from lakemint.export.format import cut
from lakemint.export.parquet import Parquet
from lakemint.export.record import Claim
from lakemint.export.run import FORMATS, Exported, export, plan
from lakemint.names import Reference
from lakemint.published.opened import open_published
from lakemint.published.records import ShardRecord
from tests.unit.small_version import DATASET, manifest_and_shards, publish, row, settings

FIRST = Reference(DATASET, 1)
OWN = ["README.md", "card.html", "croissant.json"]
"""What every export has beside its examples, by name."""
ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(40)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = settings(tmp_path)
    publish(config, ROWS)
    return config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "out" / "notes"


@pytest.fixture
def tiny_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file a shard."""
    monkeypatch.setattr("lakemint.export.parquet.cut", lambda shards: cut(shards, 1))


def there(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def write(config: Config, folder: Path, **given: Any) -> Exported:
    return export(config, FIRST, "parquet", folder, **given)


def test_the_files_hold_the_versions_rows_and_nothing_else(config: Config, folder: Path) -> None:
    found = write(config, folder)
    data = ["data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]
    assert there(folder) == [*OWN, *data, "lakemint.json"]
    version = lakemint.open("notes@1", config=config)
    for split in ("train", "test"):
        table = pq.read_table(folder / f"data/{split}-00000-of-00001.parquet")
        assert table.equals(version[split].to_table())
    assert (found.rows, found.splits) == (40, {"train": 32, "validation": 0, "test": 8})
    assert (found.changed, sorted(found.files)) == (True, [*OWN, *data])


def test_the_record_names_version_files_and_digests(config: Config, folder: Path) -> None:
    write(config, folder)
    record = json.loads((folder / "lakemint.json").read_text())
    assert (record["version"], record["to"]) == ("notes@1", "parquet")
    assert record["digest"] == lakemint.open("notes@1", config=config).digest
    assert record["labels"] == ["a", "b"]
    named = [(file.get("split"), file.get("rows")) for file in record["files"]]
    assert named == [("train", 32), ("test", 8), *[(None, None)] * 3]
    for file in record["files"]:
        data = (folder / file["path"]).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), sha256(data))


@pytest.mark.usefixtures("tiny_files")
def test_a_file_holds_whole_shards_and_the_progress_counts_their_bytes(config: Config, folder: Path) -> None:
    told: list[tuple[int, int]] = []
    write(config, folder, progress=lambda done, total: told.append((done, total)))
    names = [f"data/{split}-{n:05d}-of-00003.parquet" for split in ("test", "train") for n in range(3)]
    assert there(folder) == [*OWN, *names, "lakemint.json"]
    size = sum(s.bytes for split in manifest_and_shards(ROWS)[0].splits.values() for s in split.shards)
    assert (len(told), told[-1]) == (6, (size, size))


def test_the_same_version_gives_the_same_bytes(config: Config, tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    write(config, one)
    write(config, other)
    assert [(one / name).read_bytes() for name in there(one)] == [
        (other / name).read_bytes() for name in there(other)
    ]


def test_a_whole_export_is_checked_and_left_as_it_is(config: Config, folder: Path) -> None:
    first = write(config, folder)
    before = {name: (folder / name).stat() for name in there(folder)}
    assert write(config, folder) == replace(first, changed=False)
    assert {name: (folder / name).stat() for name in there(folder)} == before
    harmed = folder / first.files[0]
    harmed.write_bytes(harmed.read_bytes()[:-1] + b"x")
    with pytest.raises(ExportError, match=r"train-00000-of-00001.parquet: changed since it was exported"):
        write(config, folder)
    harmed.unlink()
    with pytest.raises(ExportError, match=r"gone since it was exported; remove .* and export again"):
        write(config, folder)


def test_a_dry_run_says_how_much_and_writes_nothing(config: Config, folder: Path) -> None:
    found = plan(config, FIRST, "parquet", folder)
    assert not folder.exists()
    assert (found.dry_run, found.rows, len(found.files)) == (True, 40, 2)
    (folder / "x").mkdir(parents=True)
    with pytest.raises(ExportError, match="not empty"):
        plan(config, FIRST, "parquet", folder)


def test_a_folder_with_something_else_in_it_is_not_touched(config: Config, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "thesis.txt").write_text("x")
    with pytest.raises(ExportError, match="is not empty and holds no export; name a new or empty folder"):
        write(config, folder)
    assert there(folder) == ["thesis.txt"]
    with pytest.raises(ExportError, match="is no folder"):
        write(config, folder / "thesis.txt")


def test_a_folder_of_another_version_is_not_touched(config: Config, folder: Path) -> None:
    write(config, folder)
    publish(config, ROWS[1:])
    with pytest.raises(ExportError, match="holds notes@1 as parquet already; name another folder"):
        export(config, Reference(DATASET, 2), "parquet", folder)
    (folder / "lakemint.json").write_text("{}")
    with pytest.raises(ExportError, match=r"lakemint.json: not the record of an export"):
        write(config, folder)


class Killed(BaseException):
    """As if the process ended here."""


@pytest.mark.usefixtures("tiny_files")
@pytest.mark.parametrize("survivors", range(6))
def test_an_export_that_was_cut_short_goes_on(
    config: Config, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survivors: int
) -> None:
    asked: list[Path] = []

    def dying(self: Parquet, version: Any, part: Any, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        asked.append(path)
        if len(asked) > survivors:
            path.write_bytes(b"PAR1 and then")
            raise Killed
        write_parquet(self, version, part, batches, path)

    write_parquet = Parquet.write
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Parquet, "write", dying)
        write(config, folder)
    names = there(folder)
    assert "lakemint.json" not in names
    assert "lakemint.unfinished.json" in names
    assert sum(name.endswith(".parquet") for name in names) == survivors
    assert write(config, folder).changed
    whole = tmp_path / "whole"
    write(config, whole)
    assert there(folder) == there(whole)
    assert [(folder / name).read_bytes() for name in there(folder)] == [
        (whole / name).read_bytes() for name in there(whole)
    ]


def test_the_beginning_of_another_export_is_not_taken_up(config: Config, folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "lakemint.unfinished.json").write_text('{"version": "digits@9"}')
    with pytest.raises(ExportError, match="holds the beginning of another export"):
        write(config, folder)
    (folder / "lakemint.unfinished.json").write_bytes(b"")  # killed before it said what it was
    assert write(config, folder).changed


@pytest.mark.usefixtures("tiny_files")
def test_a_file_that_was_harmed_while_the_export_stood_is_named(config: Config, folder: Path) -> None:
    write(config, folder)
    record = json.loads((folder / "lakemint.json").read_text())
    (folder / "lakemint.json").unlink()
    claim = Claim(**{name: record[name] for name in ("version", "digest", "to", "lakemint")})
    (folder / "lakemint.unfinished.json").write_bytes(claim.data)
    one, other = folder / "data/train-00000-of-00003.parquet", folder / "data/train-00001-of-00003.parquet"
    other.write_bytes(one.read_bytes())
    with pytest.raises(ExportError, match=r"train-00001-of-00003.parquet: not what notes@1 holds: row"):
        write(config, folder)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.slice(1), "row 1 is not that of the version"),
        (lambda table: table.slice(0, table.num_rows - 1), "31 rows, the version has 32 there"),
        (lambda table: pa.concat_tables([table, table]), "64 rows, the version has 32 there"),
        (lambda table: table.drop_columns(["stars"]), "its columns are sample_id string, text string, label"),
    ],
)
def test_what_is_written_wrong_is_found_and_not_left_behind(
    config: Config, folder: Path, monkeypatch: pytest.MonkeyPatch, change: Any, words: str
) -> None:
    def wrong(self: Parquet, version: Any, part: Any, batches: Iterable[pa.RecordBatch], path: Path) -> None:
        pq.write_table(change(pa.Table.from_batches(batches)), path)

    monkeypatch.setattr(Parquet, "write", wrong)
    with pytest.raises(ExportError, match=f"train-00000-of-00001.parquet: not what notes@1 holds: {words}"):
        write(config, folder)
    assert there(folder) == ["lakemint.unfinished.json"]


def test_a_harmed_shard_is_named_and_ends_the_export(config: Config, folder: Path) -> None:
    shard = sorted(Path(config.lake.removeprefix("file://")).glob("published/notes/shards/*"))[0]
    shard.write_bytes(shard.read_bytes()[::-1])
    with pytest.raises(IntegrityError, match=shard.name):
        write(config, folder)
    assert "lakemint.json" not in there(folder)


def test_two_exports_into_one_folder_do_not_meet(config: Config, folder: Path) -> None:
    def second(done: int, total: int) -> None:
        with pytest.raises(ExportError, match="another process is exporting into"):
            write(config, folder)

    assert write(config, folder, progress=second).changed


def test_a_folder_that_cannot_be_written_is_an_error_of_ours(config: Config, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="/proc/"):
        write(config, Path("/proc/notes"))


def test_a_format_or_a_split_that_cannot_be_is_an_error(config: Config, folder: Path) -> None:
    with pytest.raises(ExportError, match="no format 'pickle': there are parquet, huggingface, "):
        export(config, FIRST, "pickle", folder)
    split = manifest_and_shards(ROWS)[0].splits["train"]
    publish(config, ROWS, changed={"splits": {"../../train": split}})
    with pytest.raises(LakemintError, match=r"'../../train' is no split name"):
        export(config, Reference(DATASET, 2), "parquet", folder)


def test_shards_are_cut_into_files_by_their_size() -> None:
    def shard(size: int, rows: int = 1) -> ShardRecord:
        return ShardRecord(sha256=f"{size:064d}", bytes=size, rows=rows)

    shards = [shard(4), shard(5), shard(2), shard(30), shard(1), shard(3, rows=0)]
    assert [[s.bytes for s in piece] for piece in cut(shards, 10)] == [[4, 5], [2], [30], [1]]
    assert cut([]) == []


@pytest.mark.parametrize("to", FORMATS)
def test_every_export_has_the_data_card(config: Config, folder: Path, to: str) -> None:
    export(config, FIRST, to, folder)
    version = open_published(config, FIRST)
    card = compose(card_facts(config, version, measured(version)))
    assert (folder / "README.md").read_text().endswith(markdown(card))
    assert (folder / "card.html").read_text() == page(card)
