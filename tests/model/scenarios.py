"""Who is at work at once, and what they find."""

from datetime import timedelta
from functools import cache

from lakemint.verdicts import keep as keep_verdict
from tests.model.explore import START, Scenario
from tests.model.memory import MemoryStore, Objects
from tests.model.roles import (
    LAKE,
    STATES,
    collector,
    move_tables,
    promote,
    promoter,
    publish,
    publisher,
    reader,
    returner,
)
from tests.model.surroundings import Surroundings
from tests.unit.small_version import DATASET, INPUTS, verdict, vouch

COLLECTOR = collector("col")
LONG_AGO = START - timedelta(days=30)


@cache
def scenarios() -> dict[str, Scenario]:
    """All of them, by name."""
    judged, littered = left_lake("old", "new", "newer", at=2), left_lake("old", left="new", tables="new")
    ana, ben, col = publisher("ana"), publisher("ben"), collector("col")
    busy = publisher("ben", after=b"newer", twice=True)
    return {
        "a publisher": Scenario(littered, (ana,)),
        "publisher and reader": Scenario(left_lake("old", tables="new"), (ana, reader("rea"))),
        "a collector": Scenario(littered, (col,)),
        "a promoter": Scenario(judged, (promoter("ana", 3),)),
        "promoter and rollback": Scenario(judged, (promoter("ana", 3), returner("ben"))),
        "promoter and collector": Scenario(
            left_lake("old", "new", left="newer", at=1), (promoter("ana", 2), col)
        ),
        "two promoters of a new channel": Scenario(
            left_lake("old", "new"), (promoter("ana", 1), promoter("ben", 2))
        ),
        "two promoters and a reader": Scenario(
            judged, (promoter("ana", 1), promoter("ben", 3), reader("rea", "notes@production"))
        ),
        "two collectors": Scenario(littered, (col, collector("dan"))),
        "two publishers of one input": Scenario(left_lake(), (ana, ben)),
        "two publishers of two inputs": Scenario(left_lake(), (ana, publisher("ben", after=b"newer"))),
        "a zombie and a newer publisher": Scenario(left_lake(), (ana, busy)),
        "publisher and collector": Scenario(littered, (ana, col), waits=1),
        "publisher, collector and reader": Scenario(littered, (ana, col, reader("rea")), waits=1),
        "sleepy publisher and collector": Scenario(
            left_lake("old", tables="new"), (ana, col), waits=1, sleepy=True
        ),
    }


def asleep_on_garbage() -> Scenario:
    """A sleepy publisher, and a collector of what it found there: more than the leases can bear."""
    actors = publisher("ana"), collector("col")
    return Scenario(left_lake("old", left="new", tables="new"), actors, waits=1, sleepy=True)


def left_lake(*published: str, tables: str = "", left: str = "", at: int = 0) -> Objects:
    """A lake as it was left long ago.

    These inputs were published, and the channel promoted up to version `at`. A publish of the input `left`
    was killed, and what it had written last is damaged. The tables are at `tables`, or at what is published.
    """
    store = MemoryStore({}, lambda: LONG_AGO)
    vouch(store, store.address)
    for table in INPUTS:
        keep_verdict(store, LAKE, verdict(table))
    surroundings = Surroundings()
    surroundings.enter("before", store, lambda: LONG_AGO)
    with surroundings.installed():
        for name in published:
            move_tables(store, name.encode())
            publish(store)
        for number in range(1, at + 1):
            promote(store, "before", number)
    if left:
        made = STATES[left.encode()]
        for digest, data in made.shards.items():
            store.put(LAKE.shard(DATASET, digest), data)
        store.put(LAKE.manifest(DATASET, made.digest), b"{")
    move_tables(store, (tables or ("new", *published)[-1]).encode())
    return store.objects
