"""Training runs told in OpenLineage's words, for who keeps the lineage of more than this lake.

After the specification 2-0-2: https://openlineage.io/spec/2-0-2/OpenLineage.json; datasets are named after
https://openlineage.io/docs/spec/naming.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from lakemint.config import is_http
from lakemint.errors import ConfigError, LakemintError
from lakemint.lake import Lake

_SPEC: Final = "https://openlineage.io/spec"
_TIMEOUT: Final = 10.0
"""Seconds for a backend to answer."""

Event = dict[str, Any]


def event(kind: str, receipts: Iterable[tuple[Lake, Mapping[str, Any]]], at: str) -> Event:
    """A RunEvent, `START`, `RUNNING`, `COMPLETE` or `FAIL`, of a run by its receipts, one at least.

    Inputs are the versions it read, each with its digest and how many examples it read; the model is its
    output, once it is known.
    """
    told = [*receipts]
    run = told[0][1]
    return {
        "eventType": kind,
        "eventTime": at,
        "producer": _producer(),
        "schemaURL": f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": run["attempt"], "facets": {}},
        "job": {"namespace": "lakemint", "name": run["run"], "facets": {"jobType": _job_type()}},
        "inputs": [_input(lake, receipt) for lake, receipt in told],
        "outputs": [{"namespace": "models", "name": run["model"], "facets": {}}] if run["model"] else [],
    }


@dataclass(frozen=True)
class Destination:
    """Where events go: an HTTP endpoint, or a file that they are put at the end of; nowhere when empty."""

    url: str
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.url and not (self.url.startswith("file:///") or is_http(self.url)):
            raise ConfigError(
                f"openlineage {self.url!r}: write https://host/api/v1/lineage, or file:///folder/events.ndjson"
            )

    def send(self, told: Event) -> None:
        """Hand an event over; raises LakemintError when it was not taken."""
        data = json.dumps(told).encode()
        try:
            if self.url.startswith("file://"):
                with Path(self.url.removeprefix("file://")).open("ab") as file:
                    file.write(data + b"\n")
                return
            headers = {"Content-Type": "application/json"}
            headers |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
            request = Request(self.url, data, headers)  # noqa: S310 - the scheme was looked at
            with urlopen(request, timeout=_TIMEOUT):  # noqa: S310
                pass
        except OSError as error:
            raise LakemintError(f"lineage at {self.url}: {error}") from error


def _input(lake: Lake, receipt: Mapping[str, Any]) -> dict[str, Any]:
    namespace, name = lake.named(lake.published(receipt["dataset"]))
    digest = _facet("facets/1-0-1/DatasetVersionDatasetFacet", datasetVersion=receipt["manifest"])
    rows = sum(end - begin for begin, end in receipt["ranges"])
    return {
        "namespace": namespace,
        "name": name,
        "facets": {"version": digest},
        "inputFacets": {
            "inputStatistics": _facet("facets/1-0-0/InputStatisticsInputDatasetFacet", rowCount=rows)
        },
    }


def _job_type() -> dict[str, Any]:
    kinds = {"processingType": "BATCH", "integration": "LAKEMINT", "jobType": "TRAINING"}
    return _facet("facets/2-0-4/JobTypeJobFacet", **kinds)


def _facet(schema: str, **values: Any) -> dict[str, Any]:
    name = schema.rpartition("/")[2]
    return {"_producer": _producer(), "_schemaURL": f"{_SPEC}/{schema}.json#/$defs/{name}", **values}


def _producer() -> str:
    return f"urn:lakemint:{version('lakemint')}"
