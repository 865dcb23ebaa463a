"""The card as a person sees it."""

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from lakemint.amounts import bar
from lakemint.cli.card_view import MAX_LABELS, short, versions, view


def shown(thing: Any, width: int = 110) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(thing)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    return str(text)


def card(**changed: Any) -> dict[str, Any]:
    return {
        "name": "reviews@3",
        "digest": "ab" * 32,
        "published_at": "2026-11-22T12:00:00+00:00",
        "retired": None,
        "gone": False,
        "lakemint": "0.1.0",
        "code": "fe" * 32,
        "inputs": {
            name: {"version": at, "commit": "c"} for name, at in (("gold", 2), ("bronze", 0), ("silver", 1))
        },
        "counts": {"raw": 23703, "published": 200, "unlabeled": 23414, "rejected": 84, "quarantined": 5},
        "splits": {
            "train": {"rows": 160, "labels": {"neg": 40, "pos": 120}},
            "validation": {"rows": 40, "labels": {"neg": 20, "pos": 20}},
            "test": {"rows": 0, "labels": {}},
        },
        "labels": {
            "samples": 240,
            "answers": 1200,
            "annotators": 5,
            "alpha": 0.5612,
            "mean_agreement": 0.7,
            "method": "majority",
            "replayed": True,
        },
        "signatures": [{"key": "cd" * 32, "verified": True}],
        "verdicts": [
            {
                "table": "gold",
                "version": 2,
                "passed": True,
                "checks": 5,
                "failed": [{"name": "length", "column": "text", "severity": "warning", "broken": 3}],
            }
        ],
        "baseline": {"accuracy": 0.61, "majority": 0.5, "test_rows": 20, "train_rows": 160},
        "erased": 0,
        "revisions": [],
        "files": [f"s3://lake/published/reviews/card/00000003/card.{kind}" for kind in ("html", "md")],
        **changed,
    }


def test_a_card_says_all_there_is_to_know() -> None:
    text = shown(view(card()))
    for words in (
        "reviews@3",
        "200 examples",
        "train 160",
        "23,703 raw = 200 published + 23,414 unlabeled + 84 rejected + 5 quarantined",
        "1,200 answers to 240 samples by 5 accounts (majority) · alpha 0.56 · mean agreement 70.0%",
        "an account is a position in a list, not a person",
        "passed  4 of 5 checks  on version 2",
        "warning  text: length: 3 rows",
        "cdcdcdcdcdcdcdcd…  verified",
        "card.html, card.md in s3://lake/published/reviews/card/00000003/",
        "61.0% accuracy on 20 test rows, the commonest class alone 50.0%",
        "bronze v0, silver v1, gold v2",
        "2026-11-22T12:00:00+00:00 by lakemint 0.1.0, code fefefefefefefefe…",
        "ab" * 32,
    ):
        assert words in text
    line = next(line for line in text.splitlines() if " pos " in line)
    assert "██████" in line
    assert "75.0%" in line
    assert "50.0%" in line


def test_nothing_is_made_up_where_nothing_is_known() -> None:
    none = dict.fromkeys(
        ["samples", "answers", "annotators", "alpha", "mean_agreement", "method", "replayed"]
    )
    text = shown(view(card(labels=none, baseline=None, verdicts=[], signatures=[])))
    assert "not trained yet" in text
    assert "alpha" not in text
    assert "position in a list" not in text
    assert "signed by" not in text
    assert "None" not in text


def test_the_whole_digest_is_readable_on_a_narrow_terminal() -> None:
    text = shown(view(card()), width=60)
    assert "".join(part for part in text.split() if set(part) == {"a", "b"}) == "ab" * 32


@pytest.mark.parametrize("label", ["[red]x[/red]", "[/]", "\x1b]0;owned\x07", "a\nb", "x" * 500])
def test_a_hostile_label_is_only_text(label: str) -> None:
    splits = {"train": {"rows": 1, "labels": {label: 1}}}
    text = shown(view(card(splits=splits)))
    assert "\x1b" not in text
    assert short(label)[:10] in text


def test_many_labels_are_cut_with_a_count() -> None:
    labels = {f"label{n}": n for n in range(1, MAX_LABELS + 6)}
    text = shown(view(card(splits={"train": {"rows": sum(labels.values()), "labels": labels}})))
    assert "… 5 more" in text
    assert f"label{MAX_LABELS + 5} " in text
    assert "label1 " not in text


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0, "    "), (1, "████"), (0.5, "██  "), (0.03125, "▏   "), (2, "████"), (-1, "    ")],
)
def test_bars(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


def test_versions_are_a_table() -> None:
    entry = {
        "version": 1,
        "name": "reviews@1",
        "digest": "cd" * 32,
        "rows": 1234,
        "splits": {"train": 1000, "test": 234},
        "published_at": "2026-11-22T12:00:00+00:00",
        "retired": None,
        "gone": False,
        "baseline": None,
    }
    text = shown(versions([entry, {**entry, "name": "reviews@2", "baseline": 0.5}]))
    assert "reviews@1  cdcdcdcdcdcd" in text.replace("   ", "  ")
    assert "train 1,000 · test 234" in text
    assert "50.0%" in text
