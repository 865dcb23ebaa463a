"""The gate's job on the real Spark: verdicts that stand, and what ends it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lakemint.config import Config
from lakemint.delta_log import DeltaLog
from lakemint.errors import ContractError, GateFailed, LakemintError
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.spark import replace_table
from lakemint.store import Store
from lakemint.verdicts import passing, verdicts_on
from tests.integration.test_gate import contract_of, limits, sample, texts
from tests.support import job_path, run_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture
def gate(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Outcome]:
    """Runs the job on `silver` of `pets`, in the test's own lake and datasets."""
    monkeypatch.setenv("LAKEMINT_SCHEMAS", str(tmp_path / "schemas"))
    return lambda: run_job("gate", "pets", "silver")


def test_a_version_is_judged_once_and_its_verdict_stands(
    spark: "SparkSession", config: Config, store: Store, tmp_path: Path, gate: Callable[[], Outcome]
) -> None:
    table = contract_of(tmp_path, {"text": {"required": True}}).table("silver")
    lake = Lake(config.lake)
    replace_table(texts(spark, "x", "y"), lake.table("silver", "pets"), {})
    first = gate()
    assert (first.subject, first.changed, first.counts) == ("silver/pets", True, {"checks": 2, "failed": 0})
    log = DeltaLog(store, lake, "pets")
    assert passing(store, lake, "pets", table, log.need("silver").at) == first.identity
    again = gate()
    assert (again.changed, again.identity) == (False, first.identity)
    assert len([*verdicts_on(store, lake, "pets", "silver", log.need("silver").at)]) == 1
    # Stricter rules judge anew; other data are another version.
    stricter = contract_of(tmp_path, {"text": {"required": True, **limits(minLength=2)}}).table("silver")
    with pytest.raises(GateFailed, match="2 rows"):
        gate()
    replace_table(texts(spark, "xx", "yy"), lake.table("silver", "pets"), {})
    with pytest.raises(GateFailed, match="version 1 was not judged"):
        passing(store, lake, "pets", stricter, log.need("silver").at)
    assert gate().details["version"] == 1


def test_a_critical_failure_ends_the_job_names_the_rows_and_keeps_the_verdict(
    spark: "SparkSession", config: Config, store: Store, tmp_path: Path, gate: Callable[[], Outcome]
) -> None:
    contract_of(tmp_path, {"text": {"required": True}})
    replace_table(texts(spark, "x", None), Lake(config.lake).table("silver", "pets"), {})
    with pytest.raises(GateFailed) as error:
        gate()
    lake = Lake(config.lake)
    (kept,) = verdicts_on(store, lake, "pets", "silver", DeltaLog(store, lake, "pets").need("silver").at)
    assert kept["passed"] is False
    # As a process, from the verdict that stands.
    command = [sys.executable, str(job_path("gate")), "pets", "silver"]
    failed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (failed.returncode, failed.stdout) == (3, "")
    assert failed.stderr == f"error: {error.value}\n"
    assert str(error.value) == (
        "silver/pets version 0 breaks 1 critical rule of its contract; "
        "mend the data, the recipe or the rule, and run again\n"
        f"  text: text is never null: 1 row, in {sample(2)}"
    )


def test_a_missing_table_is_named_with_the_way_out(tmp_path: Path, gate: Callable[[], Outcome]) -> None:
    contract_of(tmp_path, {"text": {}})
    with pytest.raises(LakemintError, match="there is no silver/pets yet; `lakemint run pets` makes it"):
        gate()
    with pytest.raises(ContractError, match="describes silver and gold, not 'bronze'"):
        run_job("gate", "pets", "bronze")


def test_a_spark_server_that_is_away_is_told_in_one_line(
    spark: "SparkSession",
    config: Config,
    tmp_path: Path,
    gate: Callable[[], Outcome],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    contract_of(tmp_path, {"text": {}})
    replace_table(texts(spark, "x"), Lake(config.lake).table("silver", "pets"), {})
    monkeypatch.setenv("LAKEMINT_SPARK_REMOTE", "sc://127.0.0.1:9")
    command = [sys.executable, str(job_path("gate")), "pets", "silver"]
    away = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert (away.returncode, away.stdout) == (1, "")
    assert away.stderr.startswith("error: the Spark server does not answer")
    assert away.stderr.count("\n") == 1
