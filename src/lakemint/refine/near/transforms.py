"""Clusters of near-duplicates: samples whose texts are alike enough share a split, now and as data grow.

Table `clusters`, a row for each sample that was ever kept:
    sample_id
    bands    what its signature is in each band, array<bigint>: enough to find what is like it
    root     the sample whose hash gave it its split when it came; it never changes
    cluster  the root of its cluster as it is now; another one when a later sample joined two clusters
A sample leaves when its cluster went to another split than its own was: see `leaks`.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from lakemint.dataset.recipe import NearDuplicates, Split
from lakemint.delta_log import Commit
from lakemint.names import SAMPLE_ID
from lakemint.refine.near.minhash import ALGORITHM, Bands, band_hashes, jaccard, shingles
from lakemint.spark import read_table, replace_table, split_of, upsert

if TYPE_CHECKING:
    from numpy.typing import NDArray

COMPARED: Final = 32
"""With how many of those that share a band a sample is compared: the work stays linear where thousands are
alike, and they find each other through the first."""
_MET: Final = "node string, `group` int, is_known boolean"
KEPT_APART: Final = ("test", "validation", "train")
"""Where samples of two splits meet, the first of these wins: what models are tested on stays."""


def keep_clusters(
    marked: DataFrame, uri: str, last: Commit | None, near: NearDuplicates, split: Split
) -> DataFrame:
    """Bring the table at `uri` up to date with the samples that stay so far; returns it as it is then.

    `last` is its newest commit. Where near-duplicates are another thing now, or signatures are made in
    another way, the table is made anew of the samples there are.
    """
    spark = marked.sparkSession
    note = {"near_duplicates": near.digest, "algorithm": ALGORITHM}
    known = read_table(spark, uri, last.version) if last and last.note == note else None
    changed = grown(_texts(marked, near), known, near, split).localCheckpoint()
    if known is None:
        replace_table(changed, uri, note)
    elif not changed.isEmpty():
        upsert(changed, uri, [SAMPLE_ID], note)
    return read_table(spark, uri)


def _texts(marked: DataFrame, near: NearDuplicates) -> DataFrame:
    """(sample_id, text): what of each sample that stays so far is compared."""
    parts = [F.coalesce(F.col(f"_silver.{name}"), F.lit("")) for name in near.columns]
    stays = marked.where(F.col("_reason").isNull())
    return stays.select(SAMPLE_ID, F.concat_ws("\u001f", *parts).alias("text"))


def grown(samples: DataFrame, known: DataFrame | None, near: NearDuplicates, split: Split) -> DataFrame:
    """The rows of `clusters` that are new, or no longer as they are `known`.

    `samples`: (sample_id, text) of all that are kept, new ones too. Of the known ones, only bands are read,
    and the texts of those that share one with a new sample.
    """
    spark = samples.sparkSession
    new = samples if known is None else samples.join(known, SAMPLE_ID, "left_anti")
    signed = new.select(SAMPLE_ID, _bands(F.col("text"), near).alias("bands")).localCheckpoint()
    edges = _alike(_candidates(signed, known), samples, near)
    if known is None:
        edges = edges.withColumn("there", F.lit(None).cast("string"))
    else:
        clusters = known.select(F.col(SAMPLE_ID).alias("other"), F.col("cluster").alias("there"))
        edges = edges.join(clusters, "other", "left")
    met = _met(spark, edges.toArrow(), split)
    home = F.coalesce("chosen", SAMPLE_ID)
    added = signed.join(met.withColumnRenamed("node", SAMPLE_ID), SAMPLE_ID, "left").select(
        SAMPLE_ID, "bands", home.alias("root"), home.alias("cluster")
    )
    if known is None:
        return added
    moved = known.join(met.withColumnRenamed("node", "cluster"), "cluster").where("chosen != cluster")
    return added.unionByName(moved.select(SAMPLE_ID, "bands", "root", F.col("chosen").alias("cluster")))


def leaks(clusters: DataFrame, split: Split) -> DataFrame:
    """(sample_id, cluster) of the samples that must leave: their cluster is in another split than they were.

    Kept where they were, they would be near-duplicates of samples in another split; moved, a test example
    could become one to train on.
    """
    apart = split_of(F.col("root"), split) != split_of(F.col("cluster"), split)
    return clusters.where(apart).select(SAMPLE_ID, "cluster")


def _bands(text: Column, near: NearDuplicates) -> Column:
    bands, width = Bands.of(near.jaccard), near.shingle

    @arrow_udf("array<bigint>")  # type: ignore[call-overload, untyped-decorator]
    def signed(values: pa.Array) -> pa.Array:
        found = band_hashes(values.to_pylist(), width, bands).view(np.int64)
        offsets = np.arange(len(values) + 1, dtype=np.int32) * bands.count
        return pa.ListArray.from_arrays(offsets, found.ravel())

    found: Column = signed(text)
    return found


def _candidates(signed: DataFrame, known: DataFrame | None) -> DataFrame:
    """(sample_id, other): new samples, and of each band's bucket those before them, `COMPARED` at most."""
    place = ("band", "hash")

    def buckets(rows: DataFrame, is_new: bool) -> DataFrame:
        exploded = rows.select(SAMPLE_ID, F.posexplode("bands").alias(*place))
        return exploded.withColumn("is_new", F.lit(is_new))

    members = buckets(signed, True)
    if known is not None:
        touched = members.select(*place).distinct()
        members = members.unionByName(buckets(known, False).join(touched, [*place], "left_semi"))
    # Known ones come first: of the new ones, each meets them.
    order = Window.partitionBy(*place).orderBy("is_new", SAMPLE_ID)
    ranked = members.withColumn("rank", F.row_number().over(order))
    first = ranked.where(F.col("rank") <= COMPARED)
    before = first.select(*place, F.col(SAMPLE_ID).alias("other"), F.col("rank").alias("earlier"))
    pairs = ranked.where("is_new").join(before, [*place]).where("earlier < rank")
    return pairs.select(SAMPLE_ID, "other").distinct()


def _alike(pairs: DataFrame, samples: DataFrame, near: NearDuplicates) -> DataFrame:
    """The pairs whose texts are as similar as asked for."""
    least, width = near.jaccard, near.shingle

    @arrow_udf("boolean")  # type: ignore[call-overload, untyped-decorator]
    def alike(one: pa.Array, other: pa.Array) -> pa.Array:
        left, right = shingles(one.to_pylist(), width), shingles(other.to_pylist(), width)
        return pa.array([jaccard(left.of(row), right.of(row)) >= least for row in range(len(one))])

    others = samples.select(F.col(SAMPLE_ID).alias("other"), F.col("text").alias("other_text"))
    both = pairs.join(samples, SAMPLE_ID).join(others, "other")
    return both.where(alike("text", "other_text")).select(SAMPLE_ID, "other")


def _met(spark: SparkSession, edges: pa.Table, split: Split) -> DataFrame:
    """(node, chosen): the new samples and known clusters that belong together, and the cluster they are now.

    That is a known one if there is any, of the split that must be kept, else the first by its id. Edges are
    few beside samples: they are held in memory, some 100 bytes each.
    """
    there = edges["there"].combine_chunks()
    nodes = (edges[SAMPLE_ID].combine_chunks(), pc.coalesce(there, edges["other"].combine_chunks()))
    names = pa.concat_arrays(nodes).unique()
    groups = _components(_places(names, nodes[0]), _places(names, nodes[1]), len(names))
    is_known = pc.is_in(names, value_set=there.drop_null())
    table = pa.table({"node": names, "group": groups, "is_known": is_known})
    rank = place_kept(split_of(F.col("node"), split))
    first = Window.partitionBy("group").orderBy(F.desc("is_known"), rank, "node")
    return spark.createDataFrame(table, _MET).select("node", F.first("node").over(first).alias("chosen"))


def place_kept(split: Column) -> Column:
    """The place of a split in `KEPT_APART`."""
    return F.array_position(F.array(*map(F.lit, KEPT_APART)), split)


def _places(names: pa.Array, ends: pa.Array) -> "NDArray[np.int32]":
    """Where each of `ends` stands in `names`."""
    found: NDArray[np.int32] = pc.index_in(ends, value_set=names).to_numpy()
    return found


def _components(one: "NDArray[np.int32]", other: "NDArray[np.int32]", count: int) -> "NDArray[np.int32]":
    """The number of the connected component of each of `count` nodes, given the ends of all edges."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    graph = coo_array((np.ones(len(one), bool), (one, other)), shape=(count, count))
    labels: NDArray[np.int32] = connected_components(graph, directed=False)[1]
    return labels
