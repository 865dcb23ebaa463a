"""Whatever happens while a channel is moved, it stands where some serial order of the moves leaves it."""

from collections.abc import Callable
from pathlib import Path

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

import lakemint
from lakemint.config import Config
from lakemint.errors import ChannelMoved, LakemintError, StoreUnavailable, VersionNotFound
from lakemint.lake import Lake
from lakemint.names import Channel
from lakemint.published import channels
from lakemint.published.channels import Moved, Order
from lakemint.store import open_store
from tests.unit.published.shaky import Shaky, failing
from tests.unit.small_version import judge, publish, publish_judged, row, settings

JUDGED, UNJUDGED = (1, 2, 3), (4, 5)
AT = "2026-11-22T12:00:00+00:00"
ANA, BEN = Order("ana", AT), Order("ben", AT)


class Crash(BaseException):
    """The process is gone."""


class Steps(RuleBasedStateMachine):
    """The real code beside a model: the versions a channel stood at, and those it can be rolled back to."""

    config: Config
    turn = 0

    def __init__(self) -> None:
        super().__init__()
        Steps.turn += 1
        self.channel = Channel("notes", f"channel{Steps.turn}")
        self.lake, self.store = Lake(self.config.lake), Shaky(open_store(self.config))
        self.log: list[tuple[int, str]] = []
        """(version, by), oldest first."""
        self.trail: list[int] = []

    def promote(self, number: int, order: Order = ANA) -> Moved:
        return channels.promote(self.store, self.lake, self.channel, number, order)

    def note(self, number: int, by: str, back: bool = False) -> None:
        """The model moves."""
        self.log.append((number, by))
        if back and number in self.trail:
            while self.trail[-1] != number:
                self.trail.pop()
        else:
            self.trail.append(number)

    @property
    def stands(self) -> int:
        return self.log[-1][0] if self.log else 0

    def order(self, move: Callable[[], Moved], number: int, fault: str, back: bool = False) -> None:
        """Give an order that leads to `number` (None: that must fail), with a fault at its write."""
        if number not in JUDGED:
            refused(move, LakemintError)
        elif number == self.stands:
            assert not move().changed
        elif fault in ("crash before", "unavailable"):
            error = Crash() if fault == "crash before" else StoreUnavailable("away")
            self.store.before = failing(error)
            refused(move, type(error))
        elif fault == "crash after":
            self.store.after = failing(Crash())
            refused(move, Crash)
            self.note(number, "ana", back)
        else:
            self.store.after = failing(StoreUnavailable("lost")) if fault == "lost reply" else None
            assert move().changed
            self.note(number, "ana", back)

    FAULTS = st.sampled_from(
        ["none", "none", "none", "crash before", "crash after", "unavailable", "lost reply"]
    )
    VERSIONS = st.sampled_from([*JUDGED, *JUDGED, *UNJUDGED, 6])

    @rule(number=VERSIONS, fault=FAULTS)
    def promotes(self, number: int, fault: str) -> None:
        self.order(lambda: self.promote(number), number, fault)

    @rule(to=st.none() | VERSIONS, fault=FAULTS)
    def rolls_back(self, to: int | None, fault: str) -> None:
        leads = to if to is not None else self.trail[-2] if len(self.trail) > 1 else 0
        if leads not in [number for number, _ in self.log]:
            leads = 0
        self.order(
            lambda: channels.rollback(self.store, self.lake, self.channel, ANA, to),
            leads,
            fault,
            back=True,
        )

    @rule(slow=st.sampled_from(JUDGED), fast=st.sampled_from(JUDGED))
    def one_overtakes(self, slow: int, fast: int) -> None:
        """Ben's promotion lands between Ana's look and Ana's write."""
        if slow == self.stands:
            return
        self.store.before = lambda: self.promote(fast, BEN)
        if fast == self.stands:
            assert self.promote(slow).changed
            self.note(slow, "ana")
            return
        if fast == slow:
            assert not self.promote(slow).changed
        else:
            refused(lambda: self.promote(slow), ChannelMoved)
        self.note(fast, "ben")

    @rule(first=st.sampled_from(JUDGED), second=st.sampled_from(JUDGED))
    def one_follows_before_a_reply_is_lost(self, first: int, second: int) -> None:
        """Ana's write lands, Ben moves on, and only then Ana learns that her reply is lost."""
        if first == self.stands:
            return

        def follow() -> None:
            self.promote(second, BEN)
            raise StoreUnavailable("lost")

        self.store.after = follow
        assert self.promote(first).changed
        self.note(first, "ana")
        if second != first:
            self.note(second, "ben")

    @rule(number=st.sampled_from(JUDGED), expect=st.integers(0, 3))
    def promotes_if(self, number: int, expect: int) -> None:
        move = lambda: self.promote(number, Order("ana", AT, expect=expect))  # noqa: E731
        if self.stands in (expect, number):
            self.order(move, number, "none")
        else:
            refused(move, ChannelMoved)

    @invariant()
    def stands_where_the_order_says(self) -> None:
        if not self.log:
            refused(lambda: lakemint.open(str(self.channel), config=self.config), VersionNotFound)
            return
        positions = channels.history(self.store, self.lake, self.channel)
        assert [(position.version, position.by) for position in positions] == self.log[::-1]
        assert len({position.move for position in positions}) == len(positions)
        assert {position.version for position in positions} <= set(JUDGED)
        version = lakemint.open(str(self.channel), config=self.config)
        assert (version.number, version.digest) == (self.stands, positions[0].manifest)


def refused(call: Callable[[], object], kind: type[BaseException]) -> None:
    try:
        call()
    except kind:
        return
    raise AssertionError(f"not refused with {kind.__name__}")


def test_any_steps_leave_a_channel_where_some_serial_order_does(tmp_path: Path) -> None:
    config = settings(tmp_path)
    for number in JUDGED:
        publish_judged(config, [row(number)])
    publish(config, [row(4)])
    publish(config, [row(5)], verdicts=[judge(config, "gold")])

    class Here(Steps):
        pass

    Here.config = config
    run_state_machine_as_test(Here, settings=hypothesis_settings(max_examples=30, stateful_step_count=12))
