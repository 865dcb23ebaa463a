"""# Ingest `<dataset>`

Reads what is new under `raw/<dataset>/` and adds it to the table **bronze/<dataset>**, each record with the
object, line and etag it came from. What cannot be parsed goes to *quarantine*, with the reason.

| | |
|---|---|
| Woken by | hand, or `lakemint run <dataset>` |
| Reads | raw objects of the sources in `schemas/<dataset>/recipe.yaml` |
| Writes | bronze/<dataset>, quarantine, objects |
| Wakes | refine_<dataset> |

**Safe to run again?** Yes. Objects ingested before are known by key and etag, and passed over.

With `walk` on (the default) the later stages are woken also when nothing is new: a run by hand walks the
whole road and repairs what an earlier failure left undone. With `walk` off they are woken by news only.

**When it fails:** the last line of the failed task's log says what is wrong and the way out. A raw object
is never the reason; a recipe that does not fit, or an object store that is away, can be. Mend it, then
clear the task or run the DAG again.
"""

from airflow.sdk import Param

from lakemint.airflow import JobOperator, Table, datasets, stage_dag

WALK = Param(True, type="boolean", title="Walk", description="Wake the later stages, news or not.")

for dataset in datasets():
    with stage_dag("ingest", dataset, __doc__, params={"walk": WALK}):
        JobOperator(
            task_id="ingest",
            job="ingest",
            dataset=dataset,
            outlets=[Table("bronze", dataset)],
            doc_md="Adds new raw objects to bronze; what cannot be parsed goes to quarantine.",
        )
