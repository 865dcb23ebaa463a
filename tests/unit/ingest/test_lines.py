"""Bytes to lines: against the plain definition, and against gzip of every kind of harm."""

import gzip
import io
import tracemalloc
import zlib

from hypothesis import given
from hypothesis import strategies as st

from lakemint.ingest.lines import HEAD, Line, read_lines

texts = st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"")), max_size=30)


def lines_of(data: bytes, gzipped: bool = False, limit: int = 1000) -> list[Line]:
    return list(read_lines(io.BytesIO(data), gzipped, limit))


def plain(data: bytes) -> list[bytes]:
    """The definition: what newlines end, and what is left after the last."""
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return lines if lines[-1] else lines[:-1]


@given(st.binary(max_size=200))
def test_lines_are_what_newlines_end(data: bytes) -> None:
    lines = lines_of(data)
    assert [line.data for line in lines] == plain(data)
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    assert all(line.problem is None for line in lines)


@given(texts, st.booleans())
def test_gzip_makes_no_difference(lines: list[bytes], two_members: bool) -> None:
    data = b"\n".join(lines)
    half = len(data) // 2 if two_members else 0
    packed = gzip.compress(data[:half]) + gzip.compress(data[half:])
    assert lines_of(packed, gzipped=True) == lines_of(data)


@given(texts.filter(any), st.data())
def test_a_cut_gzip_keeps_every_whole_line_before_the_cut(lines: list[bytes], data: st.DataObject) -> None:
    whole = b"\n".join(lines) + b"\n"
    packed = gzip.compress(whole)
    cut = packed[: data.draw(st.integers(2, len(packed) - 1))]
    found = lines_of(cut, gzipped=True)

    engine = zlib.decompressobj(wbits=31)
    readable = engine.decompress(cut)
    assert found[-1].problem == "truncated gzip"
    assert [line.data for line in found[:-1]] == plain(readable[: readable.rfind(b"\n") + 1])
    if readable.removeprefix(b"\xef\xbb\xbf"):
        assert found[-1].number == len(found)
        assert found[-1].data == readable[readable.rfind(b"\n") + 1 :][:HEAD]
    else:
        assert found[-1] == Line(0, cut[:HEAD], "truncated gzip")


@given(st.binary(min_size=1, max_size=300))
def test_any_bytes_called_gzip_end_in_at_most_one_problem(data: bytes) -> None:
    problems = [line.problem for line in lines_of(data, gzipped=True) if line.problem]
    assert len(problems) <= 1


def test_not_gzip_at_all_is_one_problem_with_the_bytes_that_are_there() -> None:
    assert lines_of(b"plain text\nsecond\n", gzipped=True) == [
        Line(0, b"plain text\nsecond\n", "not gzip"),
    ]


def test_rubbish_after_gzip_keeps_the_lines_before_it() -> None:
    assert lines_of(gzip.compress(b"a\nb\n") + b"rubbish", gzipped=True) == [
        Line(1, b"a"),
        Line(2, b"b"),
        Line(3, b"", "damaged gzip"),
    ]


def test_zeros_after_gzip_are_padding() -> None:
    assert lines_of(gzip.compress(b"a\n") + bytes(100), gzipped=True) == [Line(1, b"a")]


def test_a_wrong_checksum_is_noticed() -> None:
    packed = bytearray(gzip.compress(b"a\nb\n"))
    packed[-8] ^= 1
    assert lines_of(bytes(packed), gzipped=True)[-1].problem == "damaged gzip"


def test_a_line_over_the_limit_costs_that_line_only() -> None:
    long = b"x" * 1001
    assert lines_of(b"a\n" + long + b"\nb\n" + long) == [
        Line(1, b"a"),
        Line(2, long[:HEAD], "line too long"),
        Line(3, b"b"),
        Line(4, long[:HEAD], "line too long"),
    ]
    assert lines_of(long[1:]) == [Line(1, long[1:])]


def test_a_gzip_bomb_is_read_in_little_memory() -> None:
    bomb = gzip.compress(bytes(64 * 1024 * 1024), compresslevel=1)
    tracemalloc.start()
    (line,) = read_lines(io.BytesIO(bomb), gzipped=True, limit=1024 * 1024)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert line.problem == "line too long"
    assert peak < 8 * 1024 * 1024


def test_a_byte_order_mark_alone_is_nothing() -> None:
    assert lines_of(b"\xef\xbb\xbf") == []
    assert lines_of(b"\xef\xbb\xbf\n") == [Line(1, b"")]
    assert lines_of(b"\xef\xbb\xbfa\n\xef\xbb\xbfb") == [Line(1, b"a"), Line(2, b"\xef\xbb\xbfb")]
