"""Run one benchmark: print its table, write `benchmarks/results/<name>.json`."""

import argparse
import importlib
import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.measure import Measure

HERE = Path(__file__).parent


def names() -> list[str]:
    return sorted(path.parent.name for path in HERE.glob("*/bench.py"))


def show(name: str, measures: list[Measure]) -> Table:
    table = Table("metric", "ours", "peer", "ratio", "low … high", "bar", "held", title=name)
    for m in measures:
        table.add_row(
            m.metric,
            f"{m.ours:,.3g} {m.unit}",
            f"{m.peer}: {m.peer_value:,.3g}",
            f"{m.ratio:.2f}",
            f"{m.low:.3g} … {m.high:.3g}",
            m.bar,
            "yes" if m.held else "NO",
        )
    return table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("name", help=f"one of: {', '.join(names())}")
    parser.add_argument("--size", choices=("small", "full"), default="small")
    arguments = parser.parse_args()
    if arguments.name not in names():
        parser.error(f"no benchmark {arguments.name!r}: there are {', '.join(names())}")
    bench = importlib.import_module(f"benchmarks.{arguments.name}.bench")
    measures: list[Measure] = bench.measure(arguments.size)
    Console().print(show(arguments.name, measures))
    result = HERE / "results" / f"{arguments.name}.json"
    result.parent.mkdir(exist_ok=True)
    result.write_text(json.dumps([m.to_json() for m in measures], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
