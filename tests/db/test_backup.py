from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

import db.backup
from db import open_database
from db.sqlite_driver import load_driver
from db.store import projects, verdicts
from rsqa_core.errors import InvalidInputError, RsqaError
from tests.db.filled import Filled


def test_a_backup_made_while_writing_is_whole_and_opens(filled: Filled, tmp_path: Path) -> None:
    target = tmp_path / "copies" / "copy.sqlite3"
    stop = threading.Event()
    said: list[str] = []

    def write() -> None:
        while not stop.is_set():
            said.append(filled.say("correct", len(said) % 12, score=0.5).id)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = []
        for _ in range(5):
            before = len(said)
            filled.database.backup(target)
            copy = open_database(target)
            with copy.read() as session:
                rows = verdicts.history(session, filled.project.id, limit=None)
                assert projects.get(session, "town") == filled.project
            copy.close()
            assert {row.id for row in rows} >= set(said[:before])
            counts.append(len(rows))
    finally:
        stop.set()
        writer.join()
    assert counts == sorted(counts)


def test_a_backup_is_one_file_and_leaves_nothing_else(filled: Filled, tmp_path: Path) -> None:
    target = tmp_path / "copies" / "copy.sqlite3"
    filled.database.backup(target)
    assert [path.name for path in target.parent.iterdir()] == ["copy.sqlite3"]
    with sqlite3.connect(target) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    connection.close()


def test_a_database_is_not_backed_up_onto_itself(filled: Filled) -> None:
    with pytest.raises(InvalidInputError, match="itself"):
        filled.database.backup(filled.database.path)
    with filled.database.read() as session:
        assert projects.get(session, "town") == filled.project


def test_a_damaged_copy_is_refused_and_the_last_good_one_kept(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copies" / "copy.sqlite3"
    filled.database.backup(target)
    good = target.read_bytes()
    driver = db.backup.load_driver()

    class Damaging:
        """Stands for a disk that loses an index on the way."""

        @staticmethod
        def connect(path: str) -> object:
            if Path(path) == filled.database.path:
                return Source(path)
            return driver.connect(path)

    class Source:
        def __init__(self, path: str) -> None:
            self.real = driver.connect(path)
            self.close = self.real.close

        def backup(self, writing: object) -> None:
            self.real.backup(writing)
            writing.execute("PRAGMA writable_schema = ON")  # type: ignore[attr-defined]
            writing.execute(  # type: ignore[attr-defined]
                "UPDATE sqlite_master SET rootpage = 3 WHERE name = 'ix_image_name'"
            )
            writing.commit()  # type: ignore[attr-defined]
            writing.execute("PRAGMA writable_schema = RESET")  # type: ignore[attr-defined]

    monkeypatch.setattr(db.backup, "load_driver", lambda: Damaging)
    with pytest.raises(RsqaError, match="integrity"):
        filled.database.backup(target)
    assert target.read_bytes() == good
    assert [path.name for path in target.parent.iterdir()] == ["copy.sqlite3"]


def test_a_copy_takes_the_place_of_a_database_in_use(filled: Filled, tmp_path: Path) -> None:
    kept = filled.say("correct", 0, score=0.25)
    copy = tmp_path / "copy.sqlite3"
    filled.database.backup(copy)
    filled.say("correct", 1, score=0.75)
    other = open_database(filled.database.path)
    with other.read() as session:
        assert len(verdicts.history(session, filled.project.id)) == 2

    filled.database.restore(copy)

    for database in (filled.database, other):
        with database.read() as session:
            rows = verdicts.history(session, filled.project.id)
        assert [row.id for row in rows] == [kept.id]
    said = filled.say("correct", 2, score=0.5)  # it can be written to, and still forgets nothing
    with other.read() as session:
        assert said.id in {row.id for row in verdicts.history(session, filled.project.id)}
    connection = load_driver().connect(str(filled.database.path))
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    with pytest.raises(load_driver().DatabaseError):
        connection.execute("DELETE FROM verdict")
    connection.close()
    other.close()


def test_a_reader_keeps_its_state_while_a_copy_takes_the_place(
    filled: Filled, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.sqlite3"
    filled.database.backup(copy)
    filled.say("correct", 1, score=0.75)
    other = open_database(filled.database.path)

    with other.read() as session:
        before = verdicts.history(session, filled.project.id)
        filled.database.restore(copy)
        assert verdicts.history(session, filled.project.id) == before

    with other.read() as session:
        assert verdicts.history(session, filled.project.id) == []
    other.close()


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" + b"x" * 500])
def test_what_is_no_database_takes_no_place(filled: Filled, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad.sqlite3"
    bad.write_bytes(content)
    said = filled.say("correct", 1, score=0.75)

    with pytest.raises(RsqaError):
        filled.database.restore(bad)
    with pytest.raises(RsqaError, match="no file"):
        filled.database.restore(tmp_path / "nowhere.sqlite3")
    with pytest.raises(InvalidInputError, match="itself"):
        filled.database.restore(filled.database.path)

    with filled.database.read() as session:
        assert [r.id for r in verdicts.history(session, filled.project.id)] == [said.id]


def test_a_database_that_somebody_keeps_locked_is_left_as_it_is(
    filled: Filled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "copy.sqlite3"
    filled.database.backup(copy)
    said = filled.say("correct", 1, score=0.75)
    monkeypatch.setattr(db.backup, "PATIENCE_S", 0.2)
    # One library: another one in this process would not see its locks.
    other = load_driver().connect(str(filled.database.path), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(RsqaError, match="locked by another program"):
            filled.database.restore(copy)
    finally:
        other.execute("ROLLBACK")
        other.close()

    with filled.database.read() as session:
        assert [row.id for row in verdicts.history(session, filled.project.id)] == [said.id]
    filled.database.restore(copy)
    with filled.database.read() as session:
        assert verdicts.history(session, filled.project.id) == []
