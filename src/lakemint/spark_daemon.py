"""PySpark's daemon of Python workers, but one that ends when its workers have had nothing to do for a while.

Spark keeps a daemon and its workers for each Connect session that ever used one, for good: a server
that runs jobs for days would fill the memory with them. Should the session live on, Spark finds its workers
gone, tries the task again and starts new ones (`spark.master local[n, failures]` must allow that).
"""

import os
import signal
import threading
import time

import psutil
from pyspark.daemon import manager

IDLE = 120.0
"""Seconds without work after which the workers are not kept."""
_LOOK = 5.0


def _work(daemon: psutil.Process) -> list[tuple[int, float]]:
    """What the workers have done so far: (process id, CPU seconds). An idle one waits, and uses none."""
    done = []
    for worker in daemon.children():
        try:
            times = worker.cpu_times()
        except psutil.Error:
            continue
        done.append((worker.pid, times.user + times.system))
    return done


def _end_when_idle() -> None:
    daemon, before, since = psutil.Process(), [(0, 0.0)], time.monotonic()
    while time.monotonic() - since < IDLE:
        time.sleep(_LOOK)
        if (now := _work(daemon)) != before:
            before, since = now, time.monotonic()
    os.killpg(0, signal.SIGHUP)  # the workers, as the daemon itself ends them
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_when_idle, daemon=True).start()
    manager()  # type: ignore[no-untyped-call]
