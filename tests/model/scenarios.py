"""Who is at work at once, and what they find."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from lakemint.publish.keep import keep_document
from lakemint.verdicts import keep as keep_verdict
from tests.model.explore import Scenario
from tests.model.memory import Kept, MemoryStore, Objects
from tests.model.roles import (
    LAKE,
    LONG_AGO,
    SAMPLES,
    STATES,
    checker,
    collector,
    eraser,
    holder,
    move_tables,
    order,
    promote,
    promoter,
    publish,
    publisher,
    reader,
    restorer,
    retire,
    retirer,
    returner,
)
from tests.model.surroundings import Surroundings
from tests.unit.small_version import DATASET, DOCUMENTS, INPUTS, verdict, vouch

COLLECTOR = collector("col")
NONE = timedelta(0)
"""No grace period."""


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
    } | {**_erasing(), **_retiring()}


def _erasing() -> dict[str, Scenario]:
    """Those with erasures."""
    ana, ben, col, era = publisher("ana"), publisher("ben"), collector("col"), eraser("era", "3")
    lone = left_lake("pair", tables="lone", erase="3")
    pair, stood = left_lake("pair", erase="3"), left_lake("old", "pair", at=1, erase="3")
    return {
        "an eraser": Scenario(
            _with_unreadable(left_lake("pair", "trio", left="lone", at=1, erase="3")), (era,)
        ),
        "eraser and reader": Scenario(pair, (era, reader("rea"))),
        "eraser and checker": Scenario(pair, (era, checker("che", 1))),
        "publisher and eraser": Scenario(
            left_lake("pair", tables="trio", erase="3"),
            (era, publisher("ana", growing=True)),
            waits=1,
            large=True,
        ),
        "eraser and collector": Scenario(
            left_lake("pair", left="old", erase="3"), (era, col), waits=1, large=True
        ),
        "promoter and eraser": Scenario(stood, (promoter("ana", 2), era)),
        "two promoters and an eraser": Scenario(
            stood, (promoter("ana", 2), promoter("ben", 2), era), large=True
        ),
        "two erasers": Scenario(left_lake("crowd", erase="34"), (era, eraser("eva", "4"))),
        "two sleepy erasers": Scenario(
            left_lake("crowd", erase="34"),
            (era, eraser("eva", "4")),
            waits=1,
            sleepy=True,
            large=True,
            most=1,
        ),
        "an eraser, its double and a publisher": Scenario(
            lone, (era, eraser("eva", "3"), ana), large=True, most=1
        ),
        "two publishers, an eraser and a reader": Scenario(
            lone, (ana, ben, era, reader("rea", "notes@1")), large=True, most=1
        ),
    }


def _retiring() -> dict[str, Scenario]:
    """Those with versions that are retired. Nobody waits for the grace period."""
    two, retired = left_lake("newer", "new"), left_lake("newer", "new", retired=[1])
    ret, col, rea = retirer("ret", 1), collector("col", grace=NONE), reader("rea", "notes@1", holds=True)
    return {
        "a retirer": Scenario(two, (ret,)),
        "a collector of a retired version": Scenario(retired, (col,)),
        "retirer, collector and holder": Scenario(two, (ret, col, rea)),
        "retirer, collector and reader": Scenario(two, (ret, col, reader("rea", "notes@1"))),
        "a collector and two late holders": Scenario(retired, (col, holder("ana", 1), holder("ben", 1))),
        "collector and restorer": Scenario(retired, (col, restorer("res", 1))),
        "retirer and publisher": Scenario(left_lake("newer", tables="new"), (ret, publisher("ana"), col)),
        "retirer and eraser": Scenario(left_lake("pair", "trio", erase="3"), (ret, eraser("era", "3"))),
    }


def _with_unreadable(objects: Objects) -> Objects:
    """And a damaged shard, of which something can still be seen."""
    kept = Kept(f"… {SAMPLES['3']} …".encode(), LONG_AGO)
    return {**objects, LAKE.shard(DATASET, "0" * 64): kept}


def asleep_on_garbage() -> Scenario:
    """A sleepy publisher, and a collector of what it found there: more than the leases can bear."""
    actors = publisher("ana"), collector("col")
    return Scenario(left_lake("old", left="new", tables="new"), actors, waits=1, sleepy=True)


def left_lake(
    *published: str,
    tables: str = "",
    left: str = "",
    at: int = 0,
    retired: Iterable[int] = (),
    erase: Iterable[str] = (),
) -> Objects:
    """A lake as it was left long ago.

    These inputs were published, the channel promoted up to version `at`, and versions `retired`. A publish of
    the input `left` was killed, and what it had written last is damaged. The tables are at `tables`, or at
    what is published. The samples `erase` are to be erased.
    """
    store = MemoryStore({}, lambda: LONG_AGO)
    vouch(store, store.address)
    for table in INPUTS:
        keep_verdict(store, LAKE, verdict(table))
    for document in DOCUMENTS.values():
        keep_document(store, LAKE, DATASET, document)
    _lead(store, published, at, retired)
    if left:
        made = STATES[left.encode()]
        for digest, data in made.shards.items():
            store.put(LAKE.shard(DATASET, digest), data)
        store.put(LAKE.manifest(DATASET, made.digest), b"{")
    for name in erase:
        store.put(order(name), b"")
    move_tables(store, (tables or ("new", *published)[-1]).encode())
    return store.objects


def _lead(store: MemoryStore, published: Iterable[str], at: int, retired: Iterable[int]) -> None:
    """What `left_lake` tells of versions and their channel."""
    surroundings = Surroundings()
    surroundings.enter("before", store, lambda: LONG_AGO)
    with surroundings.installed():
        for name in published:
            move_tables(store, name.encode())
            publish(store)
        for number in range(1, at + 1):
            promote(store, "before", number)
        for number in retired:
            retire(store, "before", number)
