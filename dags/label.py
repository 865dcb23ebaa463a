"""# Label `<dataset>`

Asks people for the labels of `<dataset>` and adds up their answers in **labels/<dataset>**. A stratified
sample goes to Label Studio as tasks; the answers come back as append-only annotation events; a label is a
pure function of them. A dataset whose labels are known passes through in seconds.

| | |
|---|---|
| Woken by | silver/<dataset> |
| Reads | silver/<dataset>, answers in Label Studio |
| Writes | tasks in Label Studio, annotations, labels/<dataset> |
| Wakes | assemble_<dataset> |

**Safe to run again?** Yes. A sample is sent once, an answer is collected once, by their ids.

**It waits, and that is fine:** *answered* is deferred until every answer asked for is there, at most 30
days, and costs no worker meanwhile. A later run of this DAG queues behind it. To go on with the answers
there are, mark *answered* as success.

**When it fails:** the last line of the failed task's log says what is wrong and the way out. After the
deadline, have people answer what is missing and clear *answered*. With Label Studio away, the tasks try
again by themselves.
"""

from airflow.sdk import chain

from lakemint.airflow import AnswersOperator, JobOperator, Table, datasets, stage_dag

for dataset in datasets():
    with stage_dag("label", dataset, __doc__, after=Table("silver", dataset)):
        chain(
            JobOperator(
                task_id="send",
                job="label_send",
                dataset=dataset,
                doc_md="Makes the Label Studio project and sends the samples that are not there yet.",
            ),
            JobOperator(
                task_id="replay",
                job="label_replay",
                dataset=dataset,
                doc_md="Submits recorded answers of people, where the recipe has some; else does nothing.",
            ),
            AnswersOperator(
                task_id="answered",
                dataset=dataset,
                doc_md="Waits until people have given every answer asked for. Costs no worker slot.",
            ),
            JobOperator(
                task_id="collect",
                job="label_collect",
                dataset=dataset,
                outlets=[Table("labels", dataset)],
                doc_md="Brings the answers in as annotation events, and adds them up to labels.",
            ),
        )
