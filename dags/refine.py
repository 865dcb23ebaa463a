"""# Refine `<dataset>`

Makes **silver/<dataset>** of bronze by the recipe's steps: normalise, drop, deduplicate. Every record that
leaves the road goes to *rejected*, with its reason and, for a duplicate, the sample that survived it. The
gate then judges the very table that was written, by the quality rules of `schemas/<dataset>/contract.yaml`.

| | |
|---|---|
| Woken by | bronze/<dataset> |
| Reads | bronze/<dataset> |
| Writes | silver/<dataset>, rejected, clusters and splits if the recipe asks for them, a verdict |
| Wakes | label_<dataset>, only when the gate passed |

**Safe to run again?** Yes. The same bronze, recipe and contract give the same silver, which is then left as
it is.

**When it fails:** at *gate*, a critical rule broke: the last line of its log names the rule and the
samples. Mend the raw data, the recipe or the rule, then run `lakemint run <dataset>`. Nothing downstream
has seen the table. At *refine*, the last line of its log says what is wrong and the way out.
"""

from lakemint.airflow import GateOperator, JobOperator, Table, datasets, stage_dag

for dataset in datasets():
    with stage_dag("refine", dataset, __doc__, after=Table("bronze", dataset)):
        refined = JobOperator(
            task_id="refine",
            job="refine",
            dataset=dataset,
            doc_md="Normalises, drops and deduplicates: bronze to silver and rejected.",
        )
        GateOperator(
            task_id="gate",
            table=Table("silver", dataset),
            writer=refined,
            doc_md="Judges silver by the contract's rules. A critical failure stops the road here.",
        )
