"""A version's card, stored with it: data card and Croissant, for who has the lake and no Lakemint.

It is drawn of the version's records by the code that prints it on demand, and changes only when they do.
"""

from collections.abc import Callable, Collection

from lakemint.config import Config
from lakemint.datacard.compose import compose
from lakemint.datacard.facts import card_facts, measured
from lakemint.datacard.markdown import markdown
from lakemint.datacard.page import page
from lakemint.errors import LakemintError, ObjectExists, ObjectNotFound, StoreError, StoreUnavailable
from lakemint.export.croissant import NAME, as_text, has_words_for, of_shards
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.published.baseline import read_baseline
from lakemint.published.catalog import numbers
from lakemint.published.opened import open_published
from lakemint.published.version_record import read_version
from lakemint.store import Store, open_store
from lakemint.store.base import StoredObject, read_whole

_MARKDOWN, _PAGE = "card.md", "card.html"
_DRAWN = (_MARKDOWN, _PAGE, NAME)
_ATTEMPTS = 5


def keep_card(config: Config, version: Reference) -> bool:
    """Store a version's card; returns whether it was another one, or none. The same bytes are left alone.

    A file gives way only if it is still the one from before the records were read: of several who draw at
    once, while an erasure revises the version even, nobody puts an older card over a newer one. Killed
    anywhere, it leaves files that are whole, and is completed by the next. Raises VersionNotFound,
    IntegrityError, SignatureError, VersionRevised, FormatError, StoreError.
    """
    store, lake = open_store(config), Lake(config.need("lake"))
    keys = {name: lake.card(version.dataset, version.number, name) for name in _DRAWN}
    changed = False
    for _ in range(_ATTEMPTS):
        there = {name: store.stat(key) for name, key in keys.items()}
        try:
            for name, text in _draw(config, version).items():
                changed |= _keep(store, keys[name], there[name], text)
            return changed
        except (ObjectExists, ObjectNotFound):
            continue  # somebody drew it just now, maybe of older records
    raise StoreUnavailable(f"{lake.cards(version.dataset, version.number)}: drawn by others again and again")


def renew_cards(
    config: Config, dataset: str, revised: Collection[int], tell: Callable[[str], object]
) -> None:
    """Draw anew what tells of revised versions: their cards, and those of the next ones, which compare.

    One that cannot be drawn goes, and `tell` hears why; so does the score of a baseline from before. Raises
    StoreError.
    """
    store, lake = open_store(config), Lake(config.need("lake"))
    there = numbers(store, lake, dataset)
    for before, number in zip([0, *there], there, strict=False):
        if number in revised:
            _drop_old_baseline(store, lake, dataset, number)
        if number in revised or before in revised:
            _renew(config, store, lake, Reference(dataset, number), tell)


def _draw(config: Config, version: Reference) -> dict[str, str | None]:
    """Name → text; None for what cannot be told of this version."""
    opened = open_published(config, version)
    document = compose(card_facts(config, opened, measured(opened)))
    croissant = as_text(of_shards(opened)) if has_words_for(opened) else None
    return {_MARKDOWN: markdown(document), _PAGE: page(document), NAME: croissant}


def _keep(store: Store, key: str, there: StoredObject | None, text: str | None) -> bool:
    """Whether what is there had to change."""
    if text is None:
        store.delete(key)
        return there is not None
    data = text.encode()
    if there is None:
        store.create(key, data)
        return True
    with store.open(key, there.etag) as stream:
        if there.size == len(data) and read_whole(stream, key, len(data)) == data:
            return False
    store.replace(key, data, there.etag)
    return True


def _renew(
    config: Config, store: Store, lake: Lake, version: Reference, tell: Callable[[str], object]
) -> None:
    try:
        keep_card(config, version)
    except StoreError:
        raise
    except LakemintError as error:
        for name in _DRAWN:
            store.delete(lake.card(version.dataset, version.number, name))
        tell(f"the card of {version} is gone and not drawn anew: {error}")


def _drop_old_baseline(store: Store, lake: Lake, dataset: str, number: int) -> None:
    digest = read_version(store, lake, dataset, number).manifest
    if read_baseline(store, lake, dataset, number, digest) is None:
        store.delete(lake.card(dataset, number, "baseline.json"))
