"""The embedded stack, started for real beside any other, and treated badly.

One instance of its own, in a folder whose name has a space and other letters than ASCII's, for the tests of
this file, in their order.
"""

import json
import os
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest

from lakemint.config import CREDENTIALS, SETTINGS, Config, load_config
from lakemint.errors import StackError
from lakemint.spark import spark_session
from lakemint.stack import down, status, up
from lakemint.stack.launch import alive
from lakemint.stack.processes import find_processes
from lakemint.stack.servers import SERVERS
from lakemint.store import open_store, s3_client
from tests.support import CHECKOUT, LAKEMINT

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.timeout(900)]

PROGRAMS = [name for server in SERVERS for name in server.parts]
DATA = os.urandom(300_000)
TABLE = "s3a://lake/table"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("own") / "my st\u00e4ck \u6e56"
    try:
        up(home, CHECKOUT)
        yield home
    finally:
        down(home)


@pytest.fixture
def config(home: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Settings as any program would load them."""
    monkeypatch.setenv("LAKEMINT_HOME", str(home))
    monkeypatch.delenv("LAKEMINT_LAKE", raising=False)
    return load_config()


def lakemint(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [LAKEMINT, *arguments],
        cwd=CHECKOUT,
        env={**os.environ, "LAKEMINT_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(url: str, path: str, body: dict[str, Any] | None = None, token: str = "") -> Any:
    """The JSON answer of one of the stack's servers."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=20)
    headers = {"Content-Type": "application/json", **({"Authorization": token} if token else {})}
    connection.request("POST" if body else "GET", path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    content = answer.read()
    assert answer.status < 300, (answer.status, content[:300])
    return json.loads(content)


def airflow_token(config: Config) -> str:
    who = {"username": config.airflow_user, "password": config.airflow_password}
    return "Bearer " + str(ask(config.airflow_url, "/auth/token", who)["access_token"])


def write_everywhere(config: Config) -> None:
    """Leave something in each server that keeps data."""
    open_store(config).put("kept", DATA)
    ask(config.airflow_url, "/api/v2/variables", {"key": "kept", "value": "7"}, airflow_token(config))
    ask(config.label_studio_url, "/api/projects", {"title": "kept"}, f"Token {config.label_studio_token}")
    with spark_session(config) as spark:
        spark.range(5).write.format("delta").save(TABLE)


def read_everywhere(config: Config) -> None:
    """What `write_everywhere` left is all there, but for the table."""
    assert open_store(config).get("kept") == DATA
    assert ask(config.airflow_url, "/api/v2/variables/kept", token=airflow_token(config))["value"] == "7"
    projects = ask(config.label_studio_url, "/api/projects", token=f"Token {config.label_studio_token}")
    assert [project["title"] for project in projects["results"]] == ["kept"]


def pids(home: Path) -> dict[str, int]:
    return {program.program: program.pid for program in status(home).programs}


def test_looking_makes_no_bucket_but_up_does(home: Path, config: Config) -> None:
    client = s3_client(config)
    client.delete_bucket(Bucket="lake")
    store = next(program for program in status(home).programs if program.program == "s3")
    assert store.state != "up"
    assert store.detail == "it has no bucket 'lake': `lakemint up` makes an empty one"
    assert client.list_buckets()["Buckets"] == []
    up(home, CHECKOUT)
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["lake"]


def test_everything_serves_and_fits_in_memory(home: Path, config: Config) -> None:
    found = status(home)
    assert found.up and [program.program for program in found.programs] == [*PROGRAMS, "supervisor"]
    assert 2**29 < found.memory < 4 * 2**30
    write_everywhere(config)


def test_a_second_up_finds_all_well_at_once(home: Path) -> None:
    before, began = pids(home), time.monotonic()
    again = lakemint(home, "up")
    told, complaint = again.communicate(timeout=120)
    assert again.returncode == 0 and "all up" in told, complaint
    assert time.monotonic() - began < 30 and pids(home) == before


def test_all_addresses_are_this_machines_own(home: Path) -> None:
    listening = [
        (process.name(), connection.laddr)
        for process in find_processes(home)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 12
    assert [one for one in listening if not one[1].ip.removeprefix("::ffff:").startswith("127.")] == []


def test_secrets_are_nowhere_to_be_seen(home: Path) -> None:
    credentials = json.loads((home / CREDENTIALS).read_text())
    seen = " ".join(" ".join(process.cmdline()) for process in find_processes(home))
    seen += "".join(path.read_text(errors="replace") for path in (home / "logs").glob("*.log"))
    seen += (home / SETTINGS).read_text()
    assert len(seen) > 10_000
    assert [name for name, secret in credentials.items() if secret in seen] == []


def test_files_with_secrets_are_closed_to_others(home: Path) -> None:
    credentials = list(json.loads((home / CREDENTIALS).read_text()).values())
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    small = [path for path in home.rglob("*") if path.is_file() and path.stat().st_size < 200_000]
    with_secrets = [
        path for path in small if any(secret.encode() in path.read_bytes() for secret in credentials)
    ]
    assert {path.name for path in with_secrets} >= {CREDENTIALS, "supervisord.conf", "spark.conf", "s3.json"}
    databases = [path for path in home.rglob("*") if path.suffix in (".db", ".sqlite3")]
    assert len(databases) >= 2
    assert [path for path in with_secrets + databases if path.stat().st_mode & 0o077] == []


def test_the_stores_inner_ports_take_no_orders(home: Path) -> None:
    """Its parts are reached by each other only: nobody else wipes, reads or lists what S3 guards."""
    ports = json.loads((home / SETTINGS).read_text())["ports"]
    for path in ("/col/delete?collection=lake", "/dir/status", "/dir/assign", "/vol/vacuum"):
        connection = HTTPConnection("127.0.0.1", ports["s3_master"], timeout=5)
        connection.request("GET", path)
        assert connection.getresponse().status == 404, path
    for part in ("s3_master_grpc", "s3_volume_grpc", "s3_filer_grpc", "s3_grpc"):
        with grpc.insecure_channel(f"127.0.0.1:{ports[part]}") as channel:
            with pytest.raises(grpc.RpcError) as refused:
                channel.unary_unary("/master_pb.Seaweed/Statistics")(b"", timeout=3)
            assert refused.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), (
                part
            )


def test_servers_refuse_who_has_no_key(home: Path, config: Config) -> None:
    with pytest.raises(Exception, match="refuses these credentials"):
        open_store(replace(config, s3_secret_key="wrong")).get("kept")
    for url, path in ((config.airflow_url, "/api/v2/dags"), (config.label_studio_url, "/api/projects")):
        with pytest.raises(AssertionError, match="401"):
            ask(url, path)
    refused = pytest.raises(Exception, match="UNAUTHENTICATED")
    with refused, spark_session(replace(config, spark_token="wrong")) as spark:
        spark.sql("SELECT 1").collect()
    for part in ("s3_filer", "s3_volume"):
        connection = HTTPConnection("127.0.0.1", json.loads((home / SETTINGS).read_text())["ports"][part])
        connection.request("GET", "/buckets/lake/kept")
        assert connection.getresponse().status in (401, 404)


def test_after_a_kill_of_everything_all_data_are_back(home: Path, config: Config) -> None:
    victims = find_processes(home)
    for process in victims:
        with suppress(psutil.NoSuchProcess):  # some die with their parents
            process.kill()
    assert alive(victims, 10) == [] and not status(home).supervised
    began = time.monotonic()
    up(home)
    print(f"up again in {time.monotonic() - began:.1f} s")
    read_everywhere(config)
    with spark_session(config) as spark:
        assert spark.read.format("delta").load(TABLE).count() == 5


def test_up_after_the_supervisor_alone_was_killed(home: Path, config: Config) -> None:
    """The servers run on without it: they are ended, not doubled."""
    psutil.Process(pids(home)["supervisor"]).kill()
    found = status(home)
    assert not found.supervised and len(found.orphans) >= len(PROGRAMS)
    told = lakemint(home, "doctor").communicate(timeout=60)[0]
    assert "left over without a supervisor" in told and "lakemint up" in told
    up(home, servers=["s3"])
    assert [program.program for program in status(home).programs] == ["s3", "supervisor"]
    assert open_store(config).get("kept") == DATA


def test_a_second_up_while_one_runs_is_told_so(home: Path) -> None:
    first = lakemint(home, "up", "s3", "label-studio")
    lock = home / "run" / "lock"
    while f"(pid {first.pid})" not in lock.read_text():
        assert first.poll() is None
        time.sleep(0.02)
    second = lakemint(home, "up")
    complaint = second.communicate(timeout=60)[1]
    assert second.returncode == 1 and complaint.count("\n") == 1
    assert f"`lakemint up` (pid {first.pid}) is at work" in complaint
    assert first.wait(120) == 0 and status(home).up


def test_down_leaves_nothing_behind(home: Path) -> None:
    ports = json.loads((home / SETTINGS).read_text())["ports"]
    down(home)
    assert find_processes(home) == []
    for port in ports.values():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    down(home)  # and again is fine


def test_a_taken_port_is_named_with_its_holder(home: Path) -> None:
    port = json.loads((home / SETTINGS).read_text())["ports"]["s3"]
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(("127.0.0.1", port))
        thief.listen()
        refused = lakemint(home, "up", "s3")
        complaint = refused.communicate(timeout=60)[1]
        assert refused.returncode == 1 and f"port {port} of SeaweedFS" in complaint
        assert f"(pid {os.getpid()})" in complaint and "lakemint up --new-ports" in complaint
        assert find_processes(home) == []
        up(home, servers=["s3"], new_ports=True)
        assert json.loads((home / SETTINGS).read_text())["ports"]["s3"] != port
        assert status(home).up
        down(home)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "s3").mkdir(parents=True)
    (tmp_path / "s3" / "filerldb2").write_text("no folder")
    try:
        with pytest.raises(StackError, match=r"SeaweedFS \(S3\) does not start") as failure:
            up(tmp_path, CHECKOUT, ["s3"])
        assert "filerldb2" in str(failure.value) and str(tmp_path / "logs" / "s3.log") in str(failure.value)
    finally:
        down(tmp_path)
