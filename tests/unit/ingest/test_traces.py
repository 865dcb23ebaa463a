"""Where a subject stands in raw objects: its records, and unreadable lines with its name; nobody else's."""

import gzip
import json
import tracemalloc
from pathlib import Path

import pytest

from lakemint.errors import LakemintError, ObjectExists, UnsafeStore
from lakemint.ingest.lines import LINE_LIMIT
from lakemint.ingest.traces import Trace, traces
from lakemint.subjects import Subjects
from tests.unit.ingest.raw_lake import SUBJECT, RawLake

ZOE = "Zoë Q7".encode()
LONG = LINE_LIMIT + 100


@pytest.fixture
def lake(tmp_path: Path) -> RawLake:
    return RawLake(tmp_path)


def test_every_source_is_searched_and_every_object_named_once(lake: RawLake) -> None:
    lake.put("anonymous", "a.tsv", b"hello\there\n")
    keys = [
        lake.put("csv", "a.csv", ZOE + b',"one\ntwo"\nann,three\n'),
        lake.put("jsonl", "b/c.jsonl", json.dumps({"author": "Zoë Q7", "text": "x"}).encode()),
        lake.put("scans", "Zoë Q7/1.png", b"\x89PNG"),
        lake.put("tsv", "a.tsv.gz", gzip.compress(b"ann\tx\n" + ZOE + b"\ty\n", mtime=0)),
    ]
    lake.put("scans", "ann/1.png", ZOE)
    there = {item.key: item.etag for item in lake.store.list("raw/")}
    found = {trace.object: trace for trace in lake.traces()}
    lines = dict(zip(keys, [(1, 2), (1,), (0,), (2,)], strict=True))
    assert found == {key: Trace(key, key.split("/")[2], there[key], lines[key], 1, 0) for key in keys}
    assert lake.traces(Subjects("author", "Bo")) == []
    assert lake.traces(Subjects("place", "here"))[0].lines == (1,)


def test_a_lake_without_raw_objects_has_no_trace(lake: RawLake) -> None:
    assert lake.traces() == []


@pytest.mark.parametrize(
    ("source", "data", "lines"),
    [
        ("tsv", b"ann\tsays " + ZOE + b"\n", ()),  # readable, and not hers
        ("tsv", b"ann\tsays\t" + ZOE + b"\nann\tx\ty\n", (1,)),
        ("tsv", b"\xef\xbb\xbf" + ZOE + b"\tx", (1,)),
        ("tsv", "Zoe\u0308  Q7 \tx\r\n".encode(), (1,)),
        ("tsv", b"\n\xff" + ZOE, (2,)),
        ("tsv", "\uff3aoë Q7\tx".encode(), (1,)),  # as a recipe may normalise it
        ("tsv", "Zoë Q7 wrote".encode("latin-1"), (1,)),
        ("tsv", b"Zo\xc3\xab Q77\nxZo\xc3\xab Q7", ()),  # others, who are no records either
        ("tsv", b"x" * LONG + b" " + ZOE + b"\n" + ZOE + b"\tx\n" + b"x" * LONG, (1, 2)),
        ("tsv", b"\n" * 65534 + ZOE, (65535,)),  # over the end of what is read at a time
        ("tsv", b"\n" * 65530 + ZOE, (65531,)),  # just up to there
        ("tsv", b"\n" * 65530 + ZOE + b"1", ()),
        ("tsv", b"x" * 65535 + b" " + ZOE + b" x", (1,)),
        ("tsv", b"x" * 65536 + ZOE + b" x", ()),
        ("tsv", b"x" * 65700 + ZOE + b" x\n" + b"x" * 99 + b" " + ZOE, (2,)),
        ("csv", b'ann,"says\n' + ZOE + b'"\n', ()),
        ("csv", b'a,"b\n' + ZOE + b'\nc",d\nann,x\n', (1, 2, 3)),  # three columns
        ("csv", b'"ann\n' + ZOE + b",x\nbo,y\n", (2,)),  # a quote that does not end
        ("csv", b'\r\n"Zo\xc3\xab Q7","a\r\n\r\nb"\r\n', (2, 3, 4)),
        ("csv", b'\n"Zo\xc3\xab ""Q7""\n', ()),
        ("jsonl", b'{"author": "Zo\\u00eb Q7", "text": 1}\n{"author": "Zo\\u00eb Q7"}\n', (1, 2)),
        ("jsonl", b'{"author": null, "text": "Zo\\u00eb Q7"}\n', ()),
        ("anonymous", ZOE + b"\tx\n" + ZOE, (2,)),
    ],
)
def test_lines_that_are_the_subjects(lake: RawLake, source: str, data: bytes, lines: tuple[int, ...]) -> None:
    ending = source if source != "anonymous" else "txt"
    assert lake.lines(source, f"a.{ending}", data) == lines
    assert lake.lines(source, f"a.{ending}.gz", gzip.compress(data, mtime=0)) == lines


@pytest.mark.parametrize(
    ("source", "name", "data", "lines"),
    [
        ("tsv", "a.zip", b"PK\0" + ZOE, (0,)),
        ("tsv", "a.zip", b"PK\0", ()),
        ("tsv", "a.xml.gz", gzip.compress(ZOE, mtime=0), (0,)),
        ("tsv", "a.tsv.gz", ZOE + b"\tx", (0,)),
        ("tsv", "a.tsv.gz", gzip.compress(b"bo\tx\n" + ZOE, mtime=0)[:-8], (2,)),
        ("tsv", "a.tsv.gz", gzip.compress(b"bo\tx\n" + ZOE + b"\tx\n", mtime=0)[:-8] + b"garbage!", (2,)),
        ("scans", "a.png", b"\x89" + ZOE, (0,)),
        ("scans", "a.png", b"\x89", ()),
        ("scans", "Zoë Q7/a.png", b"", (0,)),  # nobody can read it, but its name says whose it is
        ("scans", "ann/a.png", b"x" * (64 * 1024 * 1024) + b" " + ZOE, ()),
        ("scans", "Zoë Q7.png", b"\x89", (0,)),  # not named as the recipe says, but for the subject
        ("scans", "more/Zoë Q77/a.png", b"\x89", ()),
        ("tsv", "Zoë Q7.zip", b"PK\0", (0,)),
    ],
)
def test_whole_objects_and_broken_ones(
    lake: RawLake, source: str, name: str, data: bytes, lines: tuple[int, ...]
) -> None:
    assert lake.lines(source, name, data) == lines


def test_what_nobody_can_read_is_told_apart(lake: RawLake) -> None:
    lake.put("csv", "a.csv", ZOE + b',"one\ntwo"\nann,three\n' + ZOE + b"\n" + ZOE + b",x\n")
    (trace,) = lake.traces()
    assert (trace.lines, trace.records, trace.unread) == ((1, 2, 4, 5), 3, 1)


def test_a_short_name_is_not_seen_in_what_is_none(lake: RawLake) -> None:
    """In bytes that are no text any two stand next to each other somewhere."""
    subjects = Subjects("author", "42")
    assert lake.lines("tsv", "a.zip", b"PK\0 42 ", subjects) == ()
    assert lake.lines("scans", "a.png", b"\x89 42 ", subjects) == ()
    assert lake.lines("scans", "42.png", b"\x89", subjects) == (0,)
    assert lake.lines("tsv", "a.tsv", b"1420 wrong\nuser 42\n", subjects) == (2,)


def test_progress_is_told_in_bytes_up_to_the_last_one(lake: RawLake) -> None:
    data = b"ann\tx\n" * 30_000
    for name in ("a.tsv", "b.tsv"):
        lake.put("tsv", name, data)
    told: list[tuple[int, int]] = []
    assert not [*traces(lake.store, lake.readings, SUBJECT, lambda *amounts: told.append(amounts))]
    assert told == sorted(told) and len(set(told)) > 4
    assert {total for _, total in told} == {2 * len(data)} == {told[-1][0]}


def test_an_object_that_is_gone_has_no_trace_and_one_that_changed_is_told(
    lake: RawLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = lake.put("tsv", "a.tsv", ZOE + b"\tx\n")
    there = list(lake.store.list("raw/"))
    monkeypatch.setattr(lake.store, "list", lambda prefix: [item for item in there if prefix in item.key])
    lake.store.put(key, b"other")
    with pytest.raises(LakemintError, match=r"a\.tsv changed while it was searched; run this again") as told:
        lake.traces()
    assert isinstance(told.value.__cause__, ObjectExists) and "Zoë" not in str(told.value)
    lake.store.delete(key)
    assert lake.traces() == []


def test_a_store_that_keeps_what_is_overwritten_is_refused(
    lake: RawLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lake.store, "keeps_versions", lambda: True)
    with pytest.raises(UnsafeStore, match=r"keeps the older versions.*Copy the lake to a bucket without"):
        lake.traces()


def test_a_large_object_takes_little_memory(lake: RawLake) -> None:
    lake.put("tsv", "a.tsv", (b"ann\t" + b"x" * 500_000 + b"\n") * 40 + ZOE + b"\tx")
    tracemalloc.start()
    assert lake.traces()[0].lines == (41,)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
