"""What a version was made by is kept with it, and two of them are compared field by field."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.config import Config
from lakemint.digest import canonical, digest_of
from lakemint.errors import IntegrityError
from lakemint.lake import Lake
from lakemint.published.documents import changes, find_document
from lakemint.store import open_store

RECIPE = {
    "split": {"train": 0.8, "test": 0.2},
    "content": ["text"],
    "refine": [{"drop": {"empty": ["text"]}}],
}
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


def test_a_document_is_what_its_digest_says_or_nothing(tmp_path: Path) -> None:
    config = Config(lake=f"file://{tmp_path}")
    store, lake = open_store(config), Lake(config.lake)
    digest = digest_of(RECIPE)
    assert find_document(store, lake, "notes", digest) is None
    store.put(lake.document("notes", digest), canonical(RECIPE))
    assert find_document(store, lake, "notes", digest) == RECIPE
    store.put(lake.document("notes", digest), b"{}")
    with pytest.raises(IntegrityError, match=f"documents/{digest}.json: not the bytes"):
        find_document(store, lake, "notes", digest)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"split": {"train": 0.7, "test": 0.2}}, [("split.train", 0.8, 0.7)]),
        ({"split": {"train": 0.8}}, [("split.test", 0.2, None)]),
        ({"near": {"jaccard": 0.8}}, [("near", None, {"jaccard": 0.8})]),
        ({"refine": [{"drop": {"empty": ["title"]}}]}, [("refine[0].drop.empty[0]", "text", "title")]),
        ({"content": ["text", "title"]}, [("content", ["text"], ["text", "title"])]),
    ],
)
def test_fields_that_differ_are_named(change: dict[str, Any], expected: list[tuple[Any, ...]]) -> None:
    assert [tuple(found.values()) for found in changes(RECIPE, {**RECIPE, **change})] == expected


@given(plain, plain)
def test_there_are_changes_just_where_documents_differ(before: Any, after: Any) -> None:
    assert not [*changes(before, before)]
    if type(before) is type(after) and before != after:
        assert [*changes(before, after)]
