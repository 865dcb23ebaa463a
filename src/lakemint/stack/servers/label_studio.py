"""Label Studio: its server lives in an environment of its own, with SQLite under the stack's home."""

import fcntl
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from lakemint.config import outer_environment
from lakemint.errors import StackError
from lakemint.stack.layout import Stack
from lakemint.stack.program import NotReady, Program
from lakemint.stack.report import Report
from lakemint.stack.servers.http import ask
from lakemint.stack.settings import LABEL_STUDIO_USER


class LabelStudio:
    """Where people label."""

    name = "label-studio"
    title = "Label Studio"
    parts: tuple[str, ...] = ("label-studio",)
    ports: tuple[str, ...] = ("label_studio",)

    def address(self, stack: Stack) -> str:
        return stack.settings["label_studio_url"]

    def prepare(self, stack: Stack, report: Report) -> None:
        if not (stack.label_studio / "bin" / "label-studio").exists():
            raise StackError(f"Label Studio is not installed in {stack.label_studio}: run `make setup`")
        path = _database(stack.home)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if not path.exists():
            fresh = path.with_suffix(".new")
            shutil.copyfile(_empty_database(stack), fresh)
            fresh.replace(path)
        # Readers and a writer side by side, and no lost database when it is killed. The file remembers it.
        try:
            with closing(sqlite3.connect(path)) as database:
                database.execute("PRAGMA journal_mode=WAL")
        except sqlite3.Error as error:
            raise StackError(f"{path}: {error}; put back a copy, or move it away to begin anew") from error

    def programs(self, stack: Stack) -> list[Program]:
        environment = {
            **_environment(stack.data(self.name)),
            "LABEL_STUDIO_PORT": str(stack.ports["label_studio"]),
            "LABEL_STUDIO_USERNAME": LABEL_STUDIO_USER,
            "LABEL_STUDIO_PASSWORD": stack.secrets["label_studio_password"],
            "LABEL_STUDIO_USER_TOKEN": stack.secrets["label_studio_token"],
            # A token that does not expire by itself is what a program needs.
            "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
            "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
        }
        command = (
            str(stack.label_studio / "bin" / "python"),
            str(stack.checkout / "infra" / "local" / "label_studio_server.py"),
            "start",
            "--no-browser",
            "--internal-host=127.0.0.1",
            f"--username={LABEL_STUDIO_USER}",
            "--enable-legacy-api-token",
        )
        return [Program(self.name, command, stack.data(self.name), environment)]

    def complete(self, stack: Stack) -> None:
        """Nothing: the label stage makes the projects."""

    def check(self, stack: Stack, since: float) -> None:
        """It answers, and our token opens it."""
        port = stack.ports["label_studio"]
        ask(port, "/health")
        who = ask(
            port,
            "/api/current-user/whoami",
            headers={"Authorization": f"Token {stack.secrets['label_studio_token']}"},
        )
        if who.get("email") != LABEL_STUDIO_USER:
            raise NotReady("the token is not accepted yet")


def compact_label_studio(home: Path, patience: float = 60.0) -> None:
    """Rewrite the database of the instance in `home` without what was deleted: SQLite keeps its bytes.

    Its server may be running. Does nothing where there is no such database. Raises StackError when the server
    keeps it busy for longer than `patience` seconds, or it cannot be rewritten.
    """
    path = _database(home)
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=patience, isolation_level=None)) as database:
            database.execute("VACUUM")
            # The deleted bytes may stand in the log of writes still, and behind the new end of the file.
            is_busy, *_ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise StackError(
            f"{path}: {error}; what was deleted is still in this file: run this again"
        ) from error
    if is_busy:
        raise StackError(
            f"{path}: in use for {patience:g} s; what was deleted is still in it: run this again"
        )


def _database(home: Path) -> Path:
    return home / LabelStudio.name / "label_studio.sqlite3"


def _empty_database(stack: Stack) -> Path:
    """A database with all tables and nobody in it. Making one takes most of a minute, so it is made once."""
    package = next(stack.label_studio.glob("lib/python3*/site-packages/label_studio"))
    version = next(package.parent.glob("label_studio-*.dist-info")).stem
    made = stack.installation / "cache" / f"{version}.sqlite3"
    made.parent.mkdir(exist_ok=True)
    with made.with_suffix(".lock").open("w") as lock:  # another instance may be at it
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            folder, log = made.with_suffix(".new"), stack.log("label-studio-migrate")
            shutil.rmtree(folder, ignore_errors=True)
            with log.open("w") as output:
                done = subprocess.run(
                    [stack.label_studio / "bin" / "python", package / "manage.py", "migrate"],
                    env={**outer_environment(), **_environment(folder)},
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=False,
                )
            if done.returncode:
                raise StackError(f"Label Studio's database could not be prepared: see {log}")
            (folder / "label_studio.sqlite3").replace(made)
            shutil.rmtree(folder)
    return made


def _environment(data: Path) -> dict[str, str]:
    """What holds for its server and for its preparation."""
    return {
        "LABEL_STUDIO_BASE_DATA_DIR": str(data),
        "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
        "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
        "LABEL_STUDIO_SENTRY_DSN": "",
        "LABEL_STUDIO_FRONTEND_SENTRY_DSN": "",
        "MALLOC_ARENA_MAX": "2",
    }
