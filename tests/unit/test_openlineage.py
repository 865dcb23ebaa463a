"""What OpenLineage is told of training runs: by its own schemas, to a file and to a server."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import lakemint
from lakemint.config import Config
from lakemint.errors import ConfigError
from lakemint.feed import Version
from lakemint.lake import Lake
from lakemint.names import Reference
from lakemint.openlineage import event
from lakemint.published.receipts import ReceiptRecord, receipts
from lakemint.store import open_store
from tests.unit.small_version import publish, row, settings

SPEC = [json.loads(path.read_text()) for path in (Path(__file__).parent / "openlineage").glob("*.json")]
FACETS = {"version", "inputStatistics", "jobType"}


@pytest.fixture(scope="module")
def registry() -> "Registry[Any]":
    return Registry().with_resources((schema["$id"], Resource.from_contents(schema)) for schema in SPEC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    config = settings(tmp_path)
    publish(config, [row(index, "test" if index % 5 == 0 else "train") for index in range(50)])
    return config


def version_of(config: Config, openlineage: str, key: str = "") -> Version:
    told = replace(config, openlineage=openlineage, openlineage_key=key)
    return lakemint.open("notes@1", config=told)


def check(told: dict[str, Any], registry: "Registry[Any]") -> None:
    """By the specification's schema of events, and each facet by the one that it names."""
    validator = Draft202012Validator({"$ref": told["schemaURL"]}, registry=registry)
    validator.validate(told)
    facets = [*told["job"]["facets"].items()]
    for one in told["inputs"]:
        facets += [*one["facets"].items(), *one["inputFacets"].items()]
    assert {name for name, _ in facets} == FACETS
    for name, facet in facets:
        schema = {"$ref": facet["_schemaURL"].partition("#")[0]}
        Draft202012Validator(schema, registry=registry).validate({name: facet})
        Draft202012Validator({"$ref": facet["_schemaURL"]}, registry=registry).validate(facet)


def test_a_run_is_told_from_its_begin_to_its_end(
    config: Config, tmp_path: Path, registry: "Registry[Any]"
) -> None:
    file = tmp_path / "events.ndjson"
    version = version_of(config, f"file://{file}")
    with lakemint.run("exp-7", model="s3://models/exp-7", strict=True) as run:
        train, test = (version[split].loader(10, run=run) for split in ("train", "test"))
        list(test)
        list(train)
    told = [json.loads(line) for line in file.read_text().splitlines()]
    for one in told:
        check(one, registry)
    assert [one["eventType"] for one in told] == ["START", "RUNNING", "COMPLETE"]
    assert {one["run"]["runId"] for one in told} == {run.id}
    assert {one["job"]["name"] for one in told} == {"exp-7"}
    last = told[-1]
    assert [one["inputFacets"]["inputStatistics"]["rowCount"] for one in last["inputs"]] == [40, 10]
    assert {one["facets"]["version"]["datasetVersion"] for one in last["inputs"]} == {version.digest}
    lake = config.lake.removeprefix("file://")
    assert {(one["namespace"], one["name"]) for one in last["inputs"]} == {
        ("file", f"{lake}/published/notes")
    }
    assert [one["name"] for one in last["outputs"]] == ["s3://models/exp-7"]


def test_a_failed_run_is_told_as_one(config: Config, tmp_path: Path, registry: "Registry[Any]") -> None:
    file = tmp_path / "events.ndjson"
    train = version_of(config, f"file://{file}")["train"]
    with pytest.raises(ValueError, match="secret"), lakemint.run("exp-7") as run:
        for _ in train.loader(10, run=run):
            raise ValueError("secret text of a row")
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [one["eventType"] for one in told] == ["START", "FAIL"]
    check(told[1], registry)
    assert "secret" not in file.read_text()


def test_a_stored_receipt_tells_the_same_later(config: Config, registry: "Registry[Any]") -> None:
    with lakemint.run("exp-7") as run:
        list(version_of(config, "")["train"].loader(10, run=run))
    lake = Lake("s3://lake/team")
    (one,) = receipts(open_store(config), Lake(config.lake), Reference("notes", 1))
    assert isinstance(one, ReceiptRecord)
    told = event("COMPLETE", [(lake, one.model_dump(mode="json"))], "2026-11-23T12:00:00+00:00")
    check(told, registry)
    (read,) = told["inputs"]
    assert (read["namespace"], read["name"]) == ("s3://lake", "team/published/notes")


class Backend(ThreadingHTTPServer):
    """Keeps what it is told; `status` is its answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.told = 201, list[tuple[str, str, dict[str, Any]]]()


class Handler(BaseHTTPRequestHandler):
    server: Backend

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.told.append((self.path, self.headers.get("Authorization", ""), body))
        self.send_response_only(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Tests say what went wrong."""


@pytest.fixture
def backend() -> Iterator[Backend]:
    backend = Backend()
    threading.Thread(target=backend.serve_forever, daemon=True).start()
    yield backend
    backend.shutdown()
    backend.server_close()


def test_a_server_is_told_with_the_key_that_lets_us_in(config: Config, backend: Backend) -> None:
    url = f"http://127.0.0.1:{backend.server_port}/api/v1/lineage"
    with lakemint.run("exp-7") as run:
        list(version_of(config, url, "sesame")["train"].loader(10, run=run))
    assert [(path, key, one["eventType"]) for path, key, one in backend.told] == [
        ("/api/v1/lineage", "Bearer sesame", "START"),
        ("/api/v1/lineage", "Bearer sesame", "COMPLETE"),
    ]


def test_a_server_that_fails_is_a_warning_and_the_receipt_is_there(config: Config, backend: Backend) -> None:
    backend.status = 500
    url = f"http://127.0.0.1:{backend.server_port}/"
    with pytest.warns(RuntimeWarning, match=f"lineage at {url}.*500"), lakemint.run("exp-7") as run:
        list(version_of(config, url)["train"].loader(10, run=run))
    (one,) = receipts(open_store(config), Lake(config.lake), Reference("notes", 1))
    assert isinstance(one, ReceiptRecord)
    assert one.status == "complete"


@pytest.mark.parametrize("url", ["ftp://host/", "marquez:5000", "http://", "http://[", "/var/events"])
def test_what_is_no_address_is_refused_when_a_version_is_opened(config: Config, url: str) -> None:
    with pytest.raises(ConfigError, match=r"openlineage.*https://host"):
        version_of(config, url)
