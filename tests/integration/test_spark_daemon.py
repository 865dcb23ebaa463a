"""Spark's Python workers go when they have had nothing to do for a while, and not before."""

import subprocess
import sys
import time

import psutil

PROGRAM = """
import os, signal, threading, time
from lakemint import spark_daemon

spark_daemon.IDLE, spark_daemon._LOOK = 0.5, 0.1
os.setpgid(0, 0)
signal.signal(signal.SIGHUP, signal.SIG_IGN)
worker = os.fork()
if not worker:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        pass  # at work
    time.sleep(100)
threading.Thread(target=spark_daemon._end_when_idle, daemon=True).start()
print(worker, flush=True)
time.sleep(100)
"""


def test_idle_workers_and_their_daemon_end_and_busy_ones_do_not() -> None:
    began = time.monotonic()
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as daemon:
        assert daemon.stdout is not None
        worker = psutil.Process(int(daemon.stdout.readline()))
        assert daemon.wait(timeout=20) == 0
    assert time.monotonic() - began > 2
    deadline = time.monotonic() + 10  # a signal takes its time
    while _is_alive(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_alive(worker)


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
