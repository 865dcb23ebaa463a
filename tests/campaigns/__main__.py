"""Run one campaign; the last line printed is its figures, as JSON."""

import argparse
import importlib
import json
import sys
from pathlib import Path


def names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("[a-z]*.py"))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__)
    parser.add_argument("name", help=f"one of: {', '.join(names())}")
    parser.add_argument("--seeds", type=int, default=100)
    arguments = parser.parse_args()
    if arguments.name not in names():
        parser.error(f"no campaign {arguments.name!r}: there are {', '.join(names())}")
    campaign = importlib.import_module(f"tests.campaigns.{arguments.name}")
    figures = campaign.run(range(arguments.seeds))
    print(json.dumps({"campaign": arguments.name, "seeds": arguments.seeds, **figures}, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
