"""A version published into a local folder, by the platform's own code, without Spark."""

import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import yaml

from lakemint.config import Config
from lakemint.digest import canonical, digest_of
from lakemint.lake import Lake
from lakemint.names import SPLITS, TableVersion
from lakemint.publish.commit import commit, newest
from lakemint.publish.keep import keep, keep_document
from lakemint.publish.manifest import Basis, manifest_of, split_records
from lakemint.publish.shards import encode
from lakemint.published.columns import arrow_schema
from lakemint.published.content import content_of
from lakemint.published.leases import lease
from lakemint.published.records import Counts, Manifest
from lakemint.published.shards import label_counts
from lakemint.published.version_record import VersionRecord
from lakemint.store import Store, open_store
from lakemint.store.probe import CHECKS
from lakemint.store.safety import FORMAT
from lakemint.verdicts import Verdict, verdict_of
from lakemint.verdicts import keep as keep_verdict

DATASET = "notes"
COLUMNS = (("sample_id", "string"), ("text", "string"), ("stars", "int64"), ("label", "string"))
WHEN = "2026-11-22T12:00:00+00:00"
INPUTS = {"gold": TableVersion(1, "c1"), "silver": TableVersion(2, "c2")}

DOCUMENTS = {name: {"made by": name} for name in ("contract", "recipe")}
MADE_BY = {name: digest_of(document) for name, document in DOCUMENTS.items()}

Row = dict[str, Any]


def row(index: int, split: str = "train", bucket: int | None = None, **values: Any) -> Row:
    """A row; the bucket follows from its index unless named."""
    sample_id = hashlib.sha256(str(index).encode()).hexdigest()[:32]
    own = {"sample_id": sample_id, "text": f"text {index}", "stars": index, "label": "ab"[index % 2]}
    return {"split": split, "bucket": index % 3 if bucket is None else bucket, **own, **values}


def settings(folder: Path) -> Config:
    return Config(lake=f"file://{folder / 'lake'}", cache=str(folder / "cache"))


def publish(
    config: Config,
    rows: Iterable[Row],
    columns: tuple[tuple[str, str], ...] = COLUMNS,
    changed: dict[str, Any] | None = None,
    **basis: Any,
) -> tuple[VersionRecord, bool]:
    """What `jobs/publish.py` does with the rows that Spark would give it.

    `basis` is changed as told, and `changed` of the manifest that it makes.
    """
    lake, store = Lake(config.lake), open_store(config)
    before = newest(store, lake, DATASET)
    manifest, shards = manifest_and_shards(rows, columns, **basis)
    for document in DOCUMENTS.values():
        keep_document(store, lake, DATASET, document)
    with lease(store, lake, DATASET, "publish") as held:
        for digest, data in shards.items():
            keep(store, lake.shard(DATASET, digest), data)
        made = manifest.model_copy(update=changed)
        return commit(store, lake, made, held, lambda: WHEN, after=before)


def verdict(table: str, passed: bool = True, suite: str = "") -> Verdict:
    """A verdict on the version of `table` in `INPUTS`, by a suite of its own."""
    check = {"name": "text is short", "column": "text", "severity": "critical", "passed": passed}
    checks = [{**check, "observed": 0, "broken": 0, "rows": []}]
    suite = suite or hashlib.sha256(table.encode()).hexdigest()
    return verdict_of(DATASET, table, INPUTS[table], suite, checks)


def judge(config: Config, table: str, passed: bool = True) -> str:
    """The digest of that verdict, kept in the lake."""
    return digest_of(keep_verdict(open_store(config), Lake(config.lake), verdict(table, passed)))


def vouch(store: Store, address: str) -> None:
    """Remember that the store was found safe to publish on, by that address of its: a probe takes a while."""
    record = {"format": FORMAT, "store": address, "checks": list(CHECKS)}
    store.put(Lake("s3://any").safe_store(address), canonical(record))


def publish_judged(config: Config, rows: Iterable[Row]) -> VersionRecord:
    """A version that passed its gates, in a store that was found safe."""
    store = open_store(config)
    vouch(store, store.address)
    verdicts = sorted(judge(config, table) for table in INPUTS)
    return publish(config, rows, verdicts=verdicts)[0]


def write_recipe(schemas: Path, **parts: Any) -> None:
    """A recipe of the dataset, with these parts beside those that every one has."""
    needed = {
        "sources": {"letters": {"format": "tsv", "columns": ["text"]}},
        "content": ["text"],
        "label": {"known": "text"},
    }
    (schemas / DATASET).mkdir(parents=True, exist_ok=True)
    (schemas / DATASET / "recipe.yaml").write_text(yaml.safe_dump({**needed, **parts}))


def rewrite(path: Path, **changed: Any) -> None:
    """Change a version's record so that only what it says is wrong, not its seal."""
    record = {**json.loads(path.read_text()), **changed}
    path.write_bytes(canonical(VersionRecord(**record).sealed().model_dump(mode="json")))


def age(config: Config, days: float) -> None:
    """Make everything that is published that old."""
    then = time.time() - days * 86_400
    for path in Path(config.lake.removeprefix("file://"), "published").rglob("*"):
        os.utime(path, (then, then))


def manifest_and_shards(
    rows: Iterable[Row], columns: tuple[tuple[str, str], ...] = COLUMNS, **basis: Any
) -> tuple[Manifest, dict[str, bytes]]:
    """The manifest, and digest → bytes of its shards."""
    places: dict[tuple[str, int], list[Row]] = defaultdict(list)
    for entry in rows:
        places[entry["split"], entry["bucket"]].append(entry)
    shards, written = {}, []
    for (split, bucket), held in places.items():
        names = [name for name, _ in columns]
        table = pa.Table.from_pylist([{k: r[k] for k in names} for r in held], schema=arrow_schema(columns))
        data = encode(table, columns)
        digest = hashlib.sha256(data).hexdigest()
        shards[digest] = data
        size = {"sha256": digest, "bytes": len(data), "rows": len(held), "labels": label_counts(table)}
        written.append({"split": split, "bucket": bucket, **size, "content": content_of(table)})
    splits = split_records(SPLITS, written)
    published = sum(split.rows for split in splits.values())
    counts = Counts(raw=published, quarantined=0, rejected=0, unlabeled=0, published=published)
    made = {**MADE_BY, "lakemint": "0.1.0", "inputs": INPUTS}
    whole = Basis(**{"dataset": DATASET, **made, "verdicts": [], **basis})
    return manifest_of(whole, columns, {}, counts, splits, buckets=3), shards
