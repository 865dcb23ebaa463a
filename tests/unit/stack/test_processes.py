"""Our processes are known by their mark, whoever their parent is; others are left alone."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from lakemint.stack import launch
from lakemint.stack.launch import alive
from lakemint.stack.processes import end_processes, find_processes, memory

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
ORPHANING = f"import subprocess; print(subprocess.Popen({SLEEP!r}, stdout=-3, stderr=-3).pid, flush=True)"


def marked(home: Path, program: str = "one") -> dict[str, str]:
    return {**os.environ, launch.MARK: str(home), launch.PROGRAM: program}


def test_orphans_are_found_and_ended_and_others_not(tmp_path: Path) -> None:
    ours = subprocess.run(
        [sys.executable, "-c", ORPHANING], env=marked(tmp_path), capture_output=True, text=True, check=True
    )
    other = subprocess.Popen(SLEEP, env={**os.environ, "LAKEMINT_HOME": str(tmp_path)})
    try:
        assert [process.pid for process in find_processes(tmp_path)] == [int(ours.stdout)]
        assert end_processes(find_processes(tmp_path)) == 1 and not find_processes(tmp_path)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen(
        [sys.executable, "-c", deaf], env=marked(tmp_path), stdout=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdout.readline()
        end_processes(find_processes(tmp_path), patience=0.5)
        assert not alive([psutil.Process(process.pid)], seconds=0)


def test_a_launched_program_ends_its_predecessors_only(tmp_path: Path) -> None:
    old = subprocess.Popen(SLEEP, env=marked(tmp_path, "one"))
    neighbour = subprocess.Popen(SLEEP, env=marked(tmp_path, "two"))
    command = [sys.executable, "-I", launch.__file__, str(tmp_path), "one", "", "/bin/echo", "two words"]
    try:
        new = subprocess.run(command, env=marked(tmp_path, "one"), capture_output=True, text=True, check=True)
        assert new.stdout == "two words\n"
        assert old.poll() == -9 and neighbour.poll() is None
    finally:
        neighbour.kill()
        neighbour.wait()


def test_memory_counts_children() -> None:
    hungry = "import time; data = b'x' * 50_000_000; print(1, flush=True); time.sleep(60)"
    before = memory(os.getpid())
    with subprocess.Popen([sys.executable, "-c", hungry], stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline()
        assert memory(os.getpid()) > before + 40_000_000
        child.kill()
    assert memory(child.pid) == 0
