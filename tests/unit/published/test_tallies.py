"""Samples of many shards, taken together and one by one: the same ones are found twice."""

import pyarrow as pa
import pytest

from lakemint.published import tallies
from lakemint.published.fingerprint import Fingerprints
from lakemint.published.records import ShardRecord
from lakemint.published.tallies import Samples

SHARDS = [["a", "b", "c"], [], ["d"], ["b", "e"], ["f"] * 3, ["g", "a", "h", None], ["i"]]


def shard(number: int) -> ShardRecord:
    return ShardRecord(sha256=f"{number:064x}", bytes=1, rows=1)


@pytest.mark.parametrize("together", [0, 40, 2**21], ids=["each alone", "some", "all"])
def test_what_is_there_twice_is_found_wherever_it_is(together: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "TOGETHER", together)
    samples = Samples()
    for number, ids in enumerate(SHARDS):
        samples.add(shard(number), pa.array(ids, pa.string()))
    found = {int(owner.sha256, 16): list(rows) for owner, rows in samples.repeated()}
    assert found == {0: [0, 1], 3: [0], 4: [0, 1, 2], 5: [1]}


def test_no_shard_no_sample() -> None:
    assert list(Samples().repeated()) == []


def test_ids_of_many_small_shards_are_looked_at_together_and_keep_no_shard_in_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked: list[int] = []
    column = Fingerprints.column

    def counted(self: Fingerprints, name: str, values: pa.Array) -> object:
        looked.append(len(values))
        return column(self, name, values)

    monkeypatch.setattr(Fingerprints, "column", counted)
    samples, before = Samples(), pa.total_allocated_bytes()
    for number in range(200):
        rows = pa.RecordBatch.from_pydict({"id": [f"{number}"], "text": ["x" * 100_000]})
        with pa.ipc.open_stream(written(rows)) as reader:
            samples.add(shard(number), reader.read_next_batch().column("id"))
    assert pa.total_allocated_bytes() - before < 1_000_000
    assert list(samples.repeated()) == []
    assert looked == [200, 200]


def written(rows: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write(rows)
    return sink.getvalue()
