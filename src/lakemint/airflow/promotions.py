"""Promotions that wait for a person, asked for through Airflow's API."""

from lakemint.airflow.api import AirflowApi
from lakemint.airflow.runs import switched_off
from lakemint.names import Channel, Reference, dag_id


def ask(api: AirflowApi, version: Reference, channel: Channel, reason: str, expect: int | None) -> str:
    """Have a person asked, once for each version and channel; returns the address of the page to answer on.

    Raises RunError when Airflow is away, has no such DAG or has it switched off.
    """
    dag = dag_id("promote", version.dataset)
    if api.get(f"/dags/{dag}")["is_paused"]:
        raise switched_off(api, dag)
    asked = {"version": version.number, "channel": channel.name}
    waiting = api.get(f"/dags/{dag}/dagRuns", state=["queued", "running"], limit=100)["dag_runs"]
    same = [run["dag_run_id"] for run in waiting if asked.items() <= (run["conf"] or {}).items()]
    run = same[0] if same else api.trigger(dag, {**asked, "reason": reason, "expect": expect})
    return f"{api.page(dag, run)}/required_actions"
