"""Raw objects without a subject's lines: every other record at its old line, and no byte of the name."""

import gzip
import io
import json
import tempfile
import tracemalloc
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakemint.errors import LakemintError, StoreUnavailable
from lakemint.ingest.erasure import erase
from lakemint.ingest.formats import Fields, Problem
from lakemint.ingest.traces import Trace
from lakemint.store import Store
from tests.unit.failing import Failing
from tests.unit.ingest.raw_lake import SUBJECT, RawLake

Held = Mapping[int, Fields | Problem]
ZOE = "Zoë Q7"
BLANK = "blank line"


@pytest.fixture
def lake(tmp_path: Path) -> RawLake:
    return RawLake(tmp_path)


def take_out(lake: RawLake, trace: Trace, store: Store | None = None) -> str | None:
    return erase(store or lake.store, lake.readings, trace, SUBJECT)


def erased(lake: RawLake, source: str, name: str, data: bytes) -> bytes | None:
    """What is left of an object; checks that the etag told is its, and that a second time changes nothing."""
    key = lake.put(source, name, data)
    (trace,) = lake.traces()
    etag = take_out(lake, trace)
    there = lake.store.stat(key)
    assert (there and there.etag) == etag
    assert lake.traces() == []
    left = lake.store.get(key) if there else None
    assert take_out(lake, trace) == etag
    assert (lake.store.get(key) if there else None) == left
    return left


@pytest.mark.parametrize(
    ("source", "before", "after"),
    [
        ("tsv", "ann\tx\r\nZ\ty\r\nbo\tz\r\n", "ann\tx\r\n\r\nbo\tz\r\n"),
        ("tsv", "\ufeffZ\tx\nbo\ty", "\ufeff\nbo\ty"),
        ("tsv", "bo\ty\nZ\tx", "bo\ty\n"),
        ("tsv", "Z\tx\nZ\ty\n", None),
        ("tsv", "\ufeffZ\tx", None),
        ("tsv", "\nZ\tx\n", "\n\n"),
        ("csv", 'Z,"a\r\n\nb"\nbo,"c\nd"\n', '\r\n\n\nbo,"c\nd"\n'),
        ("jsonl", '{"author": "Z", "text": 1}\n{"author": "bo", "text": 1}\n{Z', None),
    ],
)
def test_lines_become_blank_ones(lake: RawLake, source: str, before: str, after: str | None) -> None:
    if source == "jsonl":
        after = '\n{"author": "bo", "text": 1}\n'
    left = erased(lake, source, f"a.{source}", before.replace("Z", ZOE).encode())
    assert (left and left.decode()) == after


def test_gzip_is_packed_anew_with_no_name_and_no_time(lake: RawLake) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile("secret.tsv", "wb", fileobj=buffer, mtime=1) as packed:
        packed.write(f"ann\tx\n{ZOE}\ty\n".encode())
    left = erased(lake, "tsv", "a.tsv.gz", buffer.getvalue())
    assert left is not None and gzip.decompress(left) == b"ann\tx\n\n"
    assert left[3:8] == b"\0\0\0\0\0", "flags and time"
    assert left == erased(lake, "tsv", "a.tsv.gz", buffer.getvalue())


def test_what_a_cut_left_is_still_a_cut_and_no_record(lake: RawLake) -> None:
    whole = gzip.compress(f"ann\tx\n{ZOE}\ty\nbo\tand so on".encode())
    for data in (whole[:-8], whole[:-8] + b"garbage!"):
        erased(lake, "tsv", "a.tsv.gz", data)
        found = lake.read("raw/notes/tsv/a.tsv.gz")
        assert found[1] == {"author": "ann", "text": "x"}
        assert found[2] == Problem(BLANK, b"")
        assert found[3] == Problem("truncated gzip", b"bo\tand so on")


def test_whole_objects_are_deleted(lake: RawLake) -> None:
    assert erased(lake, "scans", f"{ZOE}/a.png", b"\x89PNG") is None
    assert erased(lake, "tsv", "a.zip", ZOE.encode()) is None


def test_a_line_longer_than_is_read_goes_too(lake: RawLake) -> None:
    data = b"x" * 17_000_000 + b" " + ZOE.encode() + b" " + b"x" * 100_000 + b"\r\nbo\tx\n"
    assert erased(lake, "tsv", "a.tsv", data) == b"\r\nbo\tx\n"


def test_a_quote_that_went_wrong_in_an_erased_line_does_not_run_on(lake: RawLake) -> None:
    """Without that line it would take the next records into its own."""
    bad, zoe = '"never\n"and never\n', f'"{ZOE}"x,y\n'
    assert lake.lines("csv", "a.csv", zoe.encode()) == (1,)
    left = erased(lake, "csv", "a.csv", f'{bad}{zoe}bo",x\nann",y\ncy,z\n'.encode())
    assert left is not None
    found = lake.read("raw/notes/csv/a.csv")
    assert found[4] == {"author": 'bo"', "text": "x"} and found[6] == {"author": "cy", "text": "z"}


def test_a_quote_that_runs_on_makes_nobodys_record_the_subjects(lake: RawLake) -> None:
    """Line 2 has the name and more as its author; with line 3 blank, line 1 would take it in."""
    left = erased(lake, "csv", "a.csv", f'"\n{ZOE}"",x\n{ZOE}"{{"\n"\n'.encode())
    assert left == f'\n{ZOE}"",x\n\n"\n'.encode()


def test_what_comes_behind_a_quote_that_runs_on_is_none_itself(lake: RawLake) -> None:
    """With line 2 blank, line 1 would go on up to line 3, and line 4 begin a record that it ended before."""
    left = erased(lake, "csv", "a.csv", f'"\n{ZOE}","x":\n"\n"\n"\n'.encode())
    assert left == b'\n\n"\n"\n"\n'


def test_an_object_that_became_another_is_left_alone_and_told(lake: RawLake) -> None:
    key = lake.put("tsv", "a.tsv", f"{ZOE}\tx\nbo\ty\n".encode())
    (trace,) = lake.traces()
    other = f"bo\ty\n{ZOE}\tx\n".encode()
    lake.store.put(key, other)
    with pytest.raises(LakemintError, match=r"a\.tsv changed since.*run this again") as told:
        take_out(lake, trace)
    assert ZOE not in str(told.value) and lake.store.get(key) == other
    lake.store.put(key, b"bo\ty\n")
    there = lake.store.stat(key)
    assert there is not None and take_out(lake, trace) == there.etag
    lake.store.delete(key)
    assert take_out(lake, trace) is None


def test_nothing_is_left_in_the_folder_for_temporary_files(
    lake: RawLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    erased(lake, "tsv", "a.tsv", f"{ZOE}\tx\nbo\ty\n".encode())
    assert [*folder.iterdir()] == []


def test_a_large_object_takes_little_memory(lake: RawLake) -> None:
    key = lake.put("tsv", "a.tsv", (b"ann\t" + b"x" * 500_000 + b"\n") * 40 + f"{ZOE}\tx".encode())
    (trace,) = lake.traces()
    tracemalloc.start()
    take_out(lake, trace)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
    assert lake.store.get(key).endswith(b"x\n")


@pytest.mark.parametrize("source", ["tsv", "csv", "jsonl", "scans"])
@pytest.mark.parametrize("done", [False, True])
def test_a_kill_at_any_write_leaves_what_a_second_run_completes(
    lake: RawLake, source: str, done: bool
) -> None:
    name = f"{ZOE}/a.png" if source == "scans" else f"a.{source}"
    data = record(source, ZOE, "x") + record(source, "bo", "y")
    wanted = erased(lake, source, name, data)
    for at in range(2):
        key = lake.put(source, name, data)
        (trace,) = lake.traces()
        failing = Failing(lake.store, at, done)
        with suppress(StoreUnavailable):
            take_out(lake, trace, failing)
        assert failing.has_failed == (at == 0)
        there = lake.store.stat(key)
        assert (lake.store.get(key) if there else None) in (data, wanted)
        etag = take_out(lake, trace)
        there = lake.store.stat(key)
        assert (there and there.etag) == etag
        assert (lake.store.get(key) if there else None) == wanted


def test_a_lost_reply_is_settled_by_looking(lake: RawLake) -> None:
    lake.put("tsv", "a.tsv", f"{ZOE}\tx\nbo\ty\n".encode())
    (trace,) = lake.traces()
    etag = take_out(lake, trace, Failing(lake.store, 0, True))
    there = lake.store.stat(trace.object)
    assert there is not None and there.etag == etag != trace.etag


def record(source: str, author: str, text: str) -> bytes:
    """A readable record of that source, with its line break."""
    if source == "jsonl":
        return json.dumps({"author": author, "text": text}).encode() + b"\n"
    if source == "csv":
        return ",".join('"' + value.replace('"', '""') + '"' for value in (author, text)).encode() + b"\n"
    return f"{author}\t{text}\n".encode()


# Fragments that make lines and quotes go right and wrong; the subject stands among them as anything.
rough = st.lists(
    st.sampled_from([b"\n", b"\n", b"\r\n", b"\t", b",", b'"', b'""', b"a", b"\0", b"\xff", b"\xef\xbb\xbf"])
    | st.sampled_from([b'"\n', b'\n"', b'",', b',"', b"a,b\n", b"a\tb\n", b'{"author":"', b'","text":"x"}\n'])
    | st.just(ZOE.encode()),
    max_size=40,
).map(b"".join)


@pytest.mark.parametrize("source", ["tsv", "csv", "jsonl"])
@given(data=rough, gzipped=st.booleans(), cut=st.sampled_from([0, 0, 0, 3, 9]))
def test_all_other_records_stay_as_they_are(source: str, data: bytes, gzipped: bool, cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lake = RawLake(Path(folder))
        packed = gzip.compress(data) if gzipped else data
        key = lake.put(source, f"a.{source}" + ".gz" * gzipped, packed[: len(packed) - cut * gzipped])
        before = lake.read(key)
        for trace in lake.traces():
            etag = take_out(lake, trace)
            assert take_out(lake, trace) == etag
            there = lake.store.stat(key)
            after = lake.read(key) if there else {}
            check(before, after, {*trace.lines}, source)
        assert lake.traces() == []


def check(before: Held, after: Held, lines: set[int], source: str) -> None:
    """Found lines are blank; all else is as it was, but for quotes of csv that went wrong in a found line."""
    if not after:
        assert before.keys() <= lines
        return
    for line, what in before.items():
        now = after.get(line)
        if line in lines:
            assert now is None or (isinstance(now, Problem) and now.reason in (BLANK, "truncated gzip"))
        elif isinstance(now, Problem) and now.reason == BLANK and what != now:
            assert source == "csv" and isinstance(what, Problem) and what.reason == "malformed CSV"
        else:
            assert now == what
    added = {line: what for line, what in after.items() if line not in before}
    assert all(line in lines and isinstance(what, Problem) for line, what in added.items())


others = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\r"), max_size=8).filter(
    lambda text: "Q7" not in text
)


@pytest.mark.parametrize("source", ["tsv", "csv", "jsonl"])
@given(
    rows=st.lists(st.tuples(st.booleans(), others), min_size=1, max_size=12),
    broken=others,
    gzipped=st.booleans(),
)
def test_no_byte_of_the_name_is_left(
    source: str, rows: list[tuple[bool, str]], broken: str, gzipped: bool
) -> None:
    texts = [
        (ZOE if hers else "bo", text.replace("\n", " ") if source == "tsv" else text) for hers, text in rows
    ]
    data = b"".join(record(source, *row) for row in texts)
    data += f"{broken} {ZOE} {broken}".replace("\n", "").encode() + b"\n" + record(source, "bo", "last")
    with tempfile.TemporaryDirectory() as folder:
        lake = RawLake(Path(folder))
        packed = gzip.compress(data) if gzipped else data
        left = erased(lake, source, f"a.{source}" + ".gz" * gzipped, packed)
        assert left is not None
        plain = gzip.decompress(left) if gzipped else left
        assert ZOE.encode() not in plain and ascii(ZOE)[1:-1].encode() not in plain
        assert plain.count(b"\n") == data.count(b"\n")
        readable = [what for what in lake.read(f"raw/notes/{source}/a.{source}" + ".gz" * gzipped).values()]
        kept = [text for author, text in texts if author == "bo"]
        assert [what["text"] for what in readable if isinstance(what, dict)] == [*kept, "last"]
