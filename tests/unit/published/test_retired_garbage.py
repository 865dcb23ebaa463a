"""The files of a retired version go when nobody needs them any more, and those of no other one."""

from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings as checks
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import lakemint
from lakemint.config import Config
from lakemint.errors import LakemintError, StoreUnavailable, VersionRetired
from lakemint.names import Channel, Reference
from lakemint.published import channels
from lakemint.published.channels import Order
from lakemint.published.holds import holds, release, uuid_of
from lakemint.published.leases import leases
from lakemint.published.retirement import restore
from lakemint.published.verify import verify
from lakemint.published.version_record import read_version
from tests.unit.failing import Failing
from tests.unit.published.retired import (
    FIRST,
    LONG,
    ROWS,
    SHARED,
    alone,
    hold,
    keys,
    opened,
    own,
    publish_three,
    read,
    retire,
    sweep,
    why,
)
from tests.unit.small_version import (
    DATASET,
    WHEN,
    age,
    publish,
    publish_judged,
    rewrite,
    row,
    settings,
)

PRODUCTION = Channel(DATASET, "production")
NEWEST = Reference(DATASET, 3)
NUMBERS = st.integers(0, 9)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return publish_three(settings(tmp_path))


def test_nothing_of_a_retired_version_goes_before_its_grace_period_is_over(config: Config) -> None:
    record = retire(config, days=6)
    assert record.retired
    found = sweep(config)
    assert (found.objects, found.retired) == ([], {})
    assert list(found.kept) == [1]
    assert found.kept[1].endswith("its grace period lasts")
    restore(*opened(config), FIRST)
    assert read(config, "notes@1") == ROWS


def test_then_what_only_it_held_goes_shards_first_its_manifest_then_and_its_card_last(config: Config) -> None:
    store, lake = opened(config)
    *shards, manifest = own(config)
    card = [lake.card(DATASET, 1, name) for name in ("baseline.json", "card.md")]
    for key in (*card, lake.card(DATASET, 2, "card.md")):
        store.put(key, b"{}")
    age(config, LONG)
    retire(config)
    before = keys(config)
    found = sweep(config)
    assert [item.key for item in found.objects] == [*shards, manifest, *card]
    assert {item.key for item in found.retired[1]} == {*shards, manifest, *card}
    assert before - keys(config) == {*shards, manifest, *card}
    assert all(verify(config, Reference(DATASET, number)).sound for number in (2, 3))
    assert sweep(config).objects == []


def test_while_one_of_its_files_is_young_what_tells_of_it_stays(config: Config) -> None:
    store, lake = opened(config)
    first, second, manifest = own(config)
    card = lake.card(DATASET, 1, "card.md")
    store.put(card, b"# 1")
    age(config, LONG)
    retire(config)
    store.put(second, store.get(second))  # as a rebuild does
    found = sweep(config)
    assert ([item.key for item in found.objects], found.young) == ([first], 3)
    age(config, LONG)
    assert [item.key for item in sweep(config).objects] == [second, manifest, card]


def test_what_another_version_holds_stays_also_when_that_is_kept_by_a_hold_or_a_channel(
    config: Config,
) -> None:
    store, lake = opened(config)
    channels.promote(store, lake, PRODUCTION, 2, Order("ana", WHEN))
    retire(config)
    path = Path(config.lake.removeprefix("file://"), lake.version(DATASET, 2))
    rewrite(path, retired=why(LONG).model_dump())  # as a promotion at the very moment leaves it
    found = sweep(config)
    assert found.kept == {2: "while notes@production stands at it"}
    assert read(config, "notes@production") == ROWS
    with pytest.raises(VersionRetired):
        lakemint.open("notes@2", config=config)


def test_the_manifests_that_versions_in_use_went_on_from_stay_and_no_more_of_them(config: Config) -> None:
    store, lake = opened(config)

    def grow(base: int) -> str:
        """The key of the manifest of one more version, which goes on from that one."""
        before = read_version(store, lake, DATASET, base).manifest
        record, _ = publish(config, [*SHARED, *alone(base + 1)], changed={"base": before})
        return lake.manifest(DATASET, record.manifest)

    shards = [key for key in own(config, NEWEST) if key.endswith(".arrow")]
    chain = [own(config, NEWEST)[-1], grow(3), grow(4)]
    publish(config, [*SHARED, row(99)])
    age(config, LONG)
    retire(config, NEWEST)
    retire(config, Reference(DATASET, 4))
    sweep(config)
    assert {*chain} <= keys(config)
    assert not {*shards} & keys(config)
    assert verify(config, Reference(DATASET, 5)).sound
    retire(config, Reference(DATASET, 5))
    sweep(config)
    assert not {*chain} & keys(config)


@pytest.mark.parametrize("done", [False, True], ids=["undone", "done"])
def test_a_sweep_killed_between_any_two_writes_takes_from_no_other_and_the_next_completes_it(
    tmp_path: Path, done: bool
) -> None:
    for at in count():
        config = publish_three(settings(tmp_path / str(at)))
        store, lake = opened(config)
        store.put(lake.card(DATASET, 1, "card.md"), b"# 1")
        age(config, LONG)
        own_keys = {*own(config), lake.card(DATASET, 1, "card.md")}
        retire(config)
        failing = Failing(store, at, done)
        try:
            sweep(config, failing)
        except StoreUnavailable:
            assert failing.has_failed
        assert all(verify(config, Reference(DATASET, number)).sound for number in (2, 3))
        for dead, _ in leases(store, lake, DATASET):
            store.delete(dead)  # as it ends
        if own_keys <= keys(config):
            assert restore(store, lake, FIRST)[0].retired is None
            assert read(config, "notes@1") == ROWS
            retire(config)
        else:
            with pytest.raises(VersionRetired, match="it cannot be restored, files of it are gone"):
                restore(store, lake, FIRST)
        sweep(config)
        assert not own_keys & keys(config)
        if not failing.has_failed:
            return


class Steps(RuleBasedStateMachine):
    """Whoever publishes, retires, holds and sweeps in whatever order, beside what must be there then."""

    turn, folder = 0, Path()

    def __init__(self) -> None:
        super().__init__()
        Steps.turn += 1
        self.config = publish_three(settings(self.folder / str(self.turn)))
        self.retired: dict[int, float] = {}
        """Number → for how many days."""
        self.held: dict[int, str] = {}
        self.gone: set[int] = set()

    @property
    def newest(self) -> int:
        return len(lakemint.versions(DATASET, config=self.config))

    def some(self, number: int) -> Reference:
        return Reference(DATASET, 1 + number % self.newest)

    @rule(seed=st.integers(0, 9))
    def publish(self, seed: int) -> None:
        publish_judged(self.config, [*SHARED, row(50 + seed), row(1000 + self.newest)])
        age(self.config, LONG)

    @rule(number=NUMBERS, days=st.sampled_from([1, LONG]))
    def retire(self, number: int, days: int) -> None:
        version = self.some(number)
        try:
            retire(self.config, version, days)
        except LakemintError:
            assert version.number == self.newest
        else:
            self.retired.setdefault(version.number, days)

    @rule(number=NUMBERS)
    def restore(self, number: int) -> None:
        version = self.some(number)
        try:
            restore(*opened(self.config), version)
        except VersionRetired:
            assert version.number in self.gone
        else:
            assert version.number not in self.gone
            self.retired.pop(version.number, None)

    @rule(number=NUMBERS)
    def hold(self, number: int) -> None:
        version = self.some(number)
        try:
            name, _ = hold(self.config, version)
        except VersionRetired:
            assert version.number in self.retired.keys() - self.held.keys()
        else:
            assert version.number in self.held or version.number not in self.retired
            self.held.setdefault(version.number, name)

    @rule(number=NUMBERS)
    def release(self, number: int) -> None:
        version = self.some(number)
        for key, _ in [*holds(*opened(self.config), DATASET, version.number)]:
            release(*opened(self.config), version, uuid_of(key))
        self.held.pop(version.number, None)

    @rule()
    def sweep(self) -> None:
        sweep(self.config)
        ended = {number for number, days in self.retired.items() if days == LONG}
        self.gone |= ended - self.held.keys()

    @invariant()
    def what_may_be_read_can_be(self) -> None:
        for number in range(1, self.newest + 1):
            if number not in self.gone:
                assert verify(self.config, Reference(DATASET, number)).sound
            if number in self.retired.keys() - self.held.keys():
                with pytest.raises(VersionRetired):
                    lakemint.open(f"{DATASET}@{number}", config=self.config)
            else:
                assert read(self.config, f"{DATASET}@{number}") == ROWS


def test_whoever_does_what_in_whatever_order_no_file_goes_that_somebody_needs(tmp_path: Path) -> None:
    Steps.folder = tmp_path
    run_state_machine_as_test(Steps, settings=checks(max_examples=8, stateful_step_count=10, deadline=None))
