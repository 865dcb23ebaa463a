"""JSON Schemas of the stored records, for others' programs: `make schemas` writes `schemas/_records/`.

They are made of the models that check each record when it is read. Fields that they do not know are allowed:
a later minor revision may add some. The first manifests lack some fields, see `published.records`.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from lakemint.erase.records import Order, Receipt
from lakemint.export.record import ExportRecord
from lakemint.published.baseline import BaselineRecord
from lakemint.published.holds import Hold
from lakemint.published.leases import LeaseRecord
from lakemint.published.receipts import ReceiptRecord
from lakemint.published.records import ChannelRecord, Manifest, VerdictRecord
from lakemint.published.version_record import VersionRecord

RECORDS: Final[dict[str, type]] = {
    "baseline": BaselineRecord,
    "channel": ChannelRecord,
    "erasure": Receipt,
    "erasure-order": Order,
    "export": ExportRecord,
    "hold": Hold,
    "lease": LeaseRecord,
    "manifest": Manifest,
    "receipt": ReceiptRecord,
    "verdict": VerdictRecord,
    "version": VersionRecord,
}
"""By the name in their formats: `lakemint.manifest/2` is of a manifest."""
_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema(record: type) -> dict[str, Any]:
    """The JSON Schema, draft 2020-12, of a record as it is stored."""
    found = TypeAdapter(record).json_schema(by_alias=True)
    return {"$schema": _DRAFT, **found, "required": ["format", *found["required"]]}


def write(folder: Path) -> None:
    """Put each in its file, `<name>.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, record in RECORDS.items():
        (folder / f"{name}.json").write_text(json.dumps(schema(record), indent=2) + "\n")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
