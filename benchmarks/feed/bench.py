"""The feed beside Hugging Face datasets, Lance, LitData, MosaicML Streaming and WebDataset: the same samples,
shuffled, in turn, each in an environment of its own.

A round is one run of each contestant for each kind of sample and number of workers: two epochs, of which the
second counts, so that nobody's start does, and caches are warm.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import peers
from benchmarks.feed.samples import KINDS, write
from benchmarks.measure import Measure, against_peer

ROUNDS = {"small": 1, "full": 3}
TIMES = {"small": 1, "full": 4}
"""As many samples."""
WORKERS = (0, 1, 2)
DEADLINE, TRIES = 240, 3
"""Seconds that a step may take, and how often it is begun."""
PEERS = ("datasets", "lance", "litdata", "streaming", "webdataset")
LIMIT = "Arrow's take in memory"
HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
HOME = CHECKOUT / ".lakemint" / "bench"

Rates = dict[tuple[str, int], list[float]]
"""(contestant, workers) → samples a second, of each round."""


@dataclass(frozen=True)
class Contestant:
    """Someone who loads, and the Python that does."""

    name: str
    python: str
    script: str

    def run(self, *arguments: str) -> Any:
        """What a step printed; raises when it fails."""
        # -E: no PYTHONPATH of ours leads out of a peer's environment.
        isolated = [] if self.name == "lakemint" else ["-E"]
        command = [self.python, *isolated, str(HERE / self.script), *arguments]
        ran = self._ended(command)
        if ran.returncode:
            raise RuntimeError(f"{self.name}: {arguments} ended with {ran.returncode}: {ran.stderr[-2000:]}")
        return json.loads(ran.stdout.splitlines()[-1]) if arguments[0] != "prepare" else None

    def _ended(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """LitData stands still now and then: it is begun again, and that time does not count."""
        for _ in range(TRIES):
            with suppress(subprocess.TimeoutExpired):
                return subprocess.run(
                    command, capture_output=True, text=True, check=False, cwd=CHECKOUT, timeout=DEADLINE
                )
        raise RuntimeError(f"{self.name} stood still {TRIES} times: {command}")


def measure(size: str) -> list[Measure]:
    us = Contestant("lakemint", sys.executable, "with_lakemint.py")
    others = [Contestant(name, str(peers.python(name)), f"with_{name}.py") for name in PEERS]
    HOME.mkdir(mode=0o700, parents=True, exist_ok=True)
    measures: list[Measure] = []
    for kind in KINDS:
        with tempfile.TemporaryDirectory(dir=HOME) as name:
            measures += _report(kind, _rates(kind, size, Path(name), [us, *others]))
    return measures


def _rates(kind: str, size: str, top: Path, contestants: list[Contestant]) -> Rates:
    us = contestants[0]
    write(kind, TIMES[size] * KINDS[kind], top)
    for one in contestants:
        (top / one.name).mkdir()
        one.run("prepare", kind, str(top), str(top / one.name))
    rates: Rates = {}
    sums = set()
    for _ in range(ROUNDS[size]):
        for workers in WORKERS:
            ways = [(one.name, one, "load") for one in contestants]
            for name, one, how in [*ways, *([(LIMIT, us, "limit")] if not workers else [])]:
                told = one.run(how, kind, str(top), str(top / one.name), str(workers))
                rates.setdefault((name, workers), []).append(told["samples"] / told["seconds"])
                sums.add((told["samples"], told["sum"]))
    if len(sums) > 1:
        raise RuntimeError(f"{kind}: not all loaded the same samples: {sums}")
    return rates


def _report(kind: str, rates: Rates) -> Iterator[Measure]:
    for workers in WORKERS:
        ours = rates["lakemint", workers]
        name = f"{kind}, {workers} workers"
        for peer in sorted(PEERS, key=lambda peer: -max(rates[peer, workers])):
            pairs = list(zip(ours, rates[peer, workers], strict=True))
            yield against_peer(name, "samples/s", peer, pairs, at_least=2)
    pairs = list(zip(rates["lakemint", 0], rates[LIMIT, 0], strict=True))
    yield against_peer(f"{kind}, 0 workers", "samples/s", LIMIT, pairs, at_least=0.5)
