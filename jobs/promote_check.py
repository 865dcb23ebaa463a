"""Check all that a promotion depends on, and write what a person is told who may have to approve it.

Moves nothing. Fails as the promotion would.
"""

from lakemint.clock import utc_now
from lakemint.config import load_config
from lakemint.datacard.proposal import proposal
from lakemint.errors import LakemintError
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.names import Channel, Reference
from lakemint.published.channels import Order, promote
from lakemint.release import asks_for_approval, require_known
from lakemint.store import open_store


def main(dataset: str, version: str, channel: str, reason: str = "", expect: str = "") -> Outcome:
    """What would be moved from where, by which digest, and whether somebody is to be asked.

    `version` is the number; with `expect`, only from that version, or from none by 0.
    """
    config = load_config()
    store, lake = open_store(config), Lake(config.need("lake"))
    wanted, moving = Reference.parse(f"{dataset}@{version}"), Channel(dataset, channel)
    require_known(config, moving)
    only_from = int(expect) if expect else None
    order = Order(config.acting_user(), utc_now(), reason, only_from, True, config.trusted_keys)
    moved = promote(store, lake, moving, wanted.number, order)
    before = Reference(dataset, moved.before.version) if moved.before else None
    details = {
        "asks": asks_for_approval(config, moving),
        "from": before.number if before else 0,
        "subject": f"Promote {wanted} to {moving}?",
        "body": "",
    }
    if moved.changed:
        details["body"], digest = proposal(config, wanted, moving, before, reason)
        if digest != moved.record.manifest:
            raise LakemintError(f"{wanted}: an erasure took rows from it just now; run this again")
    return Outcome(str(moving), moved.record.manifest, moved.changed, details=details)


if __name__ == "__main__":
    runner.run(main)
