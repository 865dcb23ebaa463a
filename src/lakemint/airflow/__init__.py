"""The Airflow provider: what a DAG of the road is made of.

    from lakemint.airflow import GateOperator, JobOperator, Table

Nothing is imported before it is asked for: Airflow reads the provider's description while it is still
reading its own configuration, and DAG files are parsed again and again.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakemint.airflow.approval import PromotionApprovalOperator
    from lakemint.airflow.assets import Table, Version
    from lakemint.airflow.operators import AnswersOperator, GateOperator, JobOperator
    from lakemint.airflow.road import datasets, stage_dag
    from lakemint.airflow.training import TrainOperator

__all__ = [
    "AnswersOperator",
    "GateOperator",
    "JobOperator",
    "PromotionApprovalOperator",
    "Table",
    "TrainOperator",
    "Version",
    "datasets",
    "stage_dag",
]

_HOMES = {
    "Table": "assets",
    "Version": "assets",
    "AnswersOperator": "operators",
    "GateOperator": "operators",
    "JobOperator": "operators",
    "PromotionApprovalOperator": "approval",
    "datasets": "road",
    "stage_dag": "road",
    "TrainOperator": "training",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def get_provider_info() -> dict[str, object]:
    """What Airflow asks of a provider, by the entry point `apache_airflow_provider`."""
    return {
        "package-name": "lakemint",
        "name": "Lakemint",
        "description": "The road from raw files to a published dataset: assets, jobs, gates, people.",
    }
