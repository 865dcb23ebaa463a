"""`reviews`: the four corpora that the source distribution of vaderSentiment 3.3.2 (MIT) carries.

Hutto & Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
ICWSM 2014: 23,703 snippets, each rated from -4 to 4 by 15 to 99 people.
"""

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from lakemint.errors import LakemintError
from lakemint.ingest.landing import Landed, land
from lakemint.lake import Lake
from lakemint.store import Store

DATASET = "reviews"
SDIST = "vaderSentiment-3.3.2.tar.gz"
SHA256 = "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9"
ARCHIVE = "vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz"
CORPORA = {
    "tweets": "tweets",
    "movies": "movieReviewSnippets",
    "products": "amazonReviewSnippets",
    "editorials": "nytEditorialSnippets",
}
"""Source → how its files begin: snippets in `<…>_GroundTruth.txt`, ratings in `<…>_anonDataRatings.txt`."""


def fetch(cache: Path) -> Path:
    """The source distribution in `cache`, fetched once by the package client and checked by sha256.

    Raises LakemintError when it cannot be fetched.
    """
    path = cache / SDIST
    if path.is_file() and _sha256(path) == SHA256:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        _download(Path(folder))
        (Path(folder) / SDIST).replace(path)
    return path


def _download(folder: Path) -> None:
    pin = folder / "pin.txt"
    pin.write_text(f"vaderSentiment==3.3.2 --hash=sha256:{SHA256}\n")
    command = [
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--no-binary", ":all:", "--require-hashes", "-r", str(pin), "-d", str(folder)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired as error:
        raise LakemintError(f"could not fetch {SDIST} with pip in 5 minutes; check the network") from error
    if done.returncode != 0:
        last = done.stderr.strip().splitlines()[-1:] or ["no message"]
        raise LakemintError(f"could not fetch {SDIST} with pip ({last[0]}); or put it in {folder.parent}")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def corpus_files(sdist: Path) -> dict[str, bytes]:
    """The corpora's files by name, as they lie in the nested archive."""
    with tarfile.open(sdist) as outer:
        inner = outer.extractfile(ARCHIVE)
        if inner is None:
            raise LakemintError(f"{sdist}: holds no {ARCHIVE}")
        content = inner.read()
    files = {}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is not None:
                files[Path(member.name).name] = stream.read()
    return files


def land_reviews(store: Store, lake: Lake, cache: Path) -> Landed:
    """Land the snippets as raw objects of four sources, and the ratings as recordings for the replay."""
    files = corpus_files(fetch(cache))
    landed = Landed(0, 0)
    for source, begin in CORPORA.items():
        snippets, ratings = f"{begin}_GroundTruth.txt", f"{begin}_anonDataRatings.txt"
        landed += land(store, lake.raw(DATASET, source), [(snippets, files[snippets])])
        place, recording = lake.recordings(DATASET), lake.recording(DATASET, source)
        landed += land(store, place, [(recording.removeprefix(place), files[ratings])])
    return landed
