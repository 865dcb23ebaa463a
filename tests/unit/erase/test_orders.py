"""Orders and receipts of erasures, in a folder."""

import json
from pathlib import Path

import pytest

from lakemint.erase.orders import Erasures
from lakemint.erase.records import Found, Order, Receipt, Trace, digests_of_subjects
from lakemint.errors import FormatError, IntegrityError, LakemintError
from lakemint.keys import PrivateKey
from lakemint.lake import Lake
from lakemint.store.folder import FolderStore
from lakemint.subjects import Subjects

ANA = Subjects("author", "Ana Ruíz")
WHEN = "2026-11-23T12:00:00+00:00"
FOUND = Found(samples=["s"], traces=[], rows={"gold": 2}, tasks=1, lost_states=0)


@pytest.fixture
def erasures(tmp_path: Path) -> Erasures:
    return Erasures(FolderStore(tmp_path), Lake(f"file://{tmp_path}"), "notes")


def receipt_of(order: Order) -> Receipt:
    return Receipt(
        dataset=order.dataset,
        erasure=order.erasure,
        column=order.column,
        subjects=digests_of_subjects(order.erasure, order.subjects),
        by=order.by,
        ordered_at=order.ordered_at,
        done_at=WHEN,
        samples=1,
        records=1,
        unread=0,
        objects=1,
        rows={"gold": 1},
        tasks=0,
        versions=[],
        searched=["raw/notes/"],
        lost_states=0,
    )


def placed(erasures: Erasures, subjects: Subjects = ANA, when: str = WHEN) -> Order:
    """A new order that nobody agreed to yet."""
    order = erasures.order(subjects, "eva", when)
    assert isinstance(order, Order) and not order.is_due
    return order


def agreed(erasures: Erasures, subjects: Subjects = ANA, when: str = WHEN) -> Order:
    order = placed(erasures, subjects, when)
    erasures.agree(order)
    return now(erasures, order)


def begun(erasures: Erasures, order: Order) -> Order:
    erasures.replace(order, order.model_copy(update={"found": FOUND}))
    return now(erasures, order)


def now(erasures: Erasures, order: Order) -> Order:
    """The order as it is stored."""
    there = erasures.read(order.erasure)
    assert isinstance(there, Order)
    return there


def test_for_the_same_subjects_what_is_due_is_completed(erasures: Erasures) -> None:
    first, other = agreed(erasures), agreed(erasures, Subjects("author", "Bo"))
    assert erasures.order(ANA, "bo", WHEN) == first
    assert {one.erasure for one in erasures.due()} == {first.erasure, other.erasure}
    unfinished = receipt_of(first).model_copy(update={"done_at": None})
    erasures.replace(first, unfinished)
    assert erasures.order(ANA, "bo", WHEN) == unfinished
    erasures.replace(unfinished, receipt_of(first))
    assert placed(erasures) != first, "the first is complete"


def test_who_only_asks_what_would_go_leaves_nothing_to_be_carried_out(erasures: Erasures) -> None:
    """Neither does he take back what somebody else ordered meanwhile."""
    asked = placed(erasures)
    assert erasures.due() == []
    theirs = agreed(erasures)
    assert theirs.erasure != asked.erasure
    erasures.withdraw(asked)
    erasures.withdraw(theirs)
    assert erasures.all() == [theirs]
    with pytest.raises(LakemintError, match="notes has no erasure"):
        erasures.agree(asked)


def test_an_order_that_nobody_agreed_to_for_a_day_is_taken_back(erasures: Erasures) -> None:
    old = placed(erasures, when="2026-11-22T11:59:59+00:00")
    young = placed(erasures, when="2026-11-22T12:00:01+00:00")
    assert erasures.all() == [old, young]
    last = placed(erasures)
    assert erasures.all() == [young, last]


def test_what_has_begun_is_completed_first_and_stays(erasures: Erasures) -> None:
    first = agreed(erasures, Subjects("author", "Bo"), "2026-11-23T11:00:00+00:00")
    order = begun(erasures, agreed(erasures))
    erasures.withdraw(order)
    assert erasures.due() == [order, first]


def test_the_slower_of_two_runs_changes_nothing_of_what_the_faster_wrote(erasures: Erasures) -> None:
    order = agreed(erasures)
    faster = begun(erasures, order)
    receipt = receipt_of(order)
    assert erasures.replace(order, receipt) == faster
    assert erasures.replace(faster, receipt) == receipt
    assert erasures.replace(faster, receipt.model_copy(update={"records": 0})) == receipt
    assert erasures.all() == [receipt]


def test_a_receipt_does_not_name_the_subject_but_fits_only_that(erasures: Erasures, tmp_path: Path) -> None:
    order = placed(erasures)
    erasures.replace(order, receipt_of(order))
    said = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Ana" not in said
    (receipt,) = erasures.all()
    assert isinstance(receipt, Receipt)
    assert receipt.is_about(Subjects("author", " Ana  Ruíz ", "Bo"))
    assert not receipt.is_about(Subjects("author", "Ana"))
    assert receipt.subjects != digests_of_subjects(order.erasure[::-1], ANA)


def test_a_signature_is_of_every_word(erasures: Erasures) -> None:
    key, other = PrivateKey(b"1" * 32), PrivateKey(b"2" * 32)
    order = placed(erasures)
    plain = receipt_of(order)
    assert plain.signed(None) == plain
    assert not plain.is_signed_by(key.public)
    receipt = plain.signed(key)
    assert receipt.is_signed_by(key.public)
    assert not receipt.is_signed_by(other.public)
    assert "recorded" not in receipt.model_dump(mode="json"), "as receipts were before they told of it"
    others = {"records": 0, "recorded": 1, "rows": {}, "by": "bo", "done_at": "later", "key": "0" * 64}
    for name, value in others.items():
        assert not receipt.model_copy(update={name: value}).is_signed_by(key.public)
    erasures.replace(order, receipt)
    assert erasures.all() == [receipt]


def test_a_record_at_anothers_place_or_none_at_all_is_named(erasures: Erasures, tmp_path: Path) -> None:
    order = placed(erasures)
    (path,) = tmp_path.rglob("erasures/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset": "other"}))
    with pytest.raises(IntegrityError, match="of other; restore"):
        erasures.read(order.erasure)
    path.write_text('{"format": "lakemint.erasure/2"}')
    with pytest.raises(FormatError, match=r"'lakemint\.erasure/2', this Lakemint reads lakemint\.erasure/1"):
        erasures.all()
    with pytest.raises(LakemintError, match="no erasure's UUID"):
        erasures.read("../versions/00000001")


def test_what_two_searches_found_is_told_together() -> None:
    one = Trace(object="a", source="s", etag="1", lines=[1, 2, 5], records=2, unread=1)
    two = Trace(object="a", source="s", etag="2", lines=[4], records=1, unread=0)
    first = Found(samples=["x"], traces=[one], rows={"gold": 2, "bronze": 3}, tasks=2, lost_states=1)
    later = Found(samples=["y"], traces=[one, two], rows={"gold": 1, "silver": 1}, tasks=0, lost_states=5)
    first = first.model_copy(update={"keys": {"s": ["1", "2"]}, "recordings": [two]})
    later = later.model_copy(update={"keys": {"s": ["2", "3"], "t": ["1"]}, "recordings": [one, two]})
    both = first.and_(later)
    assert both.keys == {"s": ["1", "2", "3"], "t": ["1"]}
    assert ([trace.etag for trace in both.recordings], both.recorded) == (["2", "1"], 3)
    assert (both.samples, both.records, both.unread, both.objects) == (["x", "y"], 3, 1, 1)
    assert both.rows == {"gold": 2, "bronze": 3, "silver": 1}
    assert (both.tasks, both.is_anything) == (2, True)
    assert both.lost_states == 1, "the first run itself removed the other states"
