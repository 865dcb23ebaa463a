"""# Promote `<dataset>`

Points a channel, such as *production*, to a published version. *check* looks at all that this depends on:
every verdict that the version was published with must be in the lake and must have passed. *approve* asks a
person, if `publish.approve` in the recipe names the channel; else it passes. *promote* moves the channel, if
it still stands where *check* saw it and the version is still the very digest that was shown.

| | |
|---|---|
| Woken by | hand, or `lakemint promote` for a channel that asks for approval |
| Reads | a version of <dataset> and its verdicts, the channel, the recipe |
| Writes | the channel, with who approved and why in its history |
| Wakes | nothing |

**To approve:** the run's tab *Required Actions*, or Airflow's page of that name. Read what is shown, then
press *Approve* or *Reject*. Nothing moves before; the wait costs no worker and ends after 7 days.

**Safe to run again?** Yes. Where the channel stands there already, nobody is asked and nothing moves.

**When it fails:** at *check*, the last line of its log says what is missing or did not pass. At *approve*,
somebody rejected it, or nobody answered in time. At *promote*, the channel was moved meanwhile, or rows were
erased from the version: start the DAG again, so that somebody looks again.
"""

from airflow.sdk import Param

from lakemint.airflow import JobOperator, PromotionApprovalOperator, datasets, stage_dag

PARAMS = {
    "version": Param(type="integer", minimum=1, title="Version", description="Its number: 3, say."),
    "channel": Param(
        type="string",
        pattern="^[a-z][a-z0-9_]{1,47}$",
        title="Channel",
        description="Like production: one that is there, or that the recipe names.",
    ),
    "reason": Param(
        None,
        type=["null", "string"],
        maxLength=500,
        title="Reason",
        description="Why, in one line: for who approves, and for the channel's history.",
    ),
    "expect": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        title="Only from",
        description="Only if the channel stands at this version now; 0: only if it is new; empty: from any.",
    ),
}
ASKED = ["{{ params.version }}", "{{ params.channel }}", "{{ params.reason or '' }}"]
CHECKED = [
    "{{ ti.xcom_pull(task_ids='check')['details']['from'] }}",
    "{{ ti.xcom_pull(task_ids='check')['identity'] }}",
]
WHO = ["{{ dag_run.triggering_user_name or '' }}", "{{ ti.xcom_pull(task_ids='approve') or '' }}"]

for dataset in datasets():
    with stage_dag("promote", dataset, __doc__, params=PARAMS, max_active_runs=16):
        check = JobOperator(
            task_id="check",
            job="promote_check",
            dataset=dataset,
            arguments=[*ASKED, "{{ '' if params.expect is none else params.expect }}"],
            doc_md="Checks everything that the promotion depends on. Moves nothing.",
        )
        approve = PromotionApprovalOperator(
            task_id="approve",
            check=check,
            doc_md="Asks a person, if the recipe wants that for the channel. A rejection fails the run.",
        )
        approve >> JobOperator(
            task_id="promote",
            job="promote",
            dataset=dataset,
            arguments=[*ASKED, *CHECKED, *WHO],
            doc_md="Moves the channel, from where it was checked, to the digest that was checked.",
        )
