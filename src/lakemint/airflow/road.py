"""What all DAGs of the road have in common."""

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Asset

from lakemint.names import dag_id, is_name

DEFAULTS: dict[str, Any] = {
    "owner": "lakemint",
    # A stage can be run again at any time, so trying again is always safe. Pauses: 5, 10, 20 s.
    "retries": 3,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=1),
}


def datasets() -> list[str]:
    """Names of the datasets, in order. Reads no file: a broken dataset hurts no other's DAGs."""
    from lakemint.config import load_config
    from lakemint.dataset.folder import datasets as named

    return [name for name in named(load_config().schemas_folder()) if is_name(name)]


def stage_dag(stage: str, dataset: str, doc: str | None, after: Asset | None = None, **kwargs: Any) -> DAG:
    """The DAG `<stage>_<dataset>`, woken by the events of `after`; by hand only without one.

    `doc`, in Markdown, is the DAG's page; `<dataset>` in it becomes the dataset's name. One run at a time,
    unless `max_active_runs` says otherwise.
    """
    return DAG(
        dag_id(stage, dataset),
        schedule=[after] if after else None,
        doc_md=(doc or "").replace("<dataset>", dataset),
        tags=[dataset, stage],
        catchup=False,
        default_args=DEFAULTS,
        **{"max_active_runs": 1, **kwargs},
    )
