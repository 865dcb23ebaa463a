"""Dealing on the real Spark: strata have their shares, clusters share a split, whoever has one keeps it."""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable

from pyspark.sql import DataFrame, SparkSession

from lakemint.dataset.recipe import Split
from lakemint.names import SPLITS
from lakemint.refine.splits.transforms import SCHEMA, parted, units, unsplit
from tests.identity import sample_id
from tests.integration.test_assemble import expected_split
from tests.integration.test_splits import BY_KIND, SHARES


def off_quota(placed: Iterable[tuple[str, str]], shares: dict[str, float] = SHARES) -> float:
    """Of all (stratum, split): by how many units one of them is off its quota at most."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for stratum, split in placed:
        counts[stratum][split] += 1
    return max(
        abs(shares[name] * found.total() - found[name]) for found in counts.values() for name in SPLITS
    )


class Table:
    """`splits` in memory, grown by the transforms alone."""

    def __init__(self, spark: SparkSession, draw: random.Random | None = None) -> None:
        self._spark, self._draw = spark, draw
        self.splits: dict[str, str] = {}

    def grow(self, kinds: dict[str, str], clusters: dict[str, str] | None = None) -> None:
        """Deal those samples (id → stratum), perhaps in clusters (id → cluster), that have no split yet."""
        samples = self._frame(kinds, "sample_id string, stratum string")
        grouped = self._frame(clusters, "sample_id string, cluster string") if clusters else None
        splits, split = self._frame(self.splits, SCHEMA), Split(**BY_KIND)
        whole = units(samples, grouped, splits).localCheckpoint()
        found = unsplit(samples, grouped, splits, whole, split).collect()
        new = {row["sample_id"]: row["split"] for row in found}
        assert len(new) == len(found)
        assert new.keys() == kinds.keys() - self.splits.keys()
        self.splits |= new

    def leaving(self, clusters: dict[str, str]) -> set[str]:
        grouped = self._frame(clusters, "sample_id string, cluster string")
        return {row["sample_id"] for row in parted(grouped, self._frame(self.splits, SCHEMA)).collect()}

    def _frame(self, rows: dict[str, str], schema: str) -> DataFrame:
        """Where it is left to chance, in any order and any number of partitions."""
        pairs = [*rows.items()]
        if self._draw is None:
            return self._spark.createDataFrame(pairs, schema)
        self._draw.shuffle(pairs)
        return self._spark.createDataFrame(pairs, schema).repartition(self._draw.randint(1, 5))


def test_every_stratum_has_its_shares_however_rows_come_and_lie(spark: SparkSession, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311 - test data
    kinds: dict[str, str] = {}
    table, shuffled = Table(spark), Table(spark, draw)
    for step in range(3):
        sizes = {"common": 50, "rare": draw.randint(0, 3), "": draw.randint(0, 9), f"only {step}": 5}
        for kind, size in sizes.items():
            kinds |= {sample_id([f"{step} {kind} {number}"]): kind for number in range(size)}
        before = dict(table.splits)
        table.grow(kinds)
        shuffled.grow(kinds)
        assert before.items() <= table.splits.items()
        assert table.splits == shuffled.splits
        assert off_quota((kinds[sample], split) for sample, split in table.splits.items()) < 1
    # Most are where the hash alone would put them.
    split = Split(**SHARES)
    same = sum(expected_split(sample, split) == there for sample, there in table.splits.items())
    assert same > 0.8 * len(table.splits)


def test_clusters_share_a_split_and_whoever_was_tested_on_stays(spark: SparkSession, seed: int) -> None:
    """Clusters grow, and meet; samples leave, and come back."""
    draw = random.Random(seed)  # noqa: S311 - test data
    table, clusters, kinds = Table(spark), dict[str, str](), dict[str, str]()
    left: set[str] = set()
    for step in range(4):
        groups = sorted({*clusters.values()})
        for number in range(30):
            new = sample_id([f"{step} {number}"])
            met = draw.sample(groups, min(len(groups), draw.randint(0, 2)))
            clusters[new] = met[0] if met else new
            clusters |= {one: met[0] for one, cluster in clusters.items() if cluster in met}
            kinds[new] = draw.choice("aab")
        before, gone = dict(table.splits), set(draw.sample(sorted(kinds), len(kinds) // 10))
        table.grow({one: kind for one, kind in kinds.items() if one not in gone}, clusters)
        assert before.items() <= table.splits.items()
        left = table.leaving(clusters)
        stay = {one: there for one, there in table.splits.items() if one not in left}
        assert len({(clusters[one], there) for one, there in stay.items()}) == len(
            {clusters[one] for one in stay}
        )
        assert all(table.splits[one] != "test" for one in left)
    assert left
