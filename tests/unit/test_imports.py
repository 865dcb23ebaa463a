"""The architecture's rules, read from the code: who may import whom."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SOURCE = CHECKOUT / "src" / "lakemint"
ISOLATED = ("ingest", "refine", "label", "gate", "assemble", "publish", "feed", "erase")
"""Stages that know no other; `train` and `handover` read what the feed gives, like any training program."""
FOUNDATION = ("*.py", "dataset/*.py", "published/*.py", "store/*.py")
"""What all stages stand on."""
ABOVE = ("check.py", "erasure.py", "record_schemas.py", "subject_lines.py", "__init__.py")
"""Top-level modules that stand on stages."""
EDGES = {
    "pyspark": ("spark.py", "spark_daemon.py", "*/transforms.py"),
    "delta": (),
    "great_expectations": ("gate/*.py",),
    "label_studio_sdk": ("label/*.py",),
    "airflow": ("airflow/*.py",),
    "sklearn": ("train/*.py", "demo/*.py"),
    "supervisor": ("stack/*.py",),
    "torch": ("feed/torch.py",),
    "tensorflow": ("feed/tensorflow.py",),
    "jinja2": ("datacard/*.py",),
    "cryptography": ("keys.py", "stack/*.py"),
    "rich": ("cli/*.py",),
    "typer": ("cli/*.py",),
}
"""Package → the only modules of `lakemint` that may import it."""


@cache
def imports(path: Path, *, runtime_only: bool = True) -> list[str]:
    """Every module that a file imports, also inside functions; not those under `if TYPE_CHECKING`."""
    tree = ast.parse(path.read_text())
    skipped: set[ast.AST] = set()
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test) and runtime_only:
            skipped.update(child for statement in node.body for child in ast.walk(statement))
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def sources() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("stage", ISOLATED)
def test_stages_do_not_know_each_other(stage: str) -> None:
    files = list((SOURCE / stage).rglob("*.py"))
    assert files, f"no stage {stage}"
    others = tuple(f"lakemint.{other}." for other in ISOLATED if other != stage)
    found = [
        f"{file.name}: {name}" for file in files for name in imports(file) if f"{name}.".startswith(others)
    ]
    assert found == []


def test_the_foundation_knows_no_stage() -> None:
    stages = {f"lakemint.{stage}" for stage in (*ISOLATED, "train", "handover")}
    found = [
        f"{file.relative_to(SOURCE)}: {name}"
        for pattern in FOUNDATION
        for file in SOURCE.glob(pattern)
        for name in imports(file)
        if ".".join(name.split(".")[:2]) in stages and file.name not in ABOVE
    ]
    assert found == []


@pytest.mark.parametrize("package", EDGES)
def test_each_heavy_package_lives_at_one_edge(package: str) -> None:
    strays = [
        str(file.relative_to(SOURCE))
        for file in sources()
        if any(name.split(".")[0] == package for name in imports(file))
        and not any(file.relative_to(SOURCE).match(pattern) for pattern in EDGES[package])
    ]
    assert strays == []


def test_only_config_reads_the_environment() -> None:
    readers = [
        str(file.relative_to(SOURCE))
        for file in sources()
        if any(
            isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv")
            for node in ast.walk(ast.parse(file.read_text()))
        )
    ]
    assert readers == ["config.py"]


def test_dags_import_only_airflow_and_our_provider() -> None:
    allowed = ("airflow.sdk", "lakemint.airflow", "datetime", "__future__")
    found = [
        f"{file.name}: {name}"
        for file in sorted((CHECKOUT / "dags").glob("*.py"))
        for name in imports(file)
        if not name.startswith(allowed)
    ]
    assert found == []


def test_feed_needs_only_what_a_training_image_has() -> None:
    heavy = (
        "airflow pyspark pandas great_expectations label_studio_sdk sklearn pydantic yaml rich typer rfc8785 "
        "cryptography psutil"
    )
    feed = "lakemint.feed.version, lakemint.feed.loader, lakemint.handover.record"
    code = f"import sys, {feed}; print([m for m in {heavy.split()} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_jobs_are_thin_and_dags_thinner() -> None:
    long = [
        f"{file.name}: {lines} lines"
        for folder, bound in (("jobs", 60), ("dags", 80))
        for file in (CHECKOUT / folder).glob("*.py")
        if (lines := len(file.read_text().splitlines())) > bound
    ]
    assert long == []
