"""# Publish `<dataset>`

Freezes gold into a numbered, immutable **version of <dataset>**: content-addressed Arrow shards, a
canonical manifest whose digest is the version's identity, and the version record, whose creation is the
commit point.

| | |
|---|---|
| Woken by | gold/<dataset> |
| Reads | gold/<dataset>, the verdicts on silver and gold |
| Writes | `published/<dataset>/` |
| Wakes | train_<dataset> |

**Safe to run again?** Yes. The same gold gives the same bytes and the same digest; a version that is there
already stays the version, and no new one is made. A crash anywhere leaves the old state or the new one.

**When it fails:** the last line of the task's log says what is wrong and the way out. With the object store
away it tries again by itself; after that, clear the task or run `lakemint run <dataset>`: the rest is
completed.
"""

from lakemint.airflow import JobOperator, Table, Version, datasets, stage_dag

for dataset in datasets():
    with stage_dag("publish", dataset, __doc__, after=Table("gold", dataset)):
        JobOperator(
            task_id="publish",
            job="publish",
            dataset=dataset,
            outlets=[Version(dataset)],
            doc_md="Writes shards, then the manifest, then creates the version record.",
        )
