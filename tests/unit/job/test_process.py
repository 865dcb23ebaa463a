"""Jobs as child processes: what is heard of them, and that nothing of them stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lakemint.job.outcome import Outcome
from lakemint.job.process import MAX_LINE, JobProcess


def started(tmp_path: Path, code: str, *arguments: str) -> JobProcess:
    script = tmp_path / "job.py"
    script.write_text(code)
    return JobProcess(script, arguments, os.environ)


def alive(group: int) -> list[int]:
    """Processes of a group that still run."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True)
    rows = (line.split() for line in listed.stdout.splitlines())
    return [int(pid) for pid, pgid, state in rows if int(pgid) == group and not state.startswith("Z")]


def gone(group: int, within: float = 5.0) -> bool:
    deadline = time.monotonic() + within
    while alive(group) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not alive(group)


def test_lines_come_while_the_job_runs(tmp_path: Path) -> None:
    job = started(tmp_path, "import time\nprint('first')\ntime.sleep(30)")
    began = time.monotonic()
    assert next(job.lines()) == "first"
    assert time.monotonic() - began < 10
    job.stop()


def test_the_outcome_is_heard_and_not_shown(tmp_path: Path) -> None:
    code = "import sys\nfrom lakemint.job.outcome import Outcome\nprint('hi', sys.argv[1])\n"
    job = started(tmp_path, code + "Outcome('silver/pets', '3', True, {'rows': 7}).print()", "pets")
    assert list(job.lines()) == ["hi pets"]
    assert job.wait() == 0
    assert job.outcome == Outcome("silver/pets", "3", True, {"rows": 7})


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        ("import sys; print('x'); sys.exit('error: no bucket\\nmake one')", "no bucket\nmake one"),
        ("1 / 0", "exit code 1, last line: ZeroDivisionError: division by zero"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL"),
        ("import sys; sys.exit(9)", "exit code 9, last line: (no output)"),
    ],
)
def test_a_failed_job_is_heard_in_its_own_words(tmp_path: Path, code: str, complaint: str) -> None:
    job = started(tmp_path, code)
    list(job.lines())
    assert job.complaint(job.wait()) == complaint


def test_a_line_without_end_takes_bounded_memory(tmp_path: Path) -> None:
    job = started(tmp_path, "import sys\nfor _ in range(64): sys.stdout.write('x' * 65536)")
    assert max(map(len, job.lines())) <= MAX_LINE


def test_output_that_is_no_text_is_shown_all_the_same(tmp_path: Path) -> None:
    job = started(tmp_path, "import sys; sys.stdout.buffer.write(b'caf\\xe9\\n')")
    assert list(job.lines()) == ["caf\N{REPLACEMENT CHARACTER}"]


def test_stopping_ends_the_job_and_what_it_started(tmp_path: Path) -> None:
    code = "import subprocess, time\nsubprocess.Popen(['sleep', '60'])\nprint('up')\ntime.sleep(60)"
    job = started(tmp_path, code)
    assert next(job.lines()) == "up"
    assert len(alive(job.pid)) == 2
    job.stop()
    assert gone(job.pid)


def test_a_job_that_ignores_the_signal_is_killed_after_the_grace(tmp_path: Path) -> None:
    job = started(
        tmp_path, "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('up')\ntime.sleep(60)"
    )
    assert next(job.lines()) == "up"
    job.stop(grace=0.3)
    assert gone(job.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
def test_a_job_dies_with_the_task_that_started_it(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("import time\nprint('up')\ntime.sleep(60)")
    code = (
        "import os, pathlib\nfrom lakemint.job.process import JobProcess\n"
        f"job = JobProcess(pathlib.Path({str(tmp_path / 'job.py')!r}), [], os.environ)\n"
        "next(job.lines())\nprint(job.pid, flush=True)\nos.kill(os.getpid(), 9)"
    )
    parent = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert parent.returncode == -signal.SIGKILL
    assert gone(int(parent.stdout))
