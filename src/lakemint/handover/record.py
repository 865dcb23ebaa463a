"""The record of a hand-over: which version, of which lake, to which training. It holds no secret.

It lies in the lake, `published/<dataset>/handovers/<run>/<attempt>.json`, for who wants to know later what
was trained on what; the training's processes are told it by `LAKEMINT_HANDOVER`.
"""

import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from lakemint.config import handed_over_text, is_http, unset_variables
from lakemint.errors import FormatError, IntegrityError, LakemintError, TrainingError
from lakemint.feed.plain import Checked, count, digest, parse_plain, plain_json, text
from lakemint.handover.training import Training
from lakemint.lake import Lake
from lakemint.names import Reference, check_name, parse_reference
from lakemint.store import StoreAddress

if TYPE_CHECKING:
    from lakemint.feed import Run, Version

KIND: Final = "lakemint.handover"
MAX_BYTES: Final = 32 * 1024
"""Of a record: it must fit into one variable of an environment."""


@dataclass(frozen=True)
class Handover:
    """One attempt at a training, as `lakemint.handed_over()` gives it to the training's own program."""

    training: Training
    attempt: int
    """From 1: a training that failed may be handed over again."""
    asked: str
    """The version as it was asked for: `reviews@production`."""
    version: Reference
    """What that was."""
    manifest: str
    """And its digest then."""
    lake: StoreAddress
    place: str = ""
    """The machine or cluster that it was handed to, where a launcher knows several."""

    def __post_init__(self) -> None:
        Lake(self.lake.lake)
        endpoint = self.lake.s3_endpoint
        if endpoint and (not is_http(endpoint) or "@" in urlsplit(endpoint).netloc):
            raise TrainingError(f"s3_endpoint {endpoint!r} is no address: write https://host:port, no login")
        if parse_reference(self.asked).dataset != check_name(self.version.dataset) or self.attempt < 1:
            raise TrainingError(f"{self.asked!r} cannot be {self.version}, or there is no attempt before 1")
        if len(self.data()) > MAX_BYTES:
            raise TrainingError(f"its record is longer than {MAX_BYTES} bytes: put arguments into a file")

    @property
    def checkpoints(self) -> str:
        """The folder or URI for checkpoints that was handed over; empty: the program knows."""
        return self.training.checkpoints

    @property
    def splits(self) -> tuple[str, ...]:
        """Those that the training is to read."""
        return self.training.splits

    @property
    def job(self) -> str:
        """What its launcher calls it: `exp-7-1f0c9a3e`, by the record's own bytes."""
        return f"{self.training.run}-{hashlib.sha256(self.data()).hexdigest()[:8]}"

    def open(self) -> "Version":
        """The version that was handed over, whatever its channel points to by now.

        Raises as `lakemint.open` does, IntegrityError when it has another digest than was handed over and no
        erasure explains that, and TrainingError when credentials that the record names are not there.
        """
        from lakemint.config import load_config
        from lakemint.feed import open as open_version

        if missing := unset_variables(self.training.credentials):
            raise TrainingError(
                f"{', '.join(missing)} should be set here to read {self.lake.lake}: see that "
                f"the job {self.job} gets it"
            )
        version = open_version(str(self.version), config=self.lake.config(load_config()))
        if self.manifest not in (*version.earlier, version.digest):
            raise IntegrityError(
                f"{self.version} is {version.digest[:12]}, and {self.manifest[:12]} was handed over to "
                f"{self.training.run}: is this the same lake? Hand it over anew"
            )
        return version

    def run(self, *, model: str | None = None, strict: bool = False) -> "Run":
        """`lakemint.run` under the training's name: give it to loaders, and the lake knows what was read."""
        from lakemint.feed import run

        return run(self.training.run, model=model, strict=strict)

    def content(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "format": f"{KIND}/1",
            "attempt": self.attempt,
            "asked": self.asked,
            "dataset": self.version.dataset,
            "version": self.version.number,
            "manifest": self.manifest,
            **asdict(self.lake),
            "place": self.place,
            **self.training.plain(),
        }

    def data(self) -> bytes:
        """As it is stored: canonical JSON."""
        return plain_json(self.content())


def parse_handover(data: bytes, where: str) -> Handover:
    """Read the record that lies or came from `where`; raises FormatError."""
    if len(data) > MAX_BYTES:
        raise FormatError(f"{where}: longer than the {MAX_BYTES} bytes it may have")
    content = parse_plain(data, where, KIND)
    try:
        with Checked(where):
            lake = (text(content[name]) for name in ("lake", "s3_endpoint", "s3_region", "s3_style"))
            return Handover(
                training=Training.parsed(content),
                attempt=count(content["attempt"]),
                asked=text(content["asked"]),
                version=Reference(text(content["dataset"]), count(content["version"])),
                manifest=digest(content["manifest"]),
                lake=StoreAddress(*lake),
                place=text(content["place"]),
            )
    except FormatError:
        raise
    except LakemintError as error:
        raise FormatError(f"{where}: {error}") from error


def handed_over() -> Handover:
    """What was handed over to the training that this process is of.

        handed = lakemint.handed_over()
        with handed.run() as run:
            for batch in handed.open()["train"].loader(256, seed=7, run=run):
                ...

    Raises TrainingError where nothing was, and FormatError.
    """
    if (told := handed_over_text()) is None:
        raise TrainingError(
            "nothing was handed over to this process: start it by `lakemint train reviews@3 -- python …`, "
            "or open a version by its name"
        )
    return parse_handover(told.encode(errors="surrogateescape"), "LAKEMINT_HANDOVER")
