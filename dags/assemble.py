"""# Assemble `<dataset>`

Joins samples with their labels into **gold/<dataset>**: examples ready to train on, each in its split. The
gate then judges the very table that was written, by the quality rules of `schemas/<dataset>/contract.yaml`.

| | |
|---|---|
| Woken by | labels/<dataset> |
| Reads | silver/<dataset>, labels/<dataset>, and splits or clusters, if it has them |
| Writes | gold/<dataset>, a verdict |
| Wakes | publish_<dataset>, only when the gate passed |

**Safe to run again?** Yes. The same samples, labels and recipe give the same gold, which is then left as it
is. A sample's split is a hash of its id, or was dealt once by refine: it stays as the data grow.

**When it fails:** at *gate*, a critical rule broke: the last line of its log names the rule and the
samples. Mend the labels, the recipe or the rule, then run `lakemint run <dataset>`. Nothing downstream has
seen the table. At *assemble*, the last line of its log says what is wrong and the way out.
"""

from lakemint.airflow import GateOperator, JobOperator, Table, datasets, stage_dag

for dataset in datasets():
    with stage_dag("assemble", dataset, __doc__, after=Table("labels", dataset)):
        assembled = JobOperator(
            task_id="assemble",
            job="assemble",
            dataset=dataset,
            doc_md="Joins samples and labels, and gives every example its split.",
        )
        GateOperator(
            task_id="gate",
            table=Table("gold", dataset),
            writer=assembled,
            doc_md="Judges gold by the contract's rules. A critical failure stops the road here.",
        )
