"""Trainings on this machine: real processes that are watched, stopped, killed and begun again."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lakemint.config import HANDOVER, Config
from lakemint.errors import TrainingError
from lakemint.handover import local
from lakemint.handover.begin import hand_over, launcher_of
from lakemint.handover.launch import TAIL
from lakemint.handover.launchers import launcher
from lakemint.handover.record import Handover
from lakemint.stack.processes import marked
from tests.support import at_once
from tests.unit.handover.handovers import READ, SLEEP, at_work, ended, handover, training

FORKS = (
    "import subprocess, time; subprocess.Popen(['sleep', '100'], start_new_session=True); "
    "print('up', flush=True)"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('up', flush=True); time.sleep(99)"
)


def processes(handed: Handover) -> dict[str, psutil.Process]:
    """Those of its job: `watch`, and others by their program's name."""
    found = marked(HANDOVER, handed.data().decode())
    return {"watch" if "lakemint.handover.watch" in one.cmdline() else one.name(): one for one in found}


def folder(config: Config, handed: Handover) -> Path:
    return config.trainings_folder() / handed.job


def test_a_training_reads_what_it_was_handed_and_leaves_a_receipt(config: Config) -> None:
    handed = hand_over(config, "notes@1", training(READ))
    job = ended(config, handed)
    assert (job.state, job.words) == ("succeeded", "\n".join(["4 examples"] * 5))
    assert Path(job.log).read_text().splitlines() == job.words.splitlines()
    assert len([*Path(config.lake.removeprefix("file://")).glob("published/notes/receipts/00000001/*")]) == 1
    assert stat.S_IMODE(folder(config, handed).stat().st_mode) == 0o700


def test_it_outlives_who_started_it(config: Config) -> None:
    code = """
import os, signal
from lakemint.config import load_config
from lakemint.handover.begin import hand_over
from tests.unit.handover.handovers import SLEEP, training
print(hand_over(load_config(), "notes@1", training(SLEEP)).job, flush=True)
os.killpg(0, signal.SIGKILL)
"""
    path = os.pathsep.join([str(Path(__file__).parents[3]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    handed = at_work(config)
    assert done.stdout.strip() == handed.job, "the same, not another"
    launcher_of(config, handed).stop(handed)


def test_submitted_by_many_at_once_it_is_begun_once(config: Config) -> None:
    handed = hand_over(config, "notes@1", training("import os; print(os.getpid(), flush=True)"))
    ended(config, handed)
    again = handover(place=handed.place, program=handed.training.program)
    there = launcher("process", config)
    at_once(lambda _: there.submit(again), threads=8)
    assert len(ended(config, again).words.splitlines()) == 1
    there.submit(again)
    assert len(ended(config, again).words.splitlines()) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('no GPU'); raise SystemExit(3)", "no GPU\nexit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "killed by SIGKILL"),
        ("import sys; sys.stderr.write('\\x1b[31m' + 'x' * 9000)", ""),
    ],
)
def test_how_it_ended_is_told(config: Config, code: str, words: str) -> None:
    job = ended(config, hand_over(config, "notes@1", training(code)))
    assert job.state == ("failed" if words else "succeeded")
    assert job.words == words or job.words == "x" * TAIL


def test_a_program_that_is_not_there_is_told(config: Config) -> None:
    job = ended(config, hand_over(config, "notes@1", training(program=("no-such-program",))))
    assert job.words == "error: no-such-program: No such file or directory\nexit status 127"


def test_stopped_it_ends_with_all_it_started(config: Config) -> None:
    handed = at_work(config, FORKS + "; time.sleep(100)")
    assert {"watch", "sleep"} < processes(handed).keys()
    there = launcher_of(config, handed)
    there.stop(handed)
    assert processes(handed) == {}
    job = there.look(handed)
    assert job is not None
    assert (job.state, job.last_line) == ("failed", "it was stopped")
    there.stop(handed)


def test_one_that_ignores_that_is_killed(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "GRACE", 0.5)
    handed = at_work(config, STUBBORN)
    launcher_of(config, handed).stop(handed)
    assert ended(config, handed).last_line == "it was stopped"


def test_what_a_training_leaves_behind_ends_with_it(config: Config) -> None:
    handed = hand_over(config, "notes@1", training(FORKS))
    assert ended(config, handed).state == "succeeded"
    assert "sleep" not in processes(handed), "though who watched it may still be ending"


@pytest.mark.parametrize("who", ["program", "watch"])
def test_killed_it_has_failed_and_goes_on_as_another_attempt(config: Config, who: str) -> None:
    handed = at_work(config)
    found = processes(handed)
    watch = found.pop("watch")
    (program,) = found.values()
    (watch if who == "watch" else program).kill()
    words = ended(config, handed).last_line
    assert words == ("it was killed, with who watched it" if who == "watch" else "killed by SIGKILL")
    program.wait(timeout=20)
    again = at_work(config)
    assert (again.attempt, again.version) == (2, handed.version)
    launcher_of(config, again).stop(again)


def test_torchrun_starts_the_ranks_by_the_programs_own_python(config: Config) -> None:
    there = launcher("torchrun", config)
    said = there.render(handover(program=("/env/bin/python3", "a b.py"), processes=4, restarts=2))
    assert "/env/bin/python3 -m torch.distributed.run --nnodes=1 --nproc-per-node=4 --max-restarts=2" in said
    assert said.endswith("--no-python /env/bin/python3 'a b.py'\n")
    assert "\n  torchrun --nnodes=1" in there.render(handover(program=("./train",)))


def test_what_a_launcher_cannot_do_is_refused_before_anything_is_written(config: Config) -> None:
    for changed, words in (
        ({"launcher": "process", "processes": 2}, "a plain process is one rank"),
        ({"launcher": "torchrun", "nodes": 2}, "ranks on this machine only: --nodes 1"),
        ({"options": {"partition": "gpu"}}, "process has no option 'partition': it has none"),
        ({"launcher": "pbs"}, "no launcher 'pbs': there are process, torchrun"),
    ):
        with pytest.raises(TrainingError, match=words):
            hand_over(config, "notes@1", training(SLEEP, **changed))
    assert not [*Path(config.lake.removeprefix("file://")).rglob("handovers")]
