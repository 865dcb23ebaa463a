"""Raw bytes to records and problems: nothing raises, nothing is lost, what can be read is read exactly."""

import csv
import gzip
import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakemint.dataset.recipe import Source
from lakemint.ingest import formats
from lakemint.ingest.formats import Fields, Problem, parse
from lakemint.ingest.lines import HEAD

TSV = Source(format="tsv", columns=["id", "text"])
CSV = Source(format="csv", columns=["id", "text"])
JSONL = Source(format="jsonl", columns=["id", "text"])
FILE = Source(format="file", path="{digit}/{name}.png", content="image")
LINED = {"a.tsv": TSV, "a.csv": CSV, "a.jsonl": JSONL}


def read(data: bytes, source: Source = TSV, name: str = "a.txt") -> list[tuple[int, Fields | Problem]]:
    return list(parse(io.BytesIO(data), name, source))


def reasons(data: bytes, source: Source, name: str = "a.txt") -> list[tuple[int, str]]:
    return [(line, it.reason) for line, it in read(data, source, name) if isinstance(it, Problem)]


def line_count(data: bytes) -> int:
    lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    return len(lines) - (not lines[-1])


# What a hostile or careless writer puts into a line, so that the parsers' branches are met often.
rough = st.lists(
    st.sampled_from(
        [b"\n", b"\r\n", b"\r", b"\t", b",", b'"', b'""', b" ", b"a", b"\0", b"\xff", b"\xef\xbb\xbf"]
    )
    | st.sampled_from([b'{"id":', b"}", b"[", b"1e999", b"-0.0", b"null", b"\\ud800", "é".encode()])
    | st.binary(max_size=5),
    max_size=40,
).map(b"".join)


@pytest.mark.parametrize("name", ["a.tsv", "a.jsonl"])
@given(data=rough)
def test_every_line_is_read_or_quarantined_exactly_once(name: str, data: bytes) -> None:
    found = read(data, LINED[name], name)
    if line_count(data):
        assert [line for line, _ in found] == list(range(1, line_count(data) + 1))
    else:
        assert found == [(0, Problem("empty object", b""))]


@given(data=rough)
def test_every_csv_line_belongs_to_exactly_one_record(data: bytes) -> None:
    found = [line for line, _ in read(data, CSV, "a.csv")]
    count = line_count(data)
    assert found == sorted(set(found))
    assert found[0] == (1 if count else 0)
    assert found[-1] <= count


@given(data=rough, name=st.sampled_from(["a.tsv.gz", "a.csv.gz", "a.jsonl.gz", "1/2.png", "x.zip", ""]))
def test_nothing_raises_and_heads_are_short(data: bytes, name: str) -> None:
    source = FILE if name == "1/2.png" else LINED.get(name.removesuffix(".gz"), TSV)
    for source_data in (data, gzip.compress(data), gzip.compress(data)[:-9]):
        for _, it in read(source_data, source, name):
            values = [it.head] if isinstance(it, Problem) else list(it.values())
            assert all(isinstance(value, str | bytes | None) for value in values)
            assert not isinstance(it, Problem) or len(it.head) <= HEAD
            assert all(value.encode() or True for value in values if isinstance(value, str))


field = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.tuples(field, field), min_size=1, max_size=10), st.sampled_from(["\n", "\r\n"]))
def test_csv_gives_back_what_a_csv_writer_wrote(rows: list[tuple[str, str]], end: str) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL).writerows(rows)
    found = [it for _, it in read(buffer.getvalue().encode(), CSV, "a.csv")]
    assert found == [{"id": a, "text": b} for a, b in rows]


def no_controls(text: str) -> bool:
    return not set(text) & set("\t\r\n")


@given(st.lists(st.tuples(field.filter(no_controls), field.filter(no_controls)), min_size=1, max_size=10))
def test_tsv_gives_back_what_was_written(rows: list[tuple[str, str]]) -> None:
    data = "".join(f"{a}\t{b}\r\n" for a, b in rows).encode()
    if rows[0][0].startswith("\ufeff"):
        return
    assert [it for _, it in read(data)] == [{"id": a, "text": b} for a, b in rows]


@given(st.lists(st.tuples(field, field), min_size=1, max_size=10), st.booleans())
def test_jsonl_gives_back_what_was_written(rows: list[tuple[str, str]], escaped: bool) -> None:
    lines = [json.dumps({"text": b, "id": a}, ensure_ascii=escaped) for a, b in rows]
    found = [it for _, it in read("\n".join(lines).encode(), JSONL)]
    assert found == [{"id": a, "text": b} for a, b in rows]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("7", "7"),
        ("7.0", "7"),
        ("7e0", "7"),
        ("-0.0", "0"),
        ("0.10", "0.1"),
        ("1e300", "1e+300"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("true", "true"),
        ("null", None),
        ('{"b":1.0,"a":["é",null]}', '{"a":["é",null],"b":1}'),
        ('""', ""),
        (r'"\u00e9"', "é"),
    ],
)
def test_json_values_become_text_in_one_way(written: str, text: str | None) -> None:
    assert read(f'{{"id": 1, "text": {written}}}'.encode(), JSONL) == [(1, {"id": "1", "text": text})]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"id": 1, "text": ', "malformed JSON"),
        (b"not json", "malformed JSON"),
        (b'{"id": NaN, "text": 1}', "malformed JSON"),
        (b'{"id": 1, "text": "a"} trailing', "malformed JSON"),
        (b"[1, 2]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"id": 1}', "missing field: text"),
        (b'{"id": 1, "text": 2, "more": 3}', "unexpected field: more"),
        (b'{"id": 1, "id": 2, "text": 3}', "a JSON field twice"),
        (b'{"id": 1e999, "text": 2}', "number out of range"),
        (b'{"id": ' + b"9" * 5000 + b', "text": 2}', "malformed JSON"),
        (b'{"id": 1, "text": "\\u0000"}', "NUL character"),
        (b'{"id": 1, "text": "\\ud800"}', "bad encoding"),
        (b'{"id": 1, "text": "\xff"}', "bad encoding"),
        ('{"id": 1, "text": 2}'.encode("utf-16-le").replace(b"\n", b""), "malformed JSON"),
        (b'{"id": 1, "text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "JSON nested too deep"),
        (b'{"id": 1, "text": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001, "JSON nested too deep"),
        (b"", "blank line"),
        (b"\r", "blank line"),
    ],
)
def test_a_bad_json_line_is_quarantined_and_its_neighbours_are_not(line: bytes, reason: str) -> None:
    good = b'{"id": 1, "text": "a"}'
    found = read(good + b"\n" + line + b"\n" + good, JSONL)
    assert found == [
        (1, {"id": "1", "text": "a"}),
        (2, Problem(reason, line.removesuffix(b"\r")[:HEAD])),
        (3, {"id": "1", "text": "a"}),
    ]


def test_an_unexpected_field_is_named_harmlessly() -> None:
    ((_, reason),) = reasons(b'{"id": 1, "text": 2, "\\u001b[31m' + b"x" * 500 + b'": 3}', JSONL)
    assert reason.startswith("unexpected field: \\x1b[31mxxx")
    assert len(reason) < 100


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1", "wrong column count: 1 instead of 2"),
        (b"1\ta\tb", "wrong column count: 3 instead of 2"),
        (b"1\t\xe9", "bad encoding"),
        (b"1\ta\0b", "NUL character"),
        (b"", "blank line"),
    ],
)
def test_a_bad_tsv_line_is_quarantined_and_its_neighbours_are_not(line: bytes, reason: str) -> None:
    found = read(b"1\ta\r\n" + line + b"\r\n2\tb")
    assert found == [
        (1, {"id": "1", "text": "a"}),
        (2, Problem(reason, line)),
        (3, {"id": "2", "text": "b"}),
    ]


def test_tsv_knows_no_quotes() -> None:
    assert read(b'1\t"a"\n2\t"b\n') == [
        (1, {"id": "1", "text": '"a"'}),
        (2, {"id": "2", "text": '"b'}),
    ]


def test_a_csv_record_spans_the_lines_its_quotes_hold() -> None:
    found = read(b'1,"a\r\n\r\nb ""c"", d"\r\n2,e\r\n', CSV)
    assert found == [(1, {"id": "1", "text": 'a\r\n\r\nb "c", d'}), (4, {"id": "2", "text": "e"})]


def test_a_csv_quote_that_never_ends_costs_its_line_only() -> None:
    assert read(b'1,"a\n2,b\n3,c\n', CSV) == [
        (1, Problem("malformed CSV", b'1,"a')),
        (2, {"id": "2", "text": "b"}),
        (3, {"id": "3", "text": "c"}),
    ]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (b'1,"a"b', "malformed CSV"),
        (b"1,a\rb", "malformed CSV"),
        (b"1", "wrong column count: 1 instead of 2"),
        (b"1,a,b", "wrong column count: 3 instead of 2"),
        (b"1,\xff", "bad encoding"),
        (b"1,\0", "NUL character"),
        (b"", "blank line"),
    ],
)
def test_a_bad_csv_line_is_quarantined_and_its_neighbours_are_not(lines: bytes, reason: str) -> None:
    found = read(b"1,a\n" + lines + b"\n2,b\n", CSV)
    assert found == [
        (1, {"id": "1", "text": "a"}),
        (2, Problem(reason, lines)),
        (3, {"id": "2", "text": "b"}),
    ]


def test_bad_bytes_inside_quotes_cost_that_record_as_one() -> None:
    assert read(b'1,"a\n\xff\nb"\n2,c\n', CSV) == [
        (1, Problem("bad encoding", b'1,"a')),
        (4, {"id": "2", "text": "c"}),
    ]


def test_a_long_csv_field_is_data() -> None:
    assert read(b"1," + b"x" * 300_000, CSV) == [(1, {"id": "1", "text": "x" * 300_000})]


def test_a_gzip_cut_inside_csv_quotes_loses_no_line() -> None:
    packed = gzip.compress(b'1,a\n2,"b\nc\n', compresslevel=0)
    assert read(packed[:-8], CSV, "a.csv.gz") == [
        (1, {"id": "1", "text": "a"}),
        (2, Problem("malformed CSV", b'2,"b')),
        (3, Problem("wrong column count: 1 instead of 2", b"c")),
        (4, Problem("truncated gzip", b"")),
    ]


def test_an_endless_csv_quote_before_blank_lines_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LINE_LIMIT", 1024 * 1024)
    data = b'1,"a\n' + b"\n" * 50_000
    tracemalloc.start()
    count = sum(1 for _ in parse(io.BytesIO(data), "a.csv", CSV))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 50_001
    assert peak < 5 * 1024 * 1024


@pytest.mark.parametrize("name", ["a.zip", "b/a.parquet", "a.tsv.zst", "a.tar.gz", "a.ZIP"])
def test_an_unknown_ending_is_one_problem(name: str) -> None:
    ((line, it),) = read(b"PK\x03\x04" + b"x" * 999, TSV, name)
    assert isinstance(it, Problem)
    assert (line, it.reason.split(":")[0], len(it.head)) == (0, "unknown format", HEAD)


@pytest.mark.parametrize("name", ["a.tsv", "A.TXT", "part-00000", "2024.01.15", "x.y/z", "a.tsv.GZ"])
def test_known_endings_and_none_are_read(name: str) -> None:
    data = b"1\ta\n"
    data = gzip.compress(data) if name.endswith("GZ") else data
    assert read(data, TSV, name) == [(1, {"id": "1", "text": "a"})]


def test_an_empty_object_is_one_problem_in_every_format() -> None:
    for source, name in ((TSV, "a"), (CSV, "a"), (JSONL, "a"), (TSV, "a.gz"), (FILE, "1/2.png")):
        assert read(b"", source, name) == [(0, Problem("empty object", b""))]
    assert read(gzip.compress(b""), TSV, "a.gz") == [(0, Problem("empty object", b""))]


def test_a_file_is_one_record_with_the_names_in_its_key() -> None:
    assert read(b"\x89PNG\0", FILE, "7/scan 1.png") == [
        (0, {"digit": "7", "name": "scan 1", "image": b"\x89PNG\0"}),
    ]
    assert read(b"x", Source(format="file"), "any/thing.gz") == [(0, {"content": b"x"})]


@pytest.mark.parametrize("name", ["scan.png", "7/a/b.png", "7/a.jpg", "7/apng", "/a.png", "7/.png"])
def test_a_file_that_is_not_named_as_asked_is_quarantined(name: str) -> None:
    problem = Problem("unknown format: not named like {digit}/{name}.png", b"x")
    assert read(b"x", FILE, name) == [(0, problem)]


def test_a_file_over_the_limit_is_quarantined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FILE_LIMIT", 1000)
    assert read(b"x" * 1001, FILE, "7/a.png") == [(0, Problem("object too large", b"x" * HEAD))]
    assert read(b"x" * 1000, FILE, "7/a.png")[0][1] == {"digit": "7", "name": "a", "image": b"x" * 1000}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | field,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(field, inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50)
@given(json_values)
def test_text_of_a_json_value_means_the_value(value: Any) -> None:
    if isinstance(value, str):
        return
    ((_, it),) = read(json.dumps({"id": "1", "text": value}).encode(), JSONL)
    assert isinstance(it, dict)
    text = it["text"]
    assert text is None if value is None else json.loads(str(text)) == value


def test_a_csv_made_of_quotes_that_go_wrong_is_given_up_in_bounded_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lakemint.ingest.formats._REREAD_LIMIT", 100_000)
    data = b'x",y,"z\n' * 20_000 + b"1,end\n"
    found = list(parse(io.BytesIO(data), "a.csv", CSV))  # reading all of it anew for each line took minutes
    assert sorted(line for line, _ in found) == list(range(1, 20_002))
    assert {it.reason for _, it in found if isinstance(it, Problem)} == {"malformed CSV"}


@pytest.mark.parametrize(("name", "source", "mark"), [("a.tsv", TSV, "\t"), ("a.csv", CSV, ",")])
def test_a_header_is_no_record_but_its_words_further_down_are(name: str, source: Source, mark: str) -> None:
    header = mark.join(source.columns)
    found = read(f"{header}\n{header}\n".encode(), source, name)
    assert found[0] == (1, Problem("header line", header.encode()))
    assert found[1] == (2, {column: column for column in source.columns})
