"""# Erase from `<dataset>`

Carries out the erasures that were ordered by `lakemint erase <dataset> --subject … --order-only`: takes all
that a data subject gave out of raw objects, tables, Label Studio and every published version.

| | |
|---|---|
| Woken by | hand |
| Reads | the open orders, and everything of <dataset> |
| Writes | everything of <dataset>; a receipt for each order |
| Wakes | refine_<dataset>: the tables are made anew from what is left |

**Safe to run again?** Yes. Cut off anywhere, the next run completes it; without open orders it does nothing.

**When it fails:** the last line of the task's log says what is wrong and the way out; then clear the task.
Who is erased is in no log and in no page here: orders are known by their numbers. So type no name into the
form: it would be refused, but Airflow's audit log keeps what people type.
"""

from airflow.sdk import Param

from lakemint.airflow import JobOperator, Table, datasets, stage_dag

PARAMS = {
    "erasure": Param(
        None,
        type=["null", "string"],
        pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        title="Order",
        description="Only this one, by the number that `lakemint erase` told; empty: all that are open.",
    ),
}

for dataset in datasets():
    with stage_dag("erase", dataset, __doc__, params=PARAMS):
        JobOperator(
            task_id="erase",
            job="erase",
            dataset=dataset,
            arguments=["{{ params.erasure or '' }}"],
            outlets=[Table("bronze", dataset)],
            doc_md="Searches, removes, searches again, and leaves a receipt.",
        )
