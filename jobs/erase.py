"""Erase what data subjects gave, by the orders that are open: one that is named, or all.

Each is searched for, written down, and removed everywhere, until nothing of it is found; a receipt takes the
order's place. Cut off anywhere, the next run completes it.
"""

from lakemint.clock import utc_now
from lakemint.config import load_config
from lakemint.erase.orders import Erasures
from lakemint.erase.records import Order
from lakemint.erasure import Erasure
from lakemint.errors import LakemintError
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.published.leases import lease
from lakemint.spark import spark_session
from lakemint.store import open_store


def main(dataset: str, erasure: str = "", mode: str = "") -> Outcome:
    """Carry out orders; with the mode `plan`, only say what one of them would remove."""
    config = load_config()
    lake, store = Lake(config.need("lake")), open_store(config)
    erasures = Erasures(store, lake, dataset)
    orders = erasures.orders() if not erasure else [erasures.read(erasure)]
    done = {}
    with spark_session(config) as spark:
        for order in orders:
            if not isinstance(order, Order):
                raise LakemintError(f"the erasure {erasure} is complete: `lakemint erasures {dataset}`")
            work = Erasure(spark, config, order, lambda step: print(step, flush=True))
            if mode == "plan":
                return Outcome(f"erasures/{dataset}", order.erasure, changed=False, details=work.plan())
            with lease(store, lake, dataset, "erase", order.erasure) as held:
                receipt = work.carry_out(held, utc_now)
            done[receipt.erasure] = receipt.records
    return Outcome(f"erasures/{dataset}", ",".join(done), changed=any(done.values()), counts=done)


if __name__ == "__main__":
    runner.run(main)
