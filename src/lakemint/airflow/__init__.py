"""The Airflow provider: what a DAG of the road is made of.

    from lakemint.airflow import GateOperator, JobOperator, Table

Nothing heavy is imported here: DAG files are parsed again and again, the work is done in the jobs.
"""

from lakemint.airflow.assets import Table, Version
from lakemint.airflow.operators import AnswersOperator, GateOperator, JobOperator
from lakemint.airflow.road import datasets, stage_dag

__all__ = ["AnswersOperator", "GateOperator", "JobOperator", "Table", "Version", "datasets", "stage_dag"]


def get_provider_info() -> dict[str, object]:
    """What Airflow asks of a provider, by the entry point `apache_airflow_provider`."""
    return {
        "package-name": "lakemint",
        "name": "Lakemint",
        "description": "The road from raw files to a published dataset: assets, jobs, gates, people.",
    }
