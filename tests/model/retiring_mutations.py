"""The safeguards of who retires a version, of who holds it and of who collects, each with its removal."""

from lakemint.published import garbage, holds, retirement, roots
from tests.model.mutation import Mutation

HOLDING = "retirer, collector and holder"
WRITE = "store.put(key, _stored(held))"
LOOK = "require_open(store, lake, version, look(version.number), look)"
RECORDS = """\
    records = [read_version(store, lake, dataset, number) for number in numbers(store, lake, dataset)]
    retired = {record.version: record.retired for record in records if record.retired}
"""
HELD = "    held = _held(store, lake, dataset, now) if retired else {}\n"

RETIRING = (
    Mutation(
        "who holds looks at the record first and writes his hold then",
        holds.take,
        f"{WRITE}\n        {LOOK}\n",
        f"{LOOK}\n        {WRITE}\n",
        HOLDING,
    ),
    Mutation(
        "who holds does not look at the record",
        holds.take,
        LOOK,
        "pass",
        HOLDING,
    ),
    Mutation(
        "nobody minds holds",
        roots.roots,
        "held.get(number) or ",
        "",
        HOLDING,
    ),
    Mutation(
        "who collects looks for holds first and at the records then",
        roots.roots,
        RECORDS + HELD,
        "    held = _held(store, lake, dataset, now)\n" + RECORDS,
        HOLDING,
    ),
    Mutation(
        "who comes too late leans on another who does",
        holds.require_open,
        "held.confirmed",
        "True",
        "a collector and two late holders",
    ),
    Mutation(
        "who restores minds no collector",
        retirement.restore,
        'lease(store, lake, version.dataset, "publish")',
        'lease(store, lake, "elsewhere", "publish")',
        "collector and restorer",
    ),
    Mutation(
        "who restores does not look whether all is there",
        retirement._require_whole,
        "manifest is None or missing(",
        "False and missing(",
        "collector and restorer",
    ),
    Mutation(
        "the newest version is retired too",
        retirement._require_dispensable,
        "version.number == numbers(store, lake, version.dataset)[-1]",
        "False",
        "retirer and publisher",
    ),
    Mutation(
        "holds of the dead are not cleared",
        garbage._clear_ended,
        ", holds(store, lake, dataset)",
        ", ()",
        HOLDING,
        faults=1,
    ),
)
