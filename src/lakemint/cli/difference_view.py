"""The difference between two versions on a terminal."""

import json
from collections.abc import Iterator
from typing import Any

from rich.text import Text

from lakemint.amounts import size
from lakemint.cli.card_view import short

MAX_SHARES = 6
"""Labels or splits shown, those that shifted most."""
_SAME = "unchanged"
_MINUS, _ALPHA, _TO = "\N{MINUS SIGN}", "\N{GREEK SMALL LETTER ALPHA}", "\N{RIGHTWARDS ARROW}"


def view(found: dict[str, Any]) -> Text:
    """A line for each matter: rows and shards, labels and agreement, splits, schema and what made it."""
    lines = [_title(found), _rows(found), _labels(found)]
    lines.append(Text.assemble(("splits  ", "dim"), _shares(found["splits"])))
    lines.append(_made_of(found))
    return Text("\n").join(lines)


def _title(found: dict[str, Any]) -> Text:
    before, after = found["before"], found["after"]
    if before["name"] == after["name"]:
        return Text(f"{before['name']} twice: one and the same version", "bold")
    title = Text.assemble((f"{before['name']} {_TO} {after['name']}", "bold"))
    title.append(f"   {before['rows']:,} {_TO} {after['rows']:,} rows")
    if found["same"]:
        title.append(f"   the same content, manifest {before['digest'][:12]}")
    return title


def _rows(found: dict[str, Any]) -> Text:
    rows, shards = found["rows"], found["shards"]
    text = Text.assemble(("rows    ", "dim"), (f"+{rows['added']:,}", "green" if rows["added"] else ""))
    text.append("  ").append(f"{_MINUS}{rows['removed']:,}", "red" if rows["removed"] else "")
    for kind in ("relabeled", "moved", "changed"):
        text.append(f"  {kind} ").append(f"{rows[kind]:,}", "yellow" if rows[kind] else "")
    text.append("   shards touched ", "dim").append(f"{shards['touched']:,} of {shards['of']:,}")
    return text.append(f" ({size(shards['bytes'])} of {size(shards['of_bytes'])})")


def _labels(found: dict[str, Any]) -> Text:
    text = Text.assemble(("labels  ", "dim"), _shares(found["labels"]))
    before, after = (found["alpha"][side] for side in ("before", "after"))
    if before is not None or after is not None:
        told = ("unknown" if alpha is None else f"{alpha:.2f}" for alpha in (before, after))
        text.append(f"   agreement {_ALPHA} ", "dim").append(f" {_TO} ".join(told))
    return text


def _shares(shares: dict[str, Any]) -> Text:
    """Each share before and after, those that shifted most first."""
    # Rounded, so that two labels that trade places do not change their order by a bit of arithmetic.
    by_shift = sorted(shares.items(), key=lambda item: -round(abs(item[1]["after"] - item[1]["before"]), 6))
    shown = [
        f"{short(name)} {share['before']:.1%} {_TO} {share['after']:.1%}"
        for name, share in by_shift[:MAX_SHARES]
    ]
    more = [f"… {len(by_shift) - MAX_SHARES:,} more"] if len(by_shift) > MAX_SHARES else []
    return Text(", ".join([*shown, *more]) or "none")


def _made_of(found: dict[str, Any]) -> Text:
    columns = "; ".join(_columns(found["schema"]))
    text = Text.assemble(("schema  ", "dim"), (columns, "yellow") if columns else "unchanged")
    for name in ("contract", "recipe"):
        told = _fields(found[name])
        text.append(f"   {name} ", "dim").append(told, "yellow" if told != _SAME else "")
    before, after = (short(found["lakemint"][side]) for side in ("before", "after"))
    text.append("   lakemint ", "dim").append(before if before == after else f"{before} {_TO} {after}")
    code = found["code"]
    return text if code["before"] == code["after"] else text.append(", other code", "yellow")


def _fields(document: dict[str, Any]) -> str:
    """`split.train 0.8 → 0.7`, for each field that changed."""
    told = document["changes"]
    if document["before"] == document["after"]:
        return _SAME
    if not told:
        return "changed"
    shown = [
        f"{short(one['field'])} {short(json.dumps(one['before']))} {_TO} {short(json.dumps(one['after']))}"
        for one in told[:MAX_SHARES]
    ]
    return ", ".join([*shown, *([f"… {len(told) - MAX_SHARES:,} more"] if len(told) > MAX_SHARES else [])])


def _columns(schema: dict[str, Any]) -> Iterator[str]:
    for word in ("added", "removed"):
        if schema[word]:
            yield f"{word} " + ", ".join(f"{short(name)} {kind}" for name, kind in schema[word].items())
    if schema["retyped"]:
        yield "retyped " + ", ".join(
            f"{short(name)} {kinds['before']} {_TO} {kinds['after']}"
            for name, kinds in schema["retyped"].items()
        )
    if schema["reordered"]:
        yield "columns reordered"
