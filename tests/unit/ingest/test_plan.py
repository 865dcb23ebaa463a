"""What is new, and how it is spread."""

from pathlib import Path

import pyarrow as pa
import pytest

from lakemint.dataset.recipe import Recipe
from lakemint.errors import LakemintError
from lakemint.ingest.plan import RawObject, Registry, landed, partitions, plan
from lakemint.lake import Lake
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


def registry(recipe: Recipe, *ingested: tuple[str, str], reading: str = "") -> Registry:
    """What is known of `mail`: these (object, etag), read as the recipe says or in another way."""
    columns = {
        "object": [key for key, _ in ingested],
        "etag": [etag for _, etag in ingested],
        "source": ["mail"] * len(ingested),
        "source_digest": [reading or recipe.sources["mail"].digest] * len(ingested),
    }
    return Registry.of(pa.table({**columns, "batch": [4] * len(ingested)}))


FOUND = [RawObject("a", "1", "mail", 5), RawObject("b", "2", "mail", 5), RawObject("c", "1", "mailing", 9)]


def test_an_object_is_new_until_these_very_bytes_were_ingested(recipe: Recipe) -> None:
    todo = plan(FOUND, registry(recipe, ("a", "1"), ("b", "1")), recipe)
    assert [item.object for item in todo.objects] == ["c", "b"]
    assert todo.replaces(5) == "batch = 5"


def test_an_empty_registry_knows_nothing(recipe: Recipe) -> None:
    assert registry(recipe) == Registry({})
    assert len(plan(FOUND, registry(recipe), recipe).objects) == 3


def test_a_source_that_is_read_in_another_way_is_read_anew_and_replaces_its_rows(recipe: Recipe) -> None:
    todo = plan(FOUND, registry(recipe, ("a", "1"), reading="another"), recipe)
    assert [item.object for item in todo.objects] == ["c", "a", "b"]
    assert todo.replaces(5) == "batch = 5 OR source = 'mail'"


def test_a_replacement_that_was_killed_is_done_again_though_the_recipe_went_back(recipe: Recipe) -> None:
    todo = plan(FOUND, registry(recipe, ("a", "1"), ("b", "2")), recipe, begun=["mail"])
    assert [item.object for item in todo.objects] == ["c", "a", "b"]
    assert todo.replaces(5) == "batch = 5 OR source = 'mail'"


def test_bytes_that_an_object_no_longer_has_are_not_asked_for(recipe: Recipe) -> None:
    todo = plan(FOUND, registry(recipe, ("a", "0"), ("a", "1"), reading="another"), recipe)
    assert [item.object for item in todo.objects] == ["c", "a", "b"]


def test_rows_whose_object_is_gone_are_not_replaced(recipe: Recipe) -> None:
    with pytest.raises(LakemintError, match=r"notes/mail is read anew.*but gone is gone: land it again"):
        plan(FOUND, registry(recipe, ("a", "1"), ("gone", "1"), reading="another"), recipe)
    with pytest.raises(LakemintError, match=r"notes/post is read anew.*but the source is gone"):
        plan(FOUND, registry(recipe), recipe, begun=["post"])


@pytest.mark.parametrize(
    ("count", "size", "parts"),
    [(0, 0, 1), (1, 500 * MIB, 1), (4, 1000, 2), (1797, 300, 2), (100_000, 300, 50), (10, 100 * MIB, 10)],
)
def test_small_objects_share_a_partition_and_large_ones_do_not(count: int, size: int, parts: int) -> None:
    assert partitions([RawObject(str(n), "e", "s", size) for n in range(count)]) == parts
