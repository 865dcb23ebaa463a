"""Which raw objects are new, and how they are spread over Spark's workers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from lakemint.errors import LakemintError
from lakemint.lake import Lake
from lakemint.recipe import Recipe
from lakemint.store import Store

if TYPE_CHECKING:
    import pyarrow as pa

_PART_BYTES = 64 * 1024 * 1024
_PART_OBJECTS = 2_000
_LEAST_PARTS = 2


class RawObject(NamedTuple):
    """A raw object as listed. `object` is its key, relative to the lake's root."""

    object: str
    etag: str
    source: str
    size: int


class Registry(NamedTuple):
    """What was ingested before: the `objects` table's (object, etag) pairs, and its last batch (0: none)."""

    known: frozenset[tuple[str, str]]
    batch: int

    @classmethod
    def of(cls, objects: "pa.Table") -> "Registry":
        """From the columns object, etag, batch; about 200 bytes a raw object."""
        pairs = zip(objects["object"].to_pylist(), objects["etag"].to_pylist(), strict=True)
        return cls(frozenset(pairs), max(objects["batch"].to_pylist(), default=0))


def landed(store: Store, lake: Lake, recipe: Recipe) -> list[RawObject]:
    """All raw objects of the recipe's sources; raises LakemintError when there is none."""
    found = [
        RawObject(item.key, item.etag, source, item.size)
        for source in recipe.sources
        for item in store.list(lake.raw(recipe.dataset, source))
    ]
    if not found:
        places = ", ".join(lake.raw(recipe.dataset, source) for source in recipe.sources)
        raise LakemintError(f"{recipe.dataset}: no raw objects; land some under {places} of {lake.root}")
    return found


def new_objects(found: Iterable[RawObject], registry: Registry) -> list[RawObject]:
    """Those not ingested yet with these very bytes, the largest first, so that they spread evenly."""
    new = [item for item in found if (item.object, item.etag) not in registry.known]
    return sorted(new, key=lambda item: (-item.size, item.object))


def partitions(objects: list[RawObject]) -> int:
    """Few for many small objects, more for large ones; never more than objects."""
    by_size = sum(item.size for item in objects) // _PART_BYTES
    by_count = len(objects) // _PART_OBJECTS
    return max(1, min(len(objects), max(_LEAST_PARTS, by_size, by_count)))
