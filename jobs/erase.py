"""Erase what data subjects gave, by the orders that somebody agreed to: one that is named, or all.

Each is searched for, written down, and removed everywhere, until nothing of it is found; a receipt takes the
order's place. Cut off anywhere, the next run completes it.
"""

from functools import partial

from lakemint.clock import utc_now
from lakemint.config import load_config
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Order, Receipt
from lakemint.erasure import Erasure, carry_out, complete
from lakemint.errors import LakemintError
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.spark import spark_session
from lakemint.store import open_store


def main(dataset: str, erasure: str = "", mode: str = "") -> Outcome:
    """Carry out orders; with the mode `plan`, say what the one that is named would remove."""
    config = load_config()
    erasures = Erasures(open_store(config), Lake(config.need("lake")), dataset)
    due = [erasures.read(erasure)] if erasure else erasures.due()
    tell = partial(print, flush=True)
    done: list[Receipt] = []
    refused = []
    with spark_session(config) as spark:
        for record in due:
            if mode == "plan" and isinstance(record, Order):
                plan = Erasure(spark, config, record, tell).plan()
                return Outcome(f"erasures/{dataset}", erasure, changed=False, details=plan)
            try:
                done.append(carry_out(spark, config, record, tell))
            except LakemintError as error:
                if erasure:
                    raise
                refused.append(f"erasure {record.erasure}: {error}")
    complete(config, done, tell, utc_now())
    if refused:
        raise LakemintError("\n".join(refused))
    counts = {receipt.erasure: receipt.records for receipt in done}
    return Outcome(f"erasures/{dataset}", ",".join(counts), changed=any(counts.values()), counts=counts)


if __name__ == "__main__":
    runner.run(main)
