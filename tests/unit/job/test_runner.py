"""What a job says and how it ends, as whoever started it sees it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from lakemint.job.outcome import Outcome

JOB = """
import sys, time
from lakemint.job import runner
from lakemint.errors import GateFailed, LakemintError
from lakemint.job.outcome import Outcome

def main(dataset: str, table: str) -> Outcome:
{body}

runner.run(main)
"""


def job(tmp_path: Path, body: str, *arguments: str) -> subprocess.Popen[str]:
    script = tmp_path / "job.py"
    script.write_text(JOB.format(body="\n".join(f"    {line}" for line in body.splitlines())))
    return subprocess.Popen(
        [sys.executable, script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def test_the_last_line_is_the_outcome(tmp_path: Path) -> None:
    body = "print('working')\nreturn Outcome(f'{table}/{dataset}', '3', True, {'rows': 7})"
    process = job(tmp_path, body, "pets", "silver")
    out, _ = process.communicate()
    assert process.returncode == 0
    assert Outcome.from_line(out.splitlines()[-1]) == Outcome("silver/pets", "3", True, {"rows": 7})


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ("raise LakemintError('no bucket: make one')", 1, "error: no bucket: make one\n"),
        ("raise GateFailed('rule broken')", 3, "error: rule broken\n"),
        (
            "from pyspark.errors import PySparkException\nraise PySparkException('UNAVAILABLE: none')",
            1,
            "error: the Spark server does not answer; nothing is lost: `lakemint doctor` tells what to mend, "
            "then run this again\n",
        ),
    ],
)
def test_an_error_is_one_clear_line(tmp_path: Path, body: str, status: int, told: str) -> None:
    process = job(tmp_path, body, "pets", "silver")
    out, err = process.communicate()
    assert (process.returncode, out, err) == (status, "", told)


def test_a_defect_of_ours_keeps_its_trace(tmp_path: Path) -> None:
    process = job(tmp_path, "return {}['UNAVAILABLE']", "pets", "silver")
    _, err = process.communicate()
    assert process.returncode == 1
    assert "Traceback" in err


def test_wrong_arguments_are_told_the_right_ones(tmp_path: Path) -> None:
    process = job(tmp_path, "return None", "pets")
    _, err = process.communicate()
    assert process.returncode == 2
    assert err.endswith("job.py <dataset> <table>\n")


def test_a_stopped_job_leaves_its_blocks(tmp_path: Path) -> None:
    body = "try:\n    print('ready')\n    time.sleep(60)\nfinally:\n    print('closed')"
    process = job(tmp_path, body, "pets", "silver")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (143, "closed\n", "")
