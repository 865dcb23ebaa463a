"""Run one campaign; the last line printed is its figures, as JSON."""

import argparse
import json
import sys
from collections import Counter

import pytest

from tests.campaigns import CAMPAIGNS


class Figures:
    """Counts a campaign's runs as pytest reports them, and adds up the numbers that they recorded."""

    def __init__(self) -> None:
        self.counts = Counter(runs=0, failed=0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.counts["failed"] += report.failed
        if report.when == "call":
            self.counts["runs"] += 1
            for name, number in report.user_properties:
                self.counts[name] += int(str(number))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("name", help=f"one of: {', '.join(CAMPAIGNS)}")
    parser.add_argument("--seeds", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.name not in CAMPAIGNS:
        parser.error(f"no campaign {arguments.name!r}: there are {', '.join(CAMPAIGNS)}")
    figures = Figures()
    status = pytest.main(["-q", "--seeds", str(arguments.seeds), *CAMPAIGNS[arguments.name]], [figures])
    print(json.dumps({"campaign": arguments.name, **figures.counts}))
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
