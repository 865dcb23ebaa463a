"""Parse a DAG folder as Airflow does and print what came of it. Run by test_dags.py, in a fresh process."""

import json
import os
import sys
import tempfile
import time
from typing import Any

# Airflow makes itself a home when it is imported.
os.environ.setdefault("AIRFLOW_HOME", tempfile.mkdtemp(prefix="airflow-parse-"))
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

from airflow.dag_processing.dagbag import DagBag


def described(dag: Any) -> dict[str, Any]:
    """What a user or a test wants to know of a DAG."""
    return {
        "doc": dag.doc_md,
        "tags": sorted(dag.tags),
        "woken_by": [asset.name for asset in dag.schedule or ()],
        "active_runs": dag.max_active_runs,
        "catchup": dag.catchup,
        "params": {
            name: {
                "title": param.schema.get("title"),
                "description": param.description,
                "needed": "null" not in param.schema["type"],
            }
            for name, param in ((name, dag.params.get_param(name)) for name in dag.params)
        },
        "tasks": {
            task.task_id: {
                "doc": task.doc_md,
                "owner": task.owner,
                "retries": task.retries,
                "makes": [asset.name for asset in task.outlets],
                "then": sorted(task.downstream_task_ids),
            }
            for task in dag.tasks
        },
    }


began = time.perf_counter()
bag = DagBag(sys.argv[1])
took = time.perf_counter() - began
answer = {
    "seconds": took,
    "errors": bag.import_errors,
    "modules": sorted({name.partition(".")[0] for name in sys.modules}),
    "dags": {name: described(dag) for name, dag in bag.dags.items()},
}
print("\n" + json.dumps(answer))
