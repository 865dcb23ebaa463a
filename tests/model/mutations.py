"""The safeguards, each with the change that takes it away. What finds nothing then checks nothing."""

from lakemint.publish import commit as committing
from lakemint.publish import keep as keeping
from lakemint.published import channels, garbage, leases, roots
from tests.model import roles
from tests.model.erasure_mutations import ERASING
from tests.model.memory import MemoryStore
from tests.model.mutation import Mutation
from tests.model.retiring_mutations import RETIRING

MUTATIONS = (
    Mutation(
        "a version's record is put, not created",
        committing.commit,
        "store.create(lake.version(",
        "store.put(lake.version(",
        "two publishers of two inputs",
    ),
    Mutation(
        "the store creates over what is there",
        MemoryStore.create,
        "if key not in self.objects:",
        "if True:",
        "two publishers of two inputs",
    ),
    Mutation(
        "a record does not say which attempt made it",
        committing.commit,
        "str(uuid.uuid4())",
        "'somebody'",
        "two publishers of one input",
    ),
    Mutation(
        "a version follows whatever is the newest by then",
        committing.commit,
        "version=after.version + 1 if after else 1",
        "version=max(numbers(store, lake, dataset), default=0) + 1",
        "two publishers of two inputs",
    ),
    Mutation(
        "a faster publisher's version is taken for one's own",
        committing._faster,
        "record.manifest == ours.manifest",
        "True",
        "two publishers of two inputs",
    ),
    Mutation(
        "the tables are read before the newest version",
        roles.publish,
        "    before = newest(store, LAKE, DATASET)\n    found = STATES[store.get(TABLES)]\n",
        "    found = STATES[store.get(TABLES)]\n    before = newest(store, LAKE, DATASET)\n",
        "a zombie and a newer publisher",
    ),
    Mutation(
        "a publisher does not ask whether its lease still holds",
        committing.commit,
        "held.require()",
        "pass",
        "publisher and collector",
    ),
    Mutation(
        "shards are written behind the record",
        roles.publish,
        "for digest, data in found.shards.items():",
        "commit(store, LAKE, found.manifest, held, lambda: WHEN, after=before)\n"
        "        for digest, data in found.shards.items():",
        "two publishers of one input",
    ),
    Mutation(
        "the manifest is written behind the record",
        committing.commit,
        "    keep(store, lake.manifest(dataset, digest), content)\n",
        "",
        "two publishers of one input",
    ),
    Mutation(
        "what is there already is not compared",
        keeping.keep,
        "there.size != len(data) or not _same(store, key, there.etag, data)",
        "False",
        "publisher and collector",
    ),
    Mutation(
        "a publisher takes no lease",
        roles.publish,
        'lease(store, LAKE, DATASET, "publish")',
        'lease(store, LAKE, "elsewhere", "publish")',
        "publisher and collector",
    ),
    Mutation(
        "nobody looks for the other's lease",
        leases._require_alone,
        "elif not alike and there.until > datetime.now(UTC):",
        "elif False:",
        "publisher and collector",
    ),
    Mutation(
        "one looks for the other's lease first and takes one's own then",
        leases.lease,
        'store.put(key, canonical(record.model_dump(mode="json")))\n    done = [key]\n    try:\n'
        "        earlier = _require_alone(store, lake, record, his)\n",
        "earlier = _require_alone(store, lake, record, his)\n"
        '    store.put(key, canonical(record.model_dump(mode="json")))\n    done = [key]\n    try:\n',
        "publisher and collector",
    ),
    Mutation(
        "a dead holder's lease never ends",
        leases._require_alone,
        "and there.until > datetime.now(UTC)",
        "",
        "publisher and collector",
        faults=1,
    ),
    Mutation(
        "a lease is not given back",
        leases.lease,
        "store.delete(one)",
        "pass",
        "promoter and collector",
    ),
    Mutation(
        "leases of the dead are not cleared",
        garbage._clear_ended,
        "store.delete(key)",
        "pass",
        "two collectors",
        faults=1,
    ),
    Mutation(
        "a collector does not ask whether its lease still holds",
        garbage.collect_garbage,
        "held.require()",
        "pass",
        "publisher and collector",
    ),
    Mutation(
        "there is no grace period",
        garbage.find_garbage,
        "item.modified < oldest",
        "True",
        "sleepy publisher and collector",
    ),
    Mutation(
        "only the newest version holds what it needs",
        roots.roots,
        "numbers(store, lake, dataset)",
        "numbers(store, lake, dataset)[-1:]",
        "promoter and collector",
    ),
    Mutation(
        "a channel is replaced whatever is there",
        channels._write,
        "store.replace(where, data, found.etag)",
        "store.put(where, data)",
        "two promoters and a reader",
    ),
    Mutation(
        "the store does not compare etags",
        MemoryStore.replace,
        "if md5(there) == etag:",
        "if True:",
        "two promoters and a reader",
    ),
    Mutation(
        "a new channel is put, not created",
        channels._write,
        "store.create(where, data)",
        "store.put(where, data)",
        "two promoters of a new channel",
    ),
    Mutation(
        "a promoter does not look for its own move",
        channels._write,
        "record.move in [position.move for position in now.positions]",
        "False",
        "two promoters and a reader",
        faults=1,
    ),
    Mutation(
        "a promoter takes a store that is away for a faster one",
        channels._write,
        "if there.etag == found.etag:",
        "if False:",
        "promoter and collector",
        faults=1,
    ),
    *ERASING,
    *RETIRING,
)
