"""What a dataset's owner says of it, taken from the very contract that a version was published with."""

from dataclasses import dataclass, field
from typing import Any, Final

from lakemint.lake import Lake
from lakemint.published.documents import find_document
from lakemint.store import Store

REPLAYED: Final = "Recorded answers: an account is a position in a list of answers, not a person."
"""To be said wherever labels are described whose summary says `replayed`."""


@dataclass(frozen=True)
class Description:
    """Texts of a contract's owner; empty where the contract says nothing."""

    purpose: str = ""
    usage: str = ""
    limitations: str = ""
    license: str = ""
    """By `customProperties`, since the standard has no field for it: a URL, at best one of SPDX."""
    personal: dict[str, str] = field(default_factory=dict)
    """Column of gold → its `classification`."""


def described(store: Store, lake: Lake, dataset: str, digest: str) -> Description:
    """What the contract of this digest says, which was kept when the version was published; nothing without.

    Another contract, as it is by now, may say what was not so of the version.
    """
    contract = find_document(store, lake, dataset, digest)
    return Description() if contract is None else _described(contract)


def _described(contract: dict[str, Any]) -> Description:
    texts = contract.get("description") or {}
    custom = {item.get("property"): item.get("value") for item in contract.get("customProperties") or ()}
    columns = [
        column
        for table in contract.get("schema") or ()
        if table.get("name") == "gold"
        for column in table.get("properties") or ()
    ]
    return Description(
        **{name: str(texts.get(name) or "") for name in ("purpose", "usage", "limitations")},
        license=str(custom.get("license") or ""),
        personal={
            str(column.get("name")): str(column["classification"])
            for column in columns
            if column.get("classification")
        },
    )
