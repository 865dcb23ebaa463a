"""From facts to the document: what a data card says, in which order."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from lakemint.amounts import size
from lakemint.datacard.changes import changes
from lakemint.datacard.document import Bars, Block, Code, Document, Facts, Row, Section, Table, Text
from lakemint.datacard.facts import CardFacts
from lakemint.datacard.lengths import Spread
from lakemint.names import TABLES
from lakemint.published.described import REPLAYED

MAX_LABELS: Final = 30
"""Labels that are shown, the commonest first."""
TENTATIVE, RELIABLE = 0.667, 0.8
"""Krippendorff's alpha below which no conclusion, and from which on a conclusion should be drawn.

Source: Krippendorff, "Content Analysis", 2004, p. 241.
"""


def compose(facts: CardFacts) -> Document:
    """The card; a section about which nothing is known is not there."""
    sections = (
        Section("Splits", tuple(_splits(facts.card["splits"]))),
        Section("Labels", tuple(_labels(facts.card["splits"]))),
        Section("Agreement", tuple(_agreement(facts.card["labels"]))),
        Section("Limits", tuple(_limits(facts))),
        Section("Baseline", tuple(_baseline(facts.card["baseline"]))),
        Section("Lengths", tuple(_lengths(facts.lengths, facts.card["counts"]["published"]))),
        Section("Since the version before", tuple(changes(facts.since, facts.unread))),
        Section("Gates", tuple(gates(facts.card["verdicts"]))),
        Section("Where the records went", tuple(_records(facts.card["counts"], facts.card["erased"]))),
        Section("Columns", tuple(_columns(facts))),
        Section("Made of", tuple(_made_of(facts.card))),
        Section("How to open it", tuple(_opening(facts.card))),
    )
    lead = facts.description.purpose or f"A version of the dataset {facts.card['dataset']}."
    kept = tuple(section for section in sections if section.blocks)
    return Document(facts.card["name"], lead, kept)


def _splits(splits: dict[str, Any]) -> Iterator[Block]:
    total = sum(split["rows"] for split in splits.values())
    yield Bars(
        f"{total:,} examples",
        ("rows",),
        tuple(_part(name, split["rows"], total) for name, split in splits.items()),
    )


def _part(label: str, rows: int, total: int) -> Row:
    share = rows / total if total else 0.0
    return Row(label, (share,), (f"{rows:,} ({share:.1%})",))


def _labels(splits: dict[str, Any]) -> Iterator[Block]:
    total: Counter[str] = Counter()
    for split in splits.values():
        total.update(split["labels"])
    if not total:
        return
    filled = {name: split for name, split in splits.items() if split["rows"]}
    rows = []
    for label, _ in total.most_common(MAX_LABELS):
        shares = tuple(split["labels"].get(label, 0) / split["rows"] for split in filled.values())
        counts = (split["labels"].get(label, 0) for split in filled.values())
        told = tuple(f"{count:,} ({share:.1%})" for count, share in zip(counts, shares, strict=True))
        rows.append(Row(label, shares, told))
    yield Bars("Share of each label in its split", tuple(filled), tuple(rows))
    if len(total) > MAX_LABELS:
        yield Text(f"{len(total) - MAX_LABELS:,} more labels are rarer.")


def _lengths(lengths: dict[str, Spread], published: int) -> Iterator[Block]:
    for name, spread in lengths.items():
        nulls = f", {spread.nulls:,} without a value" if spread.nulls else ""
        rows = spread.values + spread.nulls
        sample = f" in a sample of {rows:,} rows" if rows < published else ""
        caption = (
            f"{name}: {spread.least:,} to {spread.most:,} {spread.unit}, {spread.mean:,.1f} on average"
            f"{nulls}{sample}"
        )
        bins = range(min(spread.bins, default=0), max(spread.bins, default=-1) + 1)
        parts = tuple(_part(_interval(k), spread.bins.get(k, 0), spread.values) for k in bins)
        yield Bars(caption, (spread.unit,), parts)


def _interval(bits: int) -> str:
    """The lengths that have so many bits."""
    least, most = (1 << bits) >> 1, (1 << bits) - 1
    return f"{least:,}" if least >= most else f"{least:,} to {most:,}"


def _agreement(labels: dict[str, Any]) -> Iterator[Block]:
    alpha, mean = labels.get("alpha"), labels.get("mean_agreement")
    if alpha is not None:
        yield Bars(
            f"0 is what chance gives, 1 is perfect; below {RELIABLE} conclusions are tentative, "
            f"below {TENTATIVE} there are none",
            ("alpha",),
            (Row("Krippendorff's alpha", (max(0.0, alpha),), (f"{alpha:.2f}",)),),
            ((TENTATIVE, str(TENTATIVE)), (RELIABLE, str(RELIABLE))),
        )
    people = "accounts" if labels.get("replayed") else "annotators"
    known = (
        ("labeled samples", labels.get("samples")),
        ("answers", labels.get("answers")),
        (people, labels.get("annotators")),
        ("method", labels.get("method")),
        ("mean agreement", None if mean is None else f"{mean:.1%}"),
    )
    told = tuple((name, _number(value)) for name, value in known if value is not None)
    if told:
        yield Facts(told)


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _records(counts: dict[str, Any], erased: int) -> Iterator[Block]:
    kinds = {kind: counts[kind] for kind in ("published", "unlabeled", "rejected", "quarantined")}
    kinds |= {"erased": erased} if erased else {}
    yield Text(f"{counts['raw']:,} raw = " + " + ".join(f"{count:,} {kind}" for kind, count in kinds.items()))
    parts = (_part(kind, count, counts["raw"]) for kind, count in kinds.items())
    yield Bars("Raw records", ("records",), tuple(parts))


def gates(verdicts: list[dict[str, Any]]) -> Iterator[Block]:
    """What was judged, and what broke."""
    if not verdicts:
        return
    head = ("table", "version", "verdict", "checks passed")
    yield Table(head, tuple(_verdict(verdict) for verdict in verdicts))
    broken = [(verdict["table"], check) for verdict in verdicts for check in verdict["failed"]]
    if broken:
        yield Table(
            ("table", "severity", "column", "check", "rows that broke it"),
            tuple(
                (table, check["severity"], check["column"] or "", check["name"], f"{check['broken']:,}")
                for table, check in broken
            ),
        )


def _verdict(verdict: dict[str, Any]) -> tuple[str, ...]:
    passed = verdict["checks"] - len(verdict["failed"])
    word = "passed" if verdict["passed"] else "failed"
    return verdict["table"], str(verdict["version"]), word, f"{passed:,} of {verdict['checks']:,}"


def _baseline(score: dict[str, Any] | None) -> Iterator[Block]:
    if score is None:
        return
    yield Bars(
        f"A small linear model, trained on {score['train_rows']:,} rows, judged on {score['test_rows']:,}",
        ("accuracy",),
        (
            Row("baseline", (score["accuracy"],), (f"{score['accuracy']:.1%}",)),
            Row("always the commonest label", (score["majority"],), (f"{score['majority']:.1%}",)),
        ),
    )
    classes = sorted(score["per_class"].items(), key=lambda item: -item[1]["rows"])[:MAX_LABELS]
    yield Bars(
        "Recall of each label",
        ("recall",),
        tuple(
            Row(label, (marks["recall"],), (f"{marks['recall']:.1%} of {marks['rows']:,}",))
            for label, marks in classes
        ),
    )


def _limits(facts: CardFacts) -> Iterator[Block]:
    labels, score = facts.card["labels"], facts.card["baseline"]
    alpha = labels.get("alpha")
    if facts.description.limitations:
        yield Text(facts.description.limitations)
    if labels.get("replayed"):
        yield Text(REPLAYED)
    if alpha is not None and alpha < TENTATIVE:
        yield Text(
            f"People agree little about these labels: alpha {alpha:.2f} is below {TENTATIVE}, the least from "
            "which Krippendorff draws even tentative conclusions."
        )
    if score is not None and score["accuracy"] <= score["majority"]:
        yield Text("The baseline does no better than guessing the commonest label.")
    if empty := [name for name, split in facts.card["splits"].items() if not split["rows"]]:
        yield Text(f"Without examples: {', '.join(empty)}.")


def _columns(facts: CardFacts) -> Iterator[Block]:
    personal = facts.description.personal
    if not personal:
        yield Table(("column", "type"), tuple(facts.columns))
        return
    rows = tuple((name, kind, personal.get(name, "")) for name, kind in facts.columns)
    yield Table(("column", "type", "classification"), rows)


def _made_of(card: dict[str, Any]) -> Iterator[Block]:
    inputs = sorted(card["inputs"].items(), key=lambda item: (*TABLES, item[0]).index(item[0]))
    stored = [(split["shards"], split["bytes"]) for split in card["splits"].values()]
    shards, total = (sum(column) for column in zip(*stored, strict=True)) if stored else (0, 0)
    yield Facts(
        (
            ("tables", ", ".join(f"{table} {at['version']}" for table, at in inputs)),
            ("contract", card["contract"]),
            ("recipe", card["recipe"]),
            ("published", f"{card['published_at']} by lakemint {card['lakemint']}"),
            ("stored as", f"{shards:,} shards, {size(total)}"),
            *([("code", card["code"])] if card["code"] else []),
            ("digest", card["digest"]),
        )
    )


def _opening(card: dict[str, Any]) -> Iterator[Block]:
    name = card["name"]
    filled = [split for split, held in card["splits"].items() if held["rows"]]
    split = "train" if "train" in filled or not filled else filled[0]
    yield Code(
        "python", f'import lakemint\n\nversion = lakemint.open("{name}")\nexamples = version["{split}"]'
    )
    yield Code("console", f"$ lakemint version verify {name}\n$ lakemint version export {name} FOLDER")
