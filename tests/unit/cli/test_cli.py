"""The command line as a user meets it."""

import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

from tests.support import LAKEMINT


def run(*arguments: str, folder: Path, home: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": "/usr/bin:/bin", **({"LAKEMINT_HOME": str(home)} if home else {})}
    return subprocess.run(
        [LAKEMINT, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_help_names_the_commands(tmp_path: Path) -> None:
    told = run("--help", folder=tmp_path)
    assert told.returncode == 0
    for command in ("up", "down", "status", "doctor", "logs"):
        assert f"  {command} " in told.stdout


def test_help_is_quick(tmp_path: Path) -> None:
    """In processor time, since the machine may be busy."""
    code = "import time, sys; sys.argv = ['lakemint', '--help']; import lakemint.cli as c\n"
    code += "try: c.main()\nexcept SystemExit: print(time.process_time())"
    best = min(
        float(
            subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            ).stdout.split()[-1]
        )
        for _ in range(3)
    )
    assert best < 0.5


def test_our_errors_are_one_line_without_a_trace(tmp_path: Path) -> None:
    failed = run("up", folder=tmp_path)
    assert failed.returncode == 1 and failed.stdout == ""
    assert failed.stderr.startswith("error: ") and failed.stderr.count("\n") == 1
    assert "run inside a checkout" in failed.stderr


def test_an_unknown_server_is_named(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    failed = run("up", "kafka", folder=tmp_path)
    assert failed.returncode == 1
    assert "no server 'kafka': there are s3, spark, airflow, label-studio" in failed.stderr


def test_nothing_to_stop_is_fine_and_leaves_no_trace(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    assert run("down", folder=tmp_path, home=tmp_path / "home").returncode == 0
    assert not (tmp_path / "home").exists()
    asked = run("status", folder=tmp_path, home=tmp_path / "home")
    assert asked.returncode == 1 and "is down" in asked.stdout


def test_doctor_says_what_is_missing_and_how_to_mend_it(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "infra" / "local").mkdir(parents=True)
    (tmp_path / "infra" / "local" / "jars.txt").write_text(f"org.x:y:1.0 3 {'0' * 64}\n")
    began = time.monotonic()
    told = run("doctor", folder=tmp_path)
    lines = told.stdout.splitlines()
    assert told.returncode == 1 and time.monotonic() - began < 20
    broken = {line.split()[1]: follower for line, follower in pairwise(lines) if line[:6] == "broken"}
    assert {"Label", "JARs"} <= set(broken)
    assert "make setup" in broken["Label"] and "lakemint up" in broken["JARs"]
