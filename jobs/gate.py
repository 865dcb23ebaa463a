"""Judge one version of a table by its contract. A critical failure ends the road; the verdict is kept.

A version that was judged by the same rules is not judged again: its verdict stands.
"""

from lakemint.config import load_config
from lakemint.dataset.contract import load_contract
from lakemint.delta_log import DeltaLog
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.spark import read_table, spark_session
from lakemint.store import open_store
from lakemint.verdicts import digest, find, keep, require, summary


def main(dataset: str, table: str, version: str = "") -> Outcome:
    """The passing verdict's identity; raises GateFailed, naming rules and rows, for another.

    `version`: a Delta version of the table, the newest without one.
    """
    config = load_config()
    rules = load_contract(config.schemas_folder(), dataset).table(table)
    lake, store = Lake(config.need("lake")), open_store(config)
    log = DeltaLog(store, lake, dataset)
    at = (log.at(table, int(version)) if version else log.need(table)).at
    verdict = known = find(store, lake, dataset, rules, at)
    if verdict is None:
        from lakemint.gate.judge import judge  # Great Expectations takes seconds to import

        with spark_session(config) as spark:
            frame = read_table(spark, lake.table(table, dataset), at.version)
            verdict = keep(store, lake, judge(frame, rules, dataset, at))
    require(verdict)
    return Outcome(f"{table}/{dataset}", digest(verdict), known is None, **summary(verdict))


if __name__ == "__main__":
    runner.run(main)
