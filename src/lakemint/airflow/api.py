"""Airflow's REST API, asked with patience: a server that restarts is waited for."""

import time
import uuid
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import httpx

from lakemint.config import Config
from lakemint.errors import RunError

BROKEN = 500
AWAY = frozenset({BROKEN, 502, 503, 504})
"""Answers worth asking again; a database that is busy gives 500, too."""
AT_FIRST = 10.0
"""Seconds to wait for an Airflow that has not answered yet: it is likely down, not restarting."""


class Refused(RunError):
    """Airflow understood, and said no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class AirflowApi:
    """A client logged in with the configured user. Opens no connection before it is asked something."""

    def __init__(self, config: Config, patience: float = 120.0) -> None:
        self.url = config.need("airflow_url").rstrip("/")
        self._login = {"username": config.need("airflow_user"), "password": config.need("airflow_password")}
        self._patience = patience
        self._met = False
        self._token = ""
        self._client = httpx.Client(base_url=self.url, timeout=30, trust_env=False)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        """The answer as an object; raises Refused, and RunError when Airflow stays away."""
        return _read(self._patient("GET", path, AWAY, params=params))

    def glance(self, path: str, **params: Any) -> dict[str, Any] | None:
        """As `get`, but None where Airflow has an error of its own (HTTP 500)."""
        answer = self._patient("GET", path, AWAY - {BROKEN}, params=params)
        return None if answer.status_code == BROKEN else _read(answer)

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """As `get`. A lost reply is asked for again: `body` must name what it makes."""
        return _read(self._patient("POST", path, AWAY, json=body))

    def patch(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """As `get`."""
        return _read(self._patient("PATCH", path, AWAY, json=body))

    def trigger(self, dag: str, conf: dict[str, Any]) -> str:
        """Start a run of a DAG by hand; returns its id. Raises as `get`."""
        run = f"lakemint__{datetime.now(UTC):%Y-%m-%dT%H-%M-%S}_{uuid.uuid4().hex[:6]}"
        try:
            self.post(f"/dags/{dag}/dagRuns", {"dag_run_id": run, "logical_date": None, "conf": conf})
        except Refused as refusal:
            if refusal.status != httpx.codes.CONFLICT:  # then it is our own, whose reply was lost
                raise
        return run

    def page(self, dag: str, run: str = "", task: str = "") -> str:
        """Address of a DAG's, a run's or a task's page in Airflow's UI."""
        parts = [
            f"/dags/{dag}",
            f"/runs/{quote(run, safe='')}" if run else "",
            f"/tasks/{task}" if task else "",
        ]
        return self.url + "".join(parts)

    def _patient(self, method: str, path: str, away: Collection[int], **content: Any) -> httpx.Response:
        """The first answer whose status is not one of `away`."""
        began = time.monotonic()
        while True:
            try:
                answer = self._once(method, path, **content)
                if answer.status_code not in away:
                    self._met = True
                    return answer
                reason = f"HTTP {answer.status_code}"
            except (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError) as error:
                reason = str(error) or type(error).__name__
            if time.monotonic() - began > (self._patience if self._met else AT_FIRST):
                raise RunError(
                    f"Airflow at {self.url} does not answer ({reason}): is it up? `lakemint status`"
                )
            time.sleep(1)

    def _once(self, method: str, path: str, **content: Any) -> httpx.Response:
        """One try; with a new token when the old one is no longer taken."""
        answer = self._send(method, path, **content)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            login = self._client.post("/auth/token", json=self._login)
            if login.status_code in (400, 401, 403):
                raise Refused(
                    login.status_code,
                    f"Airflow at {self.url} refuses the user {self._login['username']!r}: see "
                    "airflow_user and airflow_password in the stack's credentials.json",
                )
            if login.is_error:
                return login
            self._token = login.json()["access_token"]
            answer = self._send(method, path, **content)
        return answer

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return self._client.request(method, f"/api/v2{path}", headers=headers, **content)


def _read(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        what = f"{answer.request.method} {answer.request.url.path}"
        raise Refused(answer.status_code, f"Airflow refused {what}: {_detail(answer)}")
    result: dict[str, Any] = answer.json()
    return result


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return f"HTTP {answer.status_code}"
