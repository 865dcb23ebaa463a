"""A version's card on a terminal."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from lakemint.amounts import bar
from lakemint.names import TABLES
from lakemint.printable import printable

BAR = 8
"""Characters of a full bar."""
MAX_LABELS = 30
"""Labels a card shows, the commonest ones."""


def view(card: dict[str, Any]) -> RenderableType:
    """A panel: what the version is, its rows by split and label, then one line for each further matter."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(card):
        facts.add_row(name, value)
    title = Text.assemble((card["name"], "bold"), f"  {card['counts']['published']:,} examples")
    return Panel(
        Group(_balance(card["splits"]), Text(), facts),
        title=title,
        title_align="left",
        box=box.HORIZONTALS,  # no sides: the digest fits in 80 columns, and can be copied
        padding=(1, 0),
        expand=False,
    )


def versions(entries: list[dict[str, Any]]) -> RenderableType:
    """The table of a dataset's versions."""
    table = Table(box=box.SIMPLE_HEAD)
    for name, side in (
        ("version", "left"),
        ("digest", "left"),
        ("rows", "right"),
        ("splits", "left"),
        ("published at", "left"),
        ("baseline", "right"),
    ):
        table.add_column(name, justify=side)  # type: ignore[arg-type]
    for entry in entries:
        score = "-" if entry["baseline"] is None else f"{entry['baseline']:.1%}"
        table.add_row(
            *map(Text, (entry["name"], entry["digest"][:12], *_amounts(entry))),
            Text(short(entry["published_at"])),
            score,
        )
    return table


def short(text: str, width: int = 40) -> str:
    """One printable line of at most `width` characters."""
    clean = printable(text[: width + 1]).replace("\n", "\ufffd")
    return clean if len(clean) <= width else f"{clean[: width - 1]}…"


def _amounts(entry: dict[str, Any]) -> tuple[str, str]:
    """Rows and splits, and what became of them where the version is retired."""
    told = " · ".join(f"{short(name)} {rows:,}" for name, rows in (entry["splits"] or {}).items())
    if entry["retired"]:
        retired = f"retired {entry['retired']['at'][:10]}{', files are gone' if entry['gone'] else ''}"
        told = f"{told}\n{retired}".strip()
    return "-" if entry["rows"] is None else f"{entry['rows']:,}", told


def _balance(splits: dict[str, Any]) -> Table:
    """Rows are labels, columns are splits: each cell the label's share of the split."""
    total: Counter[str] = Counter()
    for split in splits.values():
        total.update(split["labels"])
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("label", style="dim")
    for name, split in splits.items():
        table.add_column(Text(f"{short(name)} {split['rows']:,}"))
    for label in sorted((label for label, _ in total.most_common(MAX_LABELS)), key=_natural):
        table.add_row(Text(short(label)), *(_cell(label, split) for split in splits.values()))
    if len(total) > MAX_LABELS:
        table.add_row(f"… {len(total) - MAX_LABELS} more")
    return table


def _natural(label: str) -> tuple[bool, int, str]:
    """Numbers by their size, before other labels by their letters."""
    is_number = label.isascii() and label.isdigit() and len(label) < 20
    return not is_number, int(label) if is_number else 0, label


def _cell(label: str, split: dict[str, Any]) -> Text:
    if not split["rows"]:
        return Text("-", style="dim")
    share = split["labels"].get(label, 0) / split["rows"]
    return Text.assemble((bar(share, BAR), "cyan"), f" {share:6.1%}")


def _facts(card: dict[str, Any]) -> Iterator[tuple[str, RenderableType]]:
    counts, labels = card["counts"], card["labels"]
    yield (
        "records",
        Text(
            f"{counts['raw']:,} raw = {counts['published']:,} published + {counts['unlabeled']:,} unlabeled"
            f" + {counts['rejected']:,} rejected + {counts['quarantined']:,} quarantined"
            + (f" + {card['erased']:,} erased" if card["erased"] else "")
        ),
    )
    yield "labels", _labels(labels)
    if labels.get("replayed") and labels.get("annotators"):
        yield "", Text("recorded answers: an account is a position in a list, not a person", style="dim")
    for verdict in card["verdicts"]:
        yield f"gate {verdict['table']}", _verdict(verdict)
    for signature in card["signatures"]:
        yield "signed by", _signature(signature)
    yield "baseline", _baseline(card["baseline"])
    if card["files"]:
        folder = card["files"][0].rpartition("/")[0]
        names = ", ".join(name.rpartition("/")[2] for name in card["files"])
        yield "stored", Text(f"{short(names, 80)} in {folder}/")
    inputs = sorted(card["inputs"].items(), key=lambda item: (*TABLES, item[0]).index(item[0]))
    yield "made of", Text(", ".join(f"{short(table)} v{at['version']}" for table, at in inputs))
    code = f", code {card['code'][:16]}…" if card["code"] else ""
    yield "published", Text(f"{short(card['published_at'])} by lakemint {short(card['lakemint'])}{code}")
    yield "digest", Text(card["digest"])
    if how := card["retired"]:
        gone = "; files of it are gone" if card["gone"] else ""
        words = f"{how['at'][:16].replace('T', ' ')} by {short(how['by'])}: {short(how['reason'], 200)}{gone}"
        yield "retired", Text(words, "yellow")
    for revision in card["revisions"]:
        yield "was", Text(f"{revision['manifest']} before {revision['rows']:,} rows were erased", "dim")


def _labels(labels: dict[str, Any]) -> Text:
    if labels.get("method") == "known" and labels.get("samples") is not None:
        return Text(f"{labels['samples']:,} samples whose records say the label")
    parts = [f"{labels['answers']:,} answers" if labels.get("answers") is not None else ""]
    parts.append(f"to {labels['samples']:,} samples" if labels.get("samples") is not None else "")
    people = "accounts" if labels.get("replayed") else "annotators"
    if labels.get("annotators"):
        parts.append(f"by {labels['annotators']} {people[:-1] if labels['annotators'] == 1 else people}")
    parts.append(f"({short(labels['method'])})" if labels.get("method") else "")
    if labels.get("alpha") is not None:
        parts.append(f"· alpha {labels['alpha']:.2f}")
    if labels.get("mean_agreement") is not None:
        parts.append(f"· mean agreement {labels['mean_agreement']:.1%}")
    return Text(" ".join(filter(None, parts)) or "known")


def _verdict(verdict: dict[str, Any]) -> Text:
    failed = verdict["failed"]
    mark = ("passed", "green") if verdict["passed"] else ("failed", "red")
    checks = f"{verdict['checks'] - len(failed)} of {verdict['checks']} checks"
    text = Text.assemble(mark, f"  {checks}  on version {verdict['version']}")
    for check in failed:
        where = f"{check['column']}: " if check["column"] else ""
        text.append(
            f"\n{check['severity']}  {where}{short(check['name'])}: {check['broken']:,} rows", "yellow"
        )
    return text


def _signature(signature: dict[str, Any]) -> Text:
    marks = {True: ("verified", "green"), False: ("not valid", "red"), None: ("not a trusted key", "dim")}
    return Text.assemble(f"{signature['key'][:16]}…  ", marks[signature["verified"]])


def _baseline(score: dict[str, Any] | None) -> Text:
    if score is None:
        return Text("not trained yet", style="dim")
    better = score["accuracy"] > score["majority"]
    return Text.assemble(
        (f"{score['accuracy']:.1%}", "green" if better else "yellow"),
        f" accuracy on {score['test_rows']:,} test rows, the commonest class alone {score['majority']:.1%}"
        f" (trained on {score['train_rows']:,})",
    )
