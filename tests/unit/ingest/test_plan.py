"""What is new, and how it is spread."""

from pathlib import Path

import pyarrow as pa
import pytest

from lakemint.errors import LakemintError
from lakemint.ingest.plan import RawObject, Registry, landed, new_objects, partitions
from lakemint.lake import Lake
from lakemint.recipe import Recipe
from lakemint.store import FolderStore

MIB = 1024 * 1024


@pytest.fixture
def recipe() -> Recipe:
    lined = {"format": "tsv", "columns": ["text"]}
    sources = {"mail": lined, "mailing": lined}
    return Recipe.model_validate(
        {"dataset": "notes", "sources": sources, "content": ["text"], "label": {"known": "text"}}
    )


def test_landed_objects_bear_their_source(tmp_path: Path, recipe: Recipe) -> None:
    store, lake = FolderStore(tmp_path), Lake(f"file://{tmp_path}")
    store.put("raw/notes/mail/b", b"22")
    store.put("raw/notes/mailing/a", b"1")
    store.put("raw/notes/other/a", b"1")
    store.put("raw/notes2/mail/a", b"1")
    found = [(item.object, item.source, item.size) for item in landed(store, lake, recipe)]
    assert found == [("raw/notes/mail/b", "mail", 2), ("raw/notes/mailing/a", "mailing", 1)]


def test_nothing_landed_is_an_error_that_says_where_to_land(tmp_path: Path, recipe: Recipe) -> None:
    with pytest.raises(LakemintError, match="notes: no raw objects; land some under raw/notes/mail/"):
        landed(FolderStore(tmp_path), Lake(f"file://{tmp_path}"), recipe)


def test_an_object_is_new_until_these_very_bytes_were_ingested() -> None:
    table = pa.table({"object": ["a", "b"], "etag": ["1", "1"], "batch": [1, 4]})
    registry = Registry.of(table)
    assert registry.batch == 4
    found = [
        RawObject(key, etag, "s", size) for key, etag, size in [("a", "1", 5), ("b", "2", 5), ("c", "1", 9)]
    ]
    assert [item.object for item in new_objects(found, registry)] == ["c", "b"]


def test_an_empty_registry_knows_nothing() -> None:
    assert Registry.of(pa.table({"object": [], "etag": [], "batch": []})) == Registry(frozenset(), 0)


@pytest.mark.parametrize(
    ("count", "size", "parts"),
    [(0, 0, 1), (1, 500 * MIB, 1), (4, 1000, 2), (1797, 300, 2), (100_000, 300, 50), (10, 100 * MIB, 10)],
)
def test_small_objects_share_a_partition_and_large_ones_do_not(count: int, size: int, parts: int) -> None:
    assert partitions([RawObject(str(n), "e", "s", size) for n in range(count)]) == parts
