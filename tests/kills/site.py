"""A real lake on which processes work at once, die and sleep, and what must be found there."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing.sharedctypes import RawValue
from signal import SIGKILL, Signals

from lakemint.config import Config
from lakemint.names import Channel, Reference
from lakemint.published import catalog, channels
from lakemint.published.catalog import numbers
from lakemint.published.garbage import find_garbage
from lakemint.published.verify import verify
from lakemint.published.version_record import read_version
from lakemint.store import Store, open_store
from tests.kills.process import DONE, Moments, Worker
from tests.model.laws import Laws
from tests.model.memory import Kept, Objects
from tests.model.roles import ERASURES, LAKE, STATES, collect, publish
from tests.model.surroundings import Surroundings
from tests.unit.small_version import DATASET, vouch

Work = Callable[[Store], object]


class Site:
    """A lake of its own, and a clock that all who work there go by."""

    def __init__(self, config: Config, surroundings: Surroundings, objects: Objects) -> None:
        self.config, self._surroundings = config, surroundings
        self._laws = Laws(surroundings)
        self._forward = RawValue("d", 0.0)
        """Seconds that the clock is ahead of the real one; in memory that forked processes share."""
        self._turns = count()
        self.store, self._unused = open_store(config), open_store(config)
        """The latter is the workers': two processes must not talk over one connection."""
        for key, kept in objects.items():
            self.store.put(key, kept.data)
        vouch(self.store, self.store.address)
        self._seen = self.objects()

    def objects(self) -> Objects:
        """All that is there."""
        return {
            item.key: Kept(self.store.get(item.key), item.modified)
            for folder in ("published/", "store/", "tables/", "verdicts/", ERASURES)
            for item in self.store.list(folder)
        }

    def wait(self, time: timedelta) -> None:
        self._forward.value += time.total_seconds()

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._forward.value)

    def worker(self, work: Work, at: int = 0, what: Signals = SIGKILL) -> Worker:
        """A process that works here, and at that moment has that signal."""
        moments = Moments(at, what, self.config.lake.partition("file://")[2])
        turn = next(self._turns)

        def live() -> None:
            store = moments.watching(self._unused)
            self._surroundings.enter(f"worker {turn}", store, self.now)
            work(store)

        return Worker(live)

    def do(self, work: Work, store: Store) -> None:
        """In this process, by another way to the store."""
        vouch(self.store, store.address)
        self._surroundings.enter(f"worker {next(self._turns)}", store, self.now)
        work(store)

    def run(self, work: Work, at: int = 0) -> int:
        """How a process that works here ended."""
        with self.worker(work, at) as worker:
            return worker.wait()

    def check(self) -> None:
        """Every law holds now and since the last time, and the next runs would complete what was begun."""
        found = self.objects()
        self._laws.step(self._seen, found, self.now())
        self._laws.end(found, {}, self.now())
        self._seen = found

    def finish(self, work: Work) -> None:
        """Much later somebody does all that is left to do, undisturbed."""
        self.wait(timedelta(days=30))
        assert self.run(lambda store: [last(store) for last in (work, publish)]) == DONE
        self.wait(timedelta(days=30))
        assert self.run(collect) == DONE
        self.check()

    def survey(self, versions: Sequence[bytes], history: Sequence[int] = ()) -> Counter[str]:
        """What is wrong at last: these inputs should have one version each, and the channel stood there."""
        self._surroundings.enter("survey", self.store, self.now)
        there = numbers(self.store, LAKE, DATASET)
        records = [read_version(self.store, LAKE, DATASET, number) for number in there]
        digests = [digest for record in records for digest in record.digests]
        stood = [
            position.version
            for name in catalog.channels(self.store, LAKE, DATASET)
            for position in reversed(channels.history(self.store, LAKE, Channel(DATASET, name)))
        ]
        return Counter(
            lost=len({STATES[state].digest for state in versions} - {*digests}),
            duplicated=len(digests) - len({*digests}),
            partial=sum(not verify(self.config, Reference(DATASET, number)).sound for number in there),
            astray=int(stood != [*history]),
            orphans=len(find_garbage(self.store, LAKE, DATASET, timedelta(0)).objects),
        )
