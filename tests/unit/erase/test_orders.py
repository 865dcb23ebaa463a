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
        objects=1,
        rows={"gold": 1},
        tasks=0,
        versions=[],
        searched=["raw/notes/"],
        lost_states=0,
    )


def test_of_one_subject_there_is_one_open_order(erasures: Erasures) -> None:
    first, is_new = erasures.order(ANA, "eva", WHEN)
    assert is_new
    assert erasures.order(ANA, "bo", WHEN) == (first, False)
    other, _ = erasures.order(Subjects("author", "Bo"), "eva", WHEN)
    assert {one.erasure for one in erasures.orders()} == {first.erasure, other.erasure}
    erasures.write(receipt_of(first))
    assert erasures.order(ANA, "bo", WHEN)[1], "the first is complete"


def test_only_what_has_not_begun_can_be_withdrawn(erasures: Erasures) -> None:
    order, _ = erasures.order(ANA, "eva", WHEN)
    erasures.write(order.model_copy(update={"found": FOUND}))
    erasures.withdraw(order.erasure)
    assert len(erasures.orders()) == 1
    erasures.write(order)
    erasures.withdraw(order.erasure)
    assert erasures.orders() == []
    with pytest.raises(LakemintError, match="notes has no erasure"):
        erasures.read(order.erasure)


def test_a_receipt_does_not_name_the_subject_but_fits_only_that(erasures: Erasures, tmp_path: Path) -> None:
    order, _ = erasures.order(ANA, "eva", WHEN)
    erasures.write(receipt_of(order))
    said = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert b"Ana" not in said
    (receipt,) = erasures.receipts()
    assert receipt.is_about(Subjects("author", " Ana  Ruíz ", "Bo"))
    assert not receipt.is_about(Subjects("author", "Ana"))
    assert receipt.subjects != digests_of_subjects(order.erasure[::-1], ANA)


def test_a_signature_is_of_every_word(erasures: Erasures) -> None:
    key, other = PrivateKey(b"1" * 32), PrivateKey(b"2" * 32)
    plain = receipt_of(erasures.order(ANA, "eva", WHEN)[0])
    assert plain.signed(None) == plain
    assert not plain.is_signed_by(key.public)
    receipt = plain.signed(key)
    assert receipt.is_signed_by(key.public)
    assert not receipt.is_signed_by(other.public)
    for name, value in {"records": 0, "rows": {}, "by": "bo", "done_at": "later", "key": "0" * 64}.items():
        assert not receipt.model_copy(update={name: value}).is_signed_by(key.public)
    erasures.write(receipt)
    assert erasures.receipts() == [receipt]


def test_a_record_at_anothers_place_or_none_at_all_is_named(erasures: Erasures, tmp_path: Path) -> None:
    order, _ = erasures.order(ANA, "eva", WHEN)
    (path,) = tmp_path.rglob("erasures/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "dataset": "other"}))
    with pytest.raises(IntegrityError, match="of other; restore"):
        erasures.read(order.erasure)
    path.write_text('{"format": "lakemint.erasure/2"}')
    with pytest.raises(FormatError, match=r"'lakemint\.erasure/2', this Lakemint reads lakemint\.erasure/1"):
        erasures.receipts()
    with pytest.raises(LakemintError, match="no erasure's UUID"):
        erasures.read("../versions/00000001")


def test_what_two_searches_found_is_told_together() -> None:
    one = Trace(object="a", source="s", etag="1", lines=[1, 2])
    two = Trace(object="a", source="s", etag="2", lines=[4])
    first = Found(samples=["x"], traces=[one], rows={"gold": 2, "bronze": 3}, tasks=2, lost_states=0)
    later = Found(samples=["y"], traces=[one, two], rows={"gold": 1, "silver": 1}, tasks=0, lost_states=1)
    both = first.and_(later)
    assert (both.samples, both.records, both.objects) == (["x", "y"], 3, 1)
    assert both.rows == {"gold": 2, "bronze": 3, "silver": 1}
    assert (both.tasks, both.lost_states, both.is_anything) == (2, 1, True)
