"""Point a channel to a version, as it was checked, and if the channel asks for it, approved by a person."""

from lakemint.clock import utc_now
from lakemint.config import load_config
from lakemint.errors import GateFailed
from lakemint.job import runner
from lakemint.job.outcome import Outcome
from lakemint.lake import Lake
from lakemint.names import Channel, Reference
from lakemint.published.channels import Order, promote
from lakemint.release import asks_for_approval
from lakemint.store import open_store


def main(  # noqa: PLR0913, PLR0917 - a command line
    dataset: str,
    version: str,
    channel: str,
    reason: str = "",
    expect: str = "",
    manifest: str = "",
    by: str = "",
    approver: str = "",
) -> Outcome:
    """The move; a second run finds it done.

    `version` is the number, `manifest` the digest that was checked, `expect` where the channel stood then (0:
    nowhere). `by` asked for it and `approver` agreed: who agreed moves it, in the channel's history.
    """
    config = load_config()
    moving, wanted = Channel(dataset, channel), Reference.parse(f"{dataset}@{version}")
    if not approver and asks_for_approval(config, moving):
        raise GateFailed(
            f"{moving} asks for approval, and nobody approved {wanted}: "
            f"`lakemint promote {wanted} --to {channel}` tells where to"
        )
    order = Order(
        by=approver or by or config.acting_user(),
        at=utc_now(),
        reason=reason,
        expect=int(expect) if expect else None,
        trusted_keys=config.trusted_keys,
        manifest=manifest,
    )
    moved = promote(open_store(config), Lake(config.need("lake")), moving, wanted.number, order)
    details = {"by": moved.record.by, "from": moved.before.version if moved.before else 0}
    return Outcome(str(moving), moved.record.manifest, moved.changed, details=details)


if __name__ == "__main__":
    runner.run(main)
