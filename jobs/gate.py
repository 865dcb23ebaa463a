"""Judge the newest version of a table by its contract. A critical failure ends the road; the verdict is kept.

A version that was judged by the same rules is not judged again: its verdict stands.
"""

from lakemint import jobs
from lakemint.config import load
from lakemint.contract import load_contract
from lakemint.errors import GateFailed
from lakemint.lake import Lake
from lakemint.outcome import Outcome
from lakemint.spark import read_table, spark_session, table_version
from lakemint.store import open_store
from lakemint.verdicts import digest, find, keep, require, summary


def main(dataset: str, table: str) -> Outcome:
    """The passing verdict's identity; raises GateFailed, naming rules and rows, for another."""
    config = load()
    rules = load_contract(config.datasets(), dataset).table(table)
    lake, store = Lake(config.need("lake")), open_store(config)
    uri = lake.table(table, dataset)
    with spark_session(config) as spark:
        version = table_version(spark, uri)
        if version is None:
            raise GateFailed(f"there is no {table}/{dataset} to judge; `lakemint run {dataset}` makes it")
        known = find(store, lake, dataset, rules, version)
        if known is None:
            from lakemint.gate.judge import judge  # Great Expectations takes seconds to import

            verdict = keep(store, lake, judge(read_table(spark, uri, version), rules, dataset, version))
        else:
            verdict = known
    require(verdict)
    return Outcome(f"{table}/{dataset}", digest(verdict), known is None, **summary(verdict))


if __name__ == "__main__":
    jobs.run(main)
