"""Label Studio's database without what was deleted from it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from lakemint.errors import StackError
from lakemint.stack.servers.label_studio import compact_label_studio

SECRET = b"erase me, for I asked"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "label-studio").mkdir()
    return tmp_path


@pytest.fixture
def server(home: Path) -> Iterator[sqlite3.Connection]:
    """An open connection, like the server's; what it deleted is in the file and in the log of writes."""
    with closing(sqlite3.connect(database(home), isolation_level=None)) as connection:
        connection.executescript("PRAGMA journal_mode=WAL; PRAGMA secure_delete=OFF; PRAGMA synchronous=OFF")
        connection.execute("CREATE TABLE task (data)")
        rows = [(bytes(40) + SECRET * (1 + 500 * (number % 5 == 0)),) for number in range(200)]
        connection.executemany("INSERT INTO task VALUES (?)", rows)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO task VALUES ('kept')")
        connection.execute("DELETE FROM task WHERE data <> 'kept'")
        yield connection


def database(home: Path) -> Path:
    return home / "label-studio" / "label_studio.sqlite3"


def holding(home: Path) -> set[str]:
    return {path.name for path in (home / "label-studio").iterdir() if SECRET in path.read_bytes()}


def test_deleted_bytes_are_in_no_file_any_more(home: Path, server: sqlite3.Connection) -> None:
    assert holding(home) == {"label_studio.sqlite3", "label_studio.sqlite3-wal"}
    compact_label_studio(home)
    assert holding(home) == set()
    assert server.execute("SELECT data FROM task").fetchall() == [("kept",)]
    compact_label_studio(home)


@pytest.mark.parametrize("hold", ["BEGIN IMMEDIATE", "BEGIN; SELECT * FROM task"])
def test_a_database_that_stays_busy_is_told(home: Path, server: sqlite3.Connection, hold: str) -> None:
    for statement in hold.split("; "):
        server.execute(statement).fetchall()
    with pytest.raises(
        StackError, match=r"label_studio\.sqlite3: .* what was deleted is still in .* run this again"
    ):
        compact_label_studio(home, patience=0.1)
    server.execute("ROLLBACK")
    compact_label_studio(home, patience=5)
    assert holding(home) == set()


def test_what_is_no_database_is_told_and_none_is_nothing_to_do(home: Path) -> None:
    compact_label_studio(home)
    assert not database(home).exists()
    database(home).write_bytes(SECRET * 100)
    with pytest.raises(StackError, match="not a database"):
        compact_label_studio(home)
