"""Publishing from real Delta tables to the real store: one version for one input, whatever happens."""

import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

import lakemint
from lakemint.config import Config, load_config
from lakemint.errors import ConservationError, GateFailed, LakemintError, VersionNotFound
from lakemint.job.outcome import Outcome
from lakemint.keys import create_keys, public_path
from lakemint.publish.shards import ShardWriter, shard_columns, written
from lakemint.publish.transforms import bucketed, shards
from lakemint.spark import read_table
from lakemint.store import StoreAddress
from tests.integration.fault_proxy import Fault, FaultProxy, Judge
from tests.integration.gold_dataset import DATASET, SUMMARY, GoldDataset
from tests.support import CHECKOUT, job_path, run_job
from tests.support import lakemint as command

pytestmark = pytest.mark.xdist_group("publish")
EXAMPLES = 200


@pytest.fixture(scope="module")
def filled(stack: Config, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> GoldDataset:
    return made(stack, spark, tmp_path_factory.mktemp("filled"), EXAMPLES)


def made(
    stack: Config, spark: SparkSession, folder: Path, examples: int, *, judged: bool = True
) -> GoldDataset:
    """A dataset in a lake of its own."""
    config = replace(stack, lake=f"s3://test/{uuid4().hex[:12]}")
    dataset = GoldDataset(config, spark, folder)
    dataset.fill(examples, judged=judged)
    return dataset


def enter(dataset: GoldDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's settings, and those of its children, are the dataset's."""
    for name, value in dataset.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def letters(filled: GoldDataset, monkeypatch: pytest.MonkeyPatch) -> Iterator[GoldDataset]:
    """The filled dataset with nothing published."""
    enter(filled, monkeypatch)
    yield filled
    filled.clear()


@pytest.fixture
def proxy(stack: Config) -> Iterator[FaultProxy]:
    proxy = FaultProxy(stack.s3_endpoint)
    yield proxy
    proxy.close()


def start(proxy: FaultProxy | None = None) -> subprocess.Popen[str]:
    """The real job as Airflow starts it, its store behind the proxy."""
    environment = dict(os.environ)
    if proxy:
        config = load_config()
        environment["LAKEMINT_S3_ENDPOINT"] = proxy.endpoint
        environment["LAKEMINT_S3_ACCESS_KEY"] = config.s3_access_key
        environment["LAKEMINT_S3_SECRET_KEY"] = config.s3_secret_key
    return subprocess.Popen(
        [sys.executable, job_path("publish"), DATASET],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def outcome_of(job: subprocess.Popen[str]) -> Outcome:
    said, complaint = job.communicate(timeout=300)
    assert job.returncode == 0, complaint
    outcome = Outcome.from_line(said.splitlines()[-1])
    assert outcome is not None
    return outcome


def assert_published(dataset: GoldDataset, name: str = "letters@1") -> None:
    """The version holds gold, row by row; every stored object is what its name says."""
    version = lakemint.open(name)
    found = {
        row["sample_id"]: {**row, "split": split}
        for split in version.splits
        for batch in version[split]
        for row in batch.to_pylist()
    }
    assert found == dataset.rows
    assert sum(len(version[split]) for split in version.splits) == len(dataset.rows)
    for folder in ("shards", "manifests"):
        for key in dataset.keys(f"published/letters/{folder}/"):
            assert hashlib.sha256(dataset.store.get(key)).hexdigest() in key


def test_a_version_holds_gold_row_by_row(letters: GoldDataset) -> None:
    outcome = run_job("publish", DATASET)
    assert (outcome.subject, outcome.changed) == ("letters@1", True)
    assert outcome.identity == lakemint.open("letters@1").digest
    assert_published(letters)


def test_publishing_twice_changes_nothing(letters: GoldDataset) -> None:
    first = run_job("publish", DATASET)
    before = list(letters.store.list("published/"))
    again = run_job("publish", DATASET)
    assert (again.subject, again.identity, again.changed) == ("letters@1", first.identity, False)
    assert list(letters.store.list("published/")) == before


def test_a_version_is_rebuilt_bit_for_bit_and_lost_shards_are_there_again(letters: GoldDataset) -> None:
    published = run_job("publish", DATASET)
    before = sorted(item.key for item in letters.store.list("published/"))
    for key in letters.keys("published/letters/shards/")[::2]:
        letters.store.delete(key)
    jobs = letters.folder.parent / "jobs"  # as in a checkout
    jobs.symlink_to(CHECKOUT / "jobs")
    said = command("version", "rebuild", "letters@1")
    jobs.unlink()
    assert said.returncode == 0, said.stderr
    assert said.stdout == f"letters@1: rebuilt bit for bit, {published.identity}\n"
    assert sorted(item.key for item in letters.store.list("published/")) == before
    assert_published(letters)


def test_the_manifest_and_the_card_say_where_everything_went(letters: GoldDataset) -> None:
    run_job("publish", DATASET)
    card = json.loads(command("version", "show", "letters", "--json").stdout)
    assert card["counts"] == {
        "raw": EXAMPLES + 6,
        "published": EXAMPLES,
        "unlabeled": 3,
        "rejected": 1,
        "quarantined": 2,
    }
    for split, found in card["splits"].items():
        rows = [row for row in letters.rows.values() if row["split"] == split]
        assert found["rows"] == len(rows)
        assert found["labels"] == {
            label: sum(row["label"] == label for row in rows) for label in {row["label"] for row in rows}
        }
    assert {name: card["labels"][name] for name in SUMMARY} == SUMMARY
    tables = ("objects", "quarantine", "rejected", "silver", "labels", "gold")
    assert card["inputs"] == {name: asdict(letters.at(name)) for name in tables}
    assert [(v["table"], v["passed"], v["checks"]) for v in card["verdicts"]] == [
        ("silver", True, 1),
        ("gold", True, 1),
    ]
    shown = command("version", "show", "letters@1")
    assert shown.returncode == 0
    assert "206 raw = 200 published + 3 unlabeled + 1 rejected + 2 quarantined" in " ".join(
        shown.stdout.replace("│", " ").split()
    )
    listed = json.loads(command("version", "list", "letters", "--json").stdout)
    assert [(entry["version"], entry["rows"]) for entry in listed] == [(1, EXAMPLES)]
    assert "letters@1" in command("version", "list", "letters").stdout
    missing = command("version", "show", "letters@2")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "letters@2: no such version; there is letters@1" in missing.stderr


def test_the_baseline_is_scored_once_a_version_and_stands_on_its_card(letters: GoldDataset) -> None:
    with pytest.raises(VersionNotFound, match="letters has no published version yet"):
        run_job("train", DATASET)
    run_job("publish", DATASET)
    first = run_job("train", DATASET)
    assert (first.subject, first.changed) == ("letters@1", True)
    assert run_job("train", DATASET) == replace(first, changed=False)
    score = json.loads(command("version", "show", "letters", "--json").stdout)["baseline"]
    tested = [row["label"] for row in letters.rows.values() if row["split"] == "test"]
    assert score["test_rows"] == len(tested)
    assert score["majority"] == pytest.approx(max(Counter(tested).values()) / len(tested), abs=1e-6)
    assert score["accuracy"] > 0.95  # each text holds its label's name
    assert score["manifest"] == first.identity


def test_shards_are_the_same_bytes_however_spark_cuts_the_rows(letters: GoldDataset) -> None:
    gold = read_table(letters.spark, letters.lake.table("gold", DATASET))
    writer = ShardWriter(DATASET, StoreAddress.of(letters.config), shard_columns(gold.dtypes))
    found = []
    for cut in (gold, gold.coalesce(1), gold.repartition(7), gold.orderBy("text")):
        said = written(row.asDict() for row in shards(bucketed(cut, 3), writer).collect())
        found.append(sorted((row["split"], row["bucket"], row["sha256"], row["rows"]) for row in said))
    assert found[1:] == found[:1] * 3
    assert len(letters.keys("published/letters/shards/")) == len(found[0])
    assert sum(rows for *_, rows in found[0]) == EXAMPLES


def test_two_publishers_at_once_make_one_version(letters: GoldDataset) -> None:
    crowd = [start(), start()]
    outcomes = [outcome_of(job) for job in crowd]
    assert sorted(outcome.changed for outcome in outcomes) == [False, True]
    assert {outcome.subject for outcome in outcomes} == {"letters@1"}
    assert len({outcome.identity for outcome in outcomes}) == 1
    assert lakemint.versions(DATASET) == ["letters@1"]
    assert_published(letters)


AT = {
    "reading what is there": ("GET", "", Fault(refuse=True), 1),
    "a shard is on its way": ("PUT", "/shards/", Fault(refuse=True), 2),
    "the signature was stored": ("PUT", "/signatures/", Fault(lose_reply=True), 1),
    "the manifest was stored": ("PUT", "/manifests/", Fault(lose_reply=True), 1),
    "the record is on its way": ("PUT", "/versions/", Fault(refuse=True), 1),
    "the record was stored": ("PUT", "/versions/", Fault(lose_reply=True), 1),
}


@pytest.mark.parametrize("point", AT)
def test_killed_anywhere_and_run_again_there_is_one_version_and_it_is_signed(
    letters: GoldDataset, proxy: FaultProxy, point: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key = tmp_path / "release.pem"
    create_keys(key)
    monkeypatch.setenv("LAKEMINT_SIGNING_KEY", str(key))
    monkeypatch.setenv("LAKEMINT_TRUSTED_KEYS", str(public_path(key)))
    method, part, fault, turn = AT[point]
    job: list[subprocess.Popen[str]] = []
    met = 0

    def kill(_method: str, _path: str) -> Fault:
        job[0].kill()
        return Fault(refuse=True)

    def watch(asked: str, path: str) -> Fault | None:
        nonlocal met
        if asked != method or part not in path:
            return None
        met += 1
        if met < turn:
            return None
        if fault.refuse:
            return kill(asked, path)
        proxy.judge = kill  # the store has this request first, then the job dies asking again
        return fault

    proxy.judge = watch
    job.append(start(proxy))
    job[0].communicate(timeout=300)
    assert job[0].returncode == -9
    there = lakemint.versions(DATASET)
    assert there == (["letters@1"] if point == "the record was stored" else [])
    if there:
        assert_published(letters)
    proxy.judge = lambda _method, _path: None
    outcome = outcome_of(start(proxy))
    assert outcome.subject == "letters@1"
    assert outcome.changed is (not there)
    assert lakemint.versions(DATASET) == ["letters@1"]
    assert_published(letters)


def from_then_on(method: str, part: str) -> Judge:
    """The store is away from the first such request on."""
    away = False

    def judge(asked: str, path: str) -> Fault | None:
        nonlocal away
        away = away or (asked == method and part in path)
        return Fault(refuse=True) if away else None

    return judge


@pytest.mark.parametrize("part", ["/shards/", "/versions/"])
def test_the_store_goes_away_in_the_middle(letters: GoldDataset, proxy: FaultProxy, part: str) -> None:
    proxy.judge = from_then_on("PUT", part)
    job = start(proxy)
    _, complaint = job.communicate(timeout=300)
    assert job.returncode == 1
    assert complaint.strip().splitlines()[-1].startswith("error: published/letters/")
    assert "the object store does not answer" in complaint
    assert "Traceback" not in complaint
    assert lakemint.versions(DATASET) == []
    proxy.judge = lambda _method, _path: None
    assert outcome_of(start(proxy)).subject == "letters@1"
    assert lakemint.versions(DATASET) == ["letters@1"]
    assert_published(letters)


def test_every_reply_to_a_write_lost_once_makes_one_version(letters: GoldDataset, proxy: FaultProxy) -> None:
    lost = set()

    def lose(method: str, path: str) -> Fault | None:
        if method != "PUT" or path in lost:
            return None
        lost.add(path)
        return Fault(lose_reply=True)

    proxy.judge = lose
    outcome = outcome_of(start(proxy))
    assert (outcome.subject, outcome.changed) == ("letters@1", True)
    assert len(lost) > 5
    assert lakemint.versions(DATASET) == ["letters@1"]
    assert_published(letters)


def test_new_rows_are_a_new_version_and_the_old_one_stays(
    stack: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made(stack, spark, tmp_path, 20)
    enter(dataset, monkeypatch)
    run_job("publish", DATASET)
    old = dict(dataset.rows)
    dataset.fill(25)
    assert run_job("publish", DATASET).subject == "letters@2"
    assert_published(dataset, "letters@2")
    dataset.rows = old
    assert_published(dataset, "letters@1")


def test_what_was_not_judged_failed_or_lost_is_not_published(
    stack: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = made(stack, spark, tmp_path, 5, judged=False)
    enter(dataset, monkeypatch)
    with pytest.raises(GateFailed, match="silver/letters version 0 was not judged"):
        run_job("publish", DATASET)
    dataset.judge(passed=False)
    with pytest.raises(GateFailed, match="breaks 1 critical rule"):
        run_job("publish", DATASET)
    dataset.fill(5, lost=2)
    with pytest.raises(ConservationError, match=r"13 raw records ≠ 5 published .* = 11"):
        run_job("publish", DATASET)
    recipe = tmp_path / DATASET / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("buckets: 3", "buckets: 4"))
    with pytest.raises(LakemintError, match="gold was made by another recipe"):
        run_job("publish", DATASET)
    assert lakemint.versions(DATASET) == []


def test_nothing_to_publish_says_what_to_run(
    config: Config, spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter(GoldDataset(config, spark, tmp_path), monkeypatch)
    with pytest.raises(LakemintError, match="there is no objects/letters yet; `lakemint run letters`"):
        run_job("publish", DATASET)
