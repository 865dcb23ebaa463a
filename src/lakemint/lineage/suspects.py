"""What somebody suspects, be it sources, raw objects, annotators or samples, as rows to be looked for."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from lakemint.config import Config
from lakemint.errors import LakemintError
from lakemint.label.accounts import pseudonym
from lakemint.lake import Lake
from lakemint.lineage.table_samples import TableSamples
from lakemint.names import SAMPLE_ID, SOURCE
from lakemint.published.documents import find_document
from lakemint.published.records import Manifest
from lakemint.store import Store

_PLACES: Final = {
    "source": ("silver", SOURCE),
    "object": ("silver", "object"),
    "annotator": ("annotations", "annotator"),
}
"""Kind → the table, and the column in it, that tie samples to one."""
KINDS: Final = (*_PLACES, "sample")
_SHOWN: Final = 20
"""Names that an error tells, at most."""


@dataclass(frozen=True)
class Suspects:
    """Rows of one version: those that have one of these values in a column."""

    column: str
    values: pa.Array
    told_by: str
    """`rows`: the version's own; `silver`: the state of it that the version was made of; `silver now`."""

    @cached_property
    def digest(self) -> str:
        """The same for what is the same to look for."""
        return hashlib.sha256(pa.record_batch([self.values], [self.column]).serialize()).hexdigest()

    def among(self, rows: pa.RecordBatch) -> pa.BooleanArray:
        """Which rows are meant, of shape (rows,)."""
        return pc.is_in(rows.column(self.column), value_set=self.values)


class Question:
    """Which rows of a dataset's versions are of some sources, raw objects or annotators, or are some samples.

    A raw object is named by its key, an annotator by the pseudonym that annotations have, or by an e-mail.
    """

    def __init__(
        self, config: Config, store: Store, lake: Lake, dataset: str, asked: tuple[str, Sequence[str]]
    ):
        """`asked`: one of `KINDS`, and the names. Raises ConfigError for an e-mail without annotator key."""
        self.kind, names = asked
        self._store, self._lake, self.dataset = store, lake, dataset
        self.names = sorted({self._name(config, name) for name in names})
        self._values = pa.array(self.names, pa.string())
        self._samples = None
        if self.kind in _PLACES:
            table, column = _PLACES[self.kind]
            self._samples = TableSamples(store, lake, dataset, table, (column, self._values))

    def of(self, manifest: Manifest) -> Suspects:
        """What to look for in that version; raises as `TableSamples.ids`."""
        if self._samples is None:
            return Suspects(SAMPLE_ID, self._values, "rows")
        if self.kind == "source" and SOURCE in [column.name for column in manifest.columns]:
            return Suspects(SOURCE, self._values, "rows")
        table = self._samples.table
        ids, is_exact = self._samples.ids(manifest.inputs.get(table))
        return Suspects(SAMPLE_ID, ids, table if is_exact else f"{table} now")

    def require_known(self, manifests: Iterable[Manifest]) -> None:
        """Raises LakemintError for what none of these versions, all of them asked about, can have known."""
        if self._samples is None:
            return
        known = {*self._samples.known, *self._others(manifests)}
        if missing := [name for name in self.names if name not in known]:
            shown = (
                "" if self.kind == "object" else f"; there are {', '.join(sorted(known)[:_SHOWN]) or 'none'}"
            )
            raise LakemintError(f"{self.dataset} has no {self.kind} {', '.join(missing[:_SHOWN])}{shown}")

    def _others(self, manifests: Iterable[Manifest]) -> Iterable[str]:
        """Names that are known although no sample has them."""
        if self.kind == "source":
            for digest in {manifest.recipe for manifest in manifests}:
                recipe = find_document(self._store, self._lake, self.dataset, digest) or {}
                yield from recipe.get("sources") or ()
        if self.kind == "object":
            yield from (key for key in self.names if self._store.stat(key) is not None)

    def _name(self, config: Config, name: str) -> str:
        if self.kind == "annotator" and "@" in name:
            return pseudonym(config.need("annotator_key"), name)
        if self.kind != "object":
            return name
        key = name.removeprefix(f"{self._lake.root}/")
        return key if key.startswith("raw/") else f"raw/{self.dataset}/{key}"
