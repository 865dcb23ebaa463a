"""The difference between two versions: what a naive comparison of all rows finds, from fewer shards."""

import struct
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lakemint
from lakemint.config import Config
from lakemint.errors import IntegrityError, LakemintError, VersionNotFound
from lakemint.names import SPLITS, Reference
from lakemint.published.difference import EXAMPLES, KINDS, difference
from lakemint.published.records import LabelSummary
from tests.unit.small_version import COLUMNS, DATASET, MADE_BY, Row, publish, row
from tests.unit.small_version import settings as lake_in

ONE, TWO = Reference(DATASET, 1), Reference(DATASET, 2)
ROWS = [row(index, "test" if index % 5 == 0 else "train") for index in range(40)]
NONE = dict.fromkeys(KINDS, 0)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return lake_in(tmp_path)


def ids(*indices: int) -> list[str]:
    return sorted(row(index)["sample_id"] for index in indices)


def shards(config: Config) -> set[Path]:
    return set(Path(config.lake.removeprefix("file://")).glob("published/notes/shards/*"))


def held(config: Config, version: str) -> set[str]:
    """Digests of a version's shards."""
    splits = lakemint.open(version, config=config).manifest["splits"].values()
    return {shard["sha256"] for split in splits for shard in split["shards"]}


def counts(found: dict[str, Any]) -> dict[str, int]:
    """Kind → rows, of the kinds there are."""
    return {kind: rows for kind, rows in found["rows"].items() if rows}


def test_each_kind_of_change_is_counted_and_named(config: Config) -> None:
    publish(config, ROWS)
    changed = [*ROWS[2:], row(50), {**ROWS[1], "split": "test"}]
    changed[0] = {**changed[0], "label": "b"}
    changed[1] = {**changed[1], "text": "other"}
    changed[2] = {**changed[2], "stars": None}
    publish(config, changed)
    found = difference(config, ONE, TWO)
    assert found["rows"] == {"added": 1, "removed": 1, "relabeled": 1, "moved": 1, "changed": 2}
    assert found["examples"] == {
        "added": ids(50),
        "removed": ids(0),
        "relabeled": ids(2),
        "moved": ids(1),
        "changed": ids(3, 4),
    }
    assert (found["before"]["rows"], found["after"]["rows"]) == (40, 40)
    assert not found["same"]


def test_a_row_may_change_in_every_way_at_once(config: Config) -> None:
    publish(config, ROWS)
    publish(config, [*ROWS[1:], {**ROWS[0], "split": "train", "label": "x", "text": ""}])
    assert counts(difference(config, ONE, TWO)) == {"relabeled": 1, "moved": 1, "changed": 1}


def test_only_shards_that_are_not_shared_are_read(config: Config) -> None:
    publish(config, ROWS)
    before = shards(config)
    publish(config, [{**ROWS[0], "label": "b"}, *ROWS[1:]])
    after = shards(config) - before
    assert len(after) == 1
    told: list[tuple[int, int]] = []
    found = difference(config, ONE, TWO, lambda done, total: told.append((done, total)))
    assert len(told) == 2
    assert found["shards"]["touched"] == 1
    assert found["shards"]["of"] == 6
    assert found["shards"]["bytes"] == sum(path.stat().st_size for path in after)
    shared = held(config, "notes@1") & held(config, "notes@2")
    assert len(shared) == 5
    for path in shards(config):
        if path.stem in shared:
            path.unlink()
    assert counts(difference(config, ONE, TWO)) == {"relabeled": 1}


def test_a_shard_that_is_not_what_was_published_is_named(config: Config) -> None:
    publish(config, ROWS)
    before = shards(config)
    publish(config, [{**ROWS[0], "label": "b"}, *ROWS[1:]])
    (path,) = shards(config) - before
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(IntegrityError, match=path.name):
        difference(config, ONE, TWO)


def test_a_whole_shard_that_moves_moves_its_rows_though_no_bytes_change(config: Config) -> None:
    publish(config, [row(1, "train", 0), row(2, "train", 1)])
    publish(config, [row(1, "test", 0), row(2, "train", 1)])
    found = difference(config, ONE, TWO)
    assert counts(found) == {"moved": 1}
    assert found["examples"]["moved"] == ids(1)
    assert found["shards"]["touched"] == 0


def test_other_buckets_are_other_shards_but_no_difference(config: Config) -> None:
    publish(config, [row(index, bucket=index % 3) for index in range(20)])
    publish(config, [row(index, bucket=index % 4) for index in range(20)])
    found = difference(config, ONE, TWO)
    assert found["rows"] == NONE
    assert found["shards"]["touched"] == found["shards"]["of"] == 4


def test_the_same_twice_differs_in_nothing_and_reads_nothing(config: Config) -> None:
    publish(config, ROWS)
    for path in shards(config):
        path.unlink()
    found = difference(config, ONE, ONE)
    assert found["same"]
    assert found["rows"] == NONE
    assert found["shards"]["touched"] == 0
    assert all(share["before"] == share["after"] for share in found["labels"].values())


def test_shares_agreement_and_what_it_is_made_of(config: Config) -> None:
    publish(config, ROWS, changed={"labels": LabelSummary(alpha=0.61)})
    made_otherwise = {
        "labels": LabelSummary(alpha=0.63),
        "recipe": "f" * 64,
        "lakemint": "0.2.0",
        "code": "c" * 64,
    }
    publish(config, [row(index, label="b") for index in range(20)], changed=made_otherwise)
    found = difference(config, ONE, TWO)
    assert found["labels"] == {"a": {"before": 0.5, "after": 0}, "b": {"before": 0.5, "after": 1}}
    assert found["splits"] == {
        "train": {"before": 0.8, "after": 1},
        "validation": {"before": 0, "after": 0},
        "test": {"before": 0.2, "after": 0},
    }
    assert found["alpha"] == {"before": 0.61, "after": 0.63}
    contract = MADE_BY["contract"]
    assert found["recipe"] == {"before": MADE_BY["recipe"], "after": "f" * 64, "changes": None}
    assert found["contract"] == {"before": contract, "after": contract, "changes": []}
    assert found["lakemint"] == {"before": "0.1.0", "after": "0.2.0"}
    assert found["code"] == {"before": None, "after": "c" * 64}


def test_columns_that_come_go_or_change_their_type_are_named_and_the_others_compared(config: Config) -> None:
    publish(config, ROWS)
    columns = (("label", "string"), ("sample_id", "string"), ("stars", "int32"), ("lang", "string"))
    publish(config, [{**one, "lang": "en"} for one in ROWS], columns)
    found = difference(config, ONE, TWO)
    assert found["schema"] == {
        "added": {"lang": "string"},
        "removed": {"text": "string"},
        "retyped": {"stars": {"before": "int64", "after": "int32"}},
        "reordered": True,
    }
    assert found["rows"] == NONE
    publish(config, [{**ROWS[0], "label": "x", "text": "y"}, *ROWS[1:]])
    assert counts(difference(config, TWO, Reference(DATASET, 3))) == {"relabeled": 1}


def test_a_label_of_another_type_is_compared_as_text(config: Config) -> None:
    columns = (("sample_id", "string"), ("label", "int64"))
    publish(config, [row(index, label=index % 10) for index in range(20)], columns)
    texts = [row(index, label=str(index % 10)) for index in range(1, 20)]
    publish(config, [row(0, label="9"), *texts], (columns[0], ("label", "string")))
    assert counts(difference(config, ONE, TWO)) == {"relabeled": 1}


def test_a_label_that_only_one_version_has_is_a_column_that_came(config: Config) -> None:
    publish(config, ROWS, COLUMNS[:3])
    publish(config, ROWS)
    found = difference(config, ONE, TWO)
    assert found["rows"] == NONE
    assert found["schema"]["added"] == {"label": "string"}


def test_examples_are_few_and_the_first_by_their_ids(config: Config) -> None:
    publish(config, [])
    publish(config, ROWS)
    found = difference(config, ONE, TWO)
    assert counts(found) == {"added": 40}
    assert found["examples"]["added"] == ids(*range(40))[:EXAMPLES]


def test_versions_of_two_datasets_are_refused(config: Config) -> None:
    with pytest.raises(LakemintError, match="notes@1 and digits@2 are versions of two datasets"):
        difference(config, ONE, Reference("digits", 2))


def test_a_version_that_is_not_there_names_those_that_are(config: Config) -> None:
    publish(config, ROWS)
    with pytest.raises(VersionNotFound, match="notes@2: no such version; there is notes@1"):
        difference(config, ONE, TWO)


TYPED = (
    ("sample_id", "string"),
    ("text", "string"),
    ("stars", "int64"),
    ("score", "double"),
    ("image", "binary"),
    ("flag", "bool"),
    ("label", "string"),
)
fields: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "split": st.sampled_from(SPLITS),
        "label": st.sampled_from("ab"),
        "text": st.sampled_from([None, "", "a", "b" * 5000]),
        "stars": st.sampled_from([None, 0, 2**62]),
        "score": st.sampled_from([None, 0.0, -0.0, float("nan")]),
        "image": st.sampled_from([None, b"", b"\0"]),
        "flag": st.sampled_from([None, True, False]),
    }
)
versions = st.dictionaries(st.integers(0, 9), fields, max_size=10)


def exactly(values: dict[str, Any]) -> dict[str, Any]:
    """The values such that == means the same bytes."""
    return {k: struct.pack("d", v) if isinstance(v, float) else v for k, v in values.items()}


def naive(before: dict[int, Row], after: dict[int, Row]) -> dict[str, list[str]]:
    both = [(index, exactly(before[index]), exactly(after[index])) for index in before if index in after]
    rest = [name for name, _ in TYPED[1:-1]]
    return {
        "added": ids(*(after.keys() - before.keys())),
        "removed": ids(*(before.keys() - after.keys())),
        "relabeled": ids(*(index for index, a, b in both if a["label"] != b["label"])),
        "moved": ids(*(index for index, a, b in both if a["split"] != b["split"])),
        "changed": ids(*(index for index, a, b in both if any(a[n] != b[n] for n in rest))),
    }


def placed(rows: dict[int, Row], buckets: int) -> list[Row]:
    return [row(index, bucket=index % buckets, **values) for index, values in rows.items()]


@settings(max_examples=25)
@given(
    before=versions,
    edited=versions,
    keep=st.sets(st.integers(0, 9)),
    buckets=st.tuples(*[st.integers(1, 3)] * 2),
)
def test_it_is_what_comparing_all_rows_one_by_one_finds(
    before: dict[int, Row], edited: dict[int, Row], keep: set[int], buckets: tuple[int, int]
) -> None:
    after = edited | {index: values for index, values in before.items() if index in keep}
    with tempfile.TemporaryDirectory() as folder:
        config = lake_in(Path(folder))
        one = Reference(DATASET, publish(config, placed(before, buckets[0]), TYPED)[0].version)
        two = Reference(DATASET, publish(config, placed(after, buckets[1]), TYPED)[0].version)
        found, back, none = (difference(config, *pair) for pair in ((one, two), (two, one), (one, one)))
    expected = naive(before, after)
    assert found["examples"] == expected
    assert found["rows"] == {kind: len(named) for kind, named in expected.items()}
    mirrored = {"added": "removed", "removed": "added"}
    for kind in KINDS:
        assert back["rows"][mirrored.get(kind, kind)] == found["rows"][kind]
        assert back["examples"][mirrored.get(kind, kind)] == found["examples"][kind]
    assert none["same"]
    assert none["rows"] == NONE
