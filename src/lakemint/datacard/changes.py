"""What a data card says of the drift from the version before."""

from collections.abc import Iterator
from typing import Any, Final

from lakemint.amounts import size
from lakemint.datacard.document import Bars, Block, Facts, Row, Text

MAX_SHARES: Final = 20
"""Labels or splits that are shown, those that shifted most."""


def changes(since: dict[str, Any] | None, unread: str) -> Iterator[Block]:
    """The difference, or why there is none; nothing for a first version."""
    if unread:
        yield Text(unread)
    if since is None:
        return
    names = (since["before"]["name"], since["after"]["name"])
    yield Facts(tuple(_facts(since)))
    for caption, shares in (
        ("Share of each label", since["labels"]),
        ("Share of each split", since["splits"]),
    ):
        if shares:
            yield Bars(caption, names, _shifts(shares))


def _facts(since: dict[str, Any]) -> Iterator[tuple[str, str]]:
    rows, shards, alpha = since["rows"], since["shards"], since["alpha"]
    yield "compared with", f"{since['before']['name']}, {since['before']['rows']:,} rows"
    yield "rows", ", ".join(f"{count:,} {kind}" for kind, count in rows.items())
    yield "new shards", f"{shards['touched']:,} of {shards['of']:,}, {size(shards['bytes'])}"
    if alpha["before"] is not None or alpha["after"] is not None:
        told = ["unknown" if value is None else f"{value:.2f}" for value in alpha.values()]
        yield "alpha", " → ".join(told)
    yield "schema", _schema(since["schema"])
    for name in ("contract", "recipe"):
        same = since[name]["before"] == since[name]["after"]
        yield name, "unchanged" if same else "changed"


def _schema(schema: dict[str, Any]) -> str:
    parts = [f"{kind} {', '.join(schema[kind])}" for kind in ("added", "removed", "retyped") if schema[kind]]
    parts += ["columns in another order"] if schema["reordered"] else []
    return "; ".join(parts) or "unchanged"


def _shifts(shares: dict[str, dict[str, float]]) -> tuple[Row, ...]:
    """Those that shifted most, in the order in which they came."""
    by_shift = sorted(shares, key=lambda name: -round(abs(shares[name]["after"] - shares[name]["before"]), 6))
    shown = set(by_shift[:MAX_SHARES])
    return tuple(
        Row(name, (share["before"], share["after"]), (f"{share['before']:.1%}", f"{share['after']:.1%}"))
        for name, share in shares.items()
        if name in shown
    )
