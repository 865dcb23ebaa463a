"""Airflow: four programs, SQLite, a local executor with few workers. Configured by environment alone."""

import subprocess
import sys
import time
from datetime import datetime

from lakemint.config import outer_environment
from lakemint.errors import StackError
from lakemint.files import write_json, write_private
from lakemint.stack.layout import Stack, tool
from lakemint.stack.program import NotReady, Program
from lakemint.stack.report import Report
from lakemint.stack.servers.http import ask
from lakemint.stack.settings import AIRFLOW_USER

PARTS = {
    "airflow-api-server": ("api-server",),
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-dag-processor": ("dag-processor",),
    "airflow-triggerer": ("triggerer", "--skip-serve-logs"),
}
SQLITE_ARGUMENTS = {"timeout": 30}
"""Airflow reads this by name: how many seconds a writer waits for another."""

_DAG_PATIENCE = 45
"""Seconds after which a folder of DAG files that make no DAG is taken for just that."""


class Airflow:
    """What runs the road."""

    name = "airflow"
    title = "Airflow"
    parts: tuple[str, ...] = tuple(PARTS)
    ports: tuple[str, ...] = ("airflow",)

    def address(self, stack: Stack) -> str:
        return stack.settings["airflow_url"]

    def prepare(self, stack: Stack, report: Report) -> None:
        from importlib.metadata import version

        data = stack.data(self.name)
        data.mkdir(mode=0o700, exist_ok=True)
        write_json(data / "passwords.json", {AIRFLOW_USER: stack.secrets["airflow_password"]})
        migrated, wanted = data / "migrated", version("apache-airflow")
        if migrated.exists() and migrated.read_text() == wanted and (data / "airflow.db").exists():
            return
        log = stack.log("airflow-migrate")
        with log.open("w") as output:
            done = subprocess.run(
                [tool("airflow"), "db", "migrate"],
                env={**outer_environment(), **_environment(stack)},
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise StackError(f"Airflow's database could not be prepared: see {log}")
        write_private(migrated, wanted)

    def programs(self, stack: Stack) -> list[Program]:
        environment = _environment(stack)
        return [
            Program(name, (sys.executable, "-m", "airflow", *arguments), stack.data(self.name), environment)
            for name, arguments in PARTS.items()
        ]

    def complete(self, stack: Stack) -> None:
        """Nothing: it reads its DAGs by itself."""

    def check(self, stack: Stack, since: float) -> None:
        """All four parts have a fresh heartbeat, our password opens it, and the DAGs are there."""
        port = stack.ports["airflow"]
        health = ask(port, "/api/v2/monitor/health")
        for part in ("scheduler", "dag_processor", "triggerer"):
            beat = health.get(part, {}).get(f"latest_{part}_heartbeat")
            # The supervisor counts whole seconds: a beat of that second may be its predecessor's last.
            if not beat or datetime.fromisoformat(beat).timestamp() < since + 1:
                raise NotReady(f"the {part.replace('_', ' ')} is not there yet")
            if health[part]["status"] != "healthy":
                raise NotReady(f"the {part.replace('_', ' ')} is {health[part]['status']}")
        who = {"username": AIRFLOW_USER, "password": stack.secrets["airflow_password"]}
        token = ask(port, "/auth/token", method="POST", body=who).get("access_token", "")
        wanted = any((stack.checkout / "dags").glob("*.py")) and time.time() < since + _DAG_PATIENCE
        if wanted and not _count(port, "dags", token) and not _count(port, "importErrors", token):
            raise NotReady("the DAGs are not parsed yet")


def _count(port: int, what: str, token: str) -> int:
    answer = ask(port, f"/api/v2/{what}?limit=1", headers={"Authorization": f"Bearer {token}"})
    return int(answer.get("total_entries", 0))


def _environment(stack: Stack) -> dict[str, str]:
    data, url = stack.data("airflow"), stack.settings["airflow_url"]
    settings: dict[str, dict[str, object]] = {
        "core": {
            "dags_folder": stack.checkout / "dags",
            "load_examples": False,
            "executor": "LocalExecutor",
            # Each idle worker holds memory; four keep two cores busy.
            "parallelism": 4,
            "dags_are_paused_at_creation": False,
            "fernet_key": stack.secrets["airflow_fernet_key"],
            "simple_auth_manager_users": f"{AIRFLOW_USER}:admin",
            "simple_auth_manager_passwords_file": data / "passwords.json",
            "execution_api_server_url": f"{url}/execution/",
        },
        "database": {
            "sql_alchemy_conn": f"sqlite:///{data}/airflow.db",
            "sql_alchemy_connect_args": f"{__name__}.SQLITE_ARGUMENTS",
            "sql_alchemy_connect_args_async": f"{__name__}.SQLITE_ARGUMENTS",
        },
        "api": {
            "base_url": url,
            "host": "127.0.0.1",
            "port": stack.ports["airflow"],
            "workers": 1,
            "secret_key": stack.secrets["airflow_secret_key"],
        },
        "api_auth": {"jwt_secret": stack.secrets["airflow_jwt_secret"]},
        # Seconds between looks. Six chained DAGs pay it some twenty times; idle, 0.25 costs 10 % of a core.
        # A killed scheduler's tasks wait for the next look at orphans, a killed task for its heartbeat.
        "scheduler": {
            "scheduler_idle_sleep_time": 0.25,
            "orphaned_tasks_check_interval": 10,
            "task_instance_heartbeat_timeout": 60,
        },
        "dag_processor": {"refresh_interval": 10, "min_file_process_interval": 30, "parsing_processes": 1},
        "logging": {"colored_console_log": False},
        "usage_data_collection": {"enabled": False},
    }
    return {
        **{
            f"AIRFLOW__{s.upper()}__{k.upper()}": str(v)
            for s, own in settings.items()
            for k, v in own.items()
        },
        "AIRFLOW_HOME": str(data),
        "LAKEMINT_HOME": str(stack.home),
        "MALLOC_ARENA_MAX": "2",
    }
