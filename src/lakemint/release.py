"""Where versions go: what a dataset's recipe says of its channels, today's and not that of a version."""

from lakemint.clock import utc_now
from lakemint.config import Config
from lakemint.dataset.folder import datasets
from lakemint.dataset.recipe import Publish, load_recipe
from lakemint.errors import ConfigError, VersionNotFound
from lakemint.lake import Lake
from lakemint.names import Channel, Reference, dag_id
from lakemint.published.catalog import channels, no_such_channel
from lakemint.published.channels import Moved, Order, history, promote
from lakemint.store import open_store


def asks_for_approval(config: Config, channel: Channel) -> bool:
    """Whether a person must agree before the channel is moved on.

    Raises RecipeError, and ConfigError where the recipe is not at hand: what is not known may be so.
    """
    return channel.name in _rules(config, channel).approve


def require_known(config: Config, channel: Channel) -> None:
    """Raises VersionNotFound for a channel that is neither there nor in the recipe: its name may be misspelt.

    And as `asks_for_approval`.
    """
    rules = _rules(config, channel)
    there = channels(open_store(config), Lake(config.need("lake")), channel.dataset)
    if channel.name not in (rules.channel, *rules.approve, *there):
        raise no_such_channel(channel, there)


def advance(config: Config, version: Reference, name: str) -> Moved | None:
    """Move a channel on to a version that is new to it; None where it stood there once, or at a newer one.

    So a rollback stays, however often the road is walked. Raises as `published.channels.promote`.
    """
    order = Order(
        dag_id("train", version.dataset), utc_now(), "new version", trusted_keys=config.trusted_keys
    )
    store, lake, channel = open_store(config), Lake(config.need("lake")), Channel(version.dataset, name)
    try:
        held = history(store, lake, channel)
    except VersionNotFound:
        held = []
    if any(position.version >= version.number for position in held):
        return None
    return promote(store, lake, channel, version.number, order)


def _rules(config: Config, channel: Channel) -> Publish:
    if config.schemas is None or channel.dataset not in datasets(config.schemas):
        raise ConfigError(
            f"schemas/{channel.dataset}/recipe.yaml is not here, which says whether {channel} asks for "
            "approval: run this in the checkout, or set LAKEMINT_SCHEMAS"
        )
    return load_recipe(config.schemas, channel.dataset).publish
