"""Which raw objects are new, and how they are spread over Spark's workers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from lakemint.dataset.recipe import Recipe
from lakemint.errors import LakemintError, NothingLanded
from lakemint.lake import Lake
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
    """What was ingested before, from the `objects` table."""

    known: dict[tuple[str, str], tuple[str, str]]
    """(object, etag) → (source, digest of the source as it was read by)."""
    batch: int = 0
    """The last one that gave an object; 0 for none."""

    @classmethod
    def of(cls, objects: "pa.Table") -> "Registry":
        """From the columns object, etag, source, source_digest, batch; about 500 bytes a raw object."""
        columns = [objects[name].to_pylist() for name in ("object", "etag", "source", "source_digest")]
        known = {(key, etag): (source, by) for key, etag, source, by in zip(*columns, strict=True)}
        return cls(known, max(objects["batch"].to_pylist(), default=0))


class Plan(NamedTuple):
    """What a batch reads."""

    objects: list[RawObject]
    """The largest first, so that they spread evenly."""
    again: list[str]
    """Sources whose rows are all replaced, since the recipe now reads them in another way."""

    def replaces(self, batch: int) -> str:
        """The rows that the batch takes the place of: its own, if it was killed before, and old ones."""
        return " OR ".join([f"batch = {batch}", *(f"source = '{source}'" for source in self.again)])


def landed(store: Store, lake: Lake, recipe: Recipe) -> list[RawObject]:
    """All raw objects of the recipe's sources; raises NothingLanded when there is none."""
    found = [
        RawObject(item.key, item.etag, source, item.size)
        for source in recipe.sources
        for item in store.list(lake.raw(recipe.dataset, source))
    ]
    if not found:
        places = ", ".join(lake.raw(recipe.dataset, source) for source in recipe.sources)
        raise NothingLanded(f"{recipe.dataset}: no raw objects; land some under {places} of {lake.root}")
    return found


def plan(found: list[RawObject], registry: Registry, recipe: Recipe, begun: Iterable[str] = ()) -> Plan:
    """The raw objects not ingested yet with these very bytes, and all of the sources that are read anew.

    `begun`: sources whose rows a killed batch had begun to replace. Raises LakemintError when an object of
    such a source is gone: what it gave could not be read again.
    """
    changed = {
        source
        for source, reading in registry.known.values()
        if source in recipe.sources and reading != recipe.sources[source].digest
    }
    again = changed | set(begun)
    _require_there(found, registry, recipe, again)
    new = [item for item in found if item.source in again or (item.object, item.etag) not in registry.known]
    return Plan(sorted(new, key=lambda item: (-item.size, item.object)), sorted(again))


def _require_there(found: list[RawObject], registry: Registry, recipe: Recipe, again: Iterable[str]) -> None:
    """Rows are replaced by what their object gives now: it must be there, if under other bytes."""
    there = {item.object for item in found}
    for source in again:
        needed = {key for (key, _), (known, _) in registry.known.items() if known == source}
        if source not in recipe.sources or needed - there:
            gone = min(needed - there) if needed - there else "the source"
            raise LakemintError(
                f"{recipe.dataset}/{source} is read anew, since the recipe changed how, but {gone} is gone: "
                "land it again, or let the recipe be as it was"
            )


def partitions(objects: list[RawObject]) -> int:
    """Few for many small objects, more for large ones; never more than objects."""
    by_size = sum(item.size for item in objects) // _PART_BYTES
    by_count = len(objects) // _PART_OBJECTS
    return max(1, min(len(objects), max(_LEAST_PARTS, by_size, by_count)))
