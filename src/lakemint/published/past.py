"""What a dataset's versions were made by, the newest first: what the recipe of now no longer says."""

from collections.abc import Iterator
from typing import Any

from lakemint.lake import Lake
from lakemint.published.catalog import numbers
from lakemint.published.documents import find_document
from lakemint.published.version_record import find_manifest, read_version
from lakemint.store.base import Store


def past_recipes(store: Store, lake: Lake, dataset: str) -> Iterator[dict[str, Any]]:
    """The recipes of the versions of which something is kept, each once, as plain data.

    Raises IntegrityError, StoreError.
    """
    seen = set()
    for number in reversed(numbers(store, lake, dataset)):
        manifest = find_manifest(store, lake, read_version(store, lake, dataset, number))
        if manifest is None or manifest.recipe in seen:
            continue
        seen.add(manifest.recipe)
        if (document := find_document(store, lake, dataset, manifest.recipe)) is not None:
            yield document
