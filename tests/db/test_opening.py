from __future__ import annotations

import re
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text, update
from sqlalchemy.exc import OperationalError

import db.append_only
import db.sqlite_driver
from db import Database, open_database
from db.engine import make_engine
from db.sqlite_driver import load_driver
from db.store import heads, images, projects, reviewers, scores, verdicts
from db.tables import HeadRow, ImageRow, ProjectRow, Row
from db.upgrading import HEAD_REVISION, MIGRATIONS, bring_up_to_date
from rsqa_core.errors import ConflictError, InvalidInputError, RsqaError, UnreadableFileError
from rsqa_core.records import ErrorMarks, PointCheck, Score
from tests.db.filled import Filled, new_image

REBUILD = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{previous}"


def upgrade() -> None:
    with op.batch_alter_table("project") as batch:
        batch.add_column(sa.Column("motto", sa.String(), nullable=False, server_default=""))
        batch.alter_column("description", existing_type=sa.String(), nullable=True)
    with op.batch_alter_table("verdict") as batch:
        batch.alter_column("note", existing_type=sa.String(), nullable=True)
    {more}
"""


OLD_TABLES = ("project", "reviewer", "head", "image", "candidate", "score", "promotion", "verdict")


def later_migrations(folder: Path, more: str = "pass") -> Path:
    target = folder / "migra%tions"
    shutil.copytree(MIGRATIONS, target, ignore=shutil.ignore_patterns("__pycache__"))
    (target / "versions" / "v9999_rebuild.py").write_text(
        REBUILD.format(previous=HEAD_REVISION, more=more)
    )
    return target


def schema(path: Path) -> dict[str, list[str]]:
    """Return name: parts of its SQL, without order and quotes, for all that the database has.

    A column's own constraint counts as one of its table: ALTER TABLE can only add it so.
    """
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL "
            "AND name NOT IN ('alembic_version', 'sqlite_sequence')"
        ).fetchall()
    return {name: _parts(sql) for name, sql in rows}


def _parts(sql: str) -> list[str]:
    start, rest = re.sub(r"[\s\"]+", " ", sql).split("(", 1)
    body, end = rest.rsplit(")", 1)
    parts = re.split(r",|\bCONSTRAINT\b", body)
    return [start.strip(), *sorted(part.strip() for part in parts if part.strip()), end.strip()]


def older_version(filled: Filled, path: Path, head: str) -> None:
    """Write the rows of a filled database as an older version of the tables held them."""
    engine = make_engine(path)
    bring_up_to_date(engine, path, head=head)
    engine.dispose()
    filled.database.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS newer", (str(filled.database.path),))
        for table in OLD_TABLES:
            found = connection.execute(f"SELECT name FROM pragma_table_info('{table}')")
            columns = ", ".join(f'"{name}"' for (name,) in found)
            connection.execute(
                f"INSERT INTO {table} ({columns}) SELECT {columns} FROM newer.{table}"
            )
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_migrations_make_exactly_what_the_metadata_says(tmp_path: Path, database: Database) -> None:
    engine = make_engine(tmp_path / "direct.sqlite3")
    Row.metadata.create_all(engine)
    engine.dispose()
    direct, migrated = schema(tmp_path / "direct.sqlite3"), schema(database.path)
    assert migrated.keys() == direct.keys()
    for name in direct:
        assert migrated[name] == direct[name]
    with database._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Row.metadata) == []


def test_the_stored_head_revision_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD_REVISION]


def test_connections_are_set_up_for_safety(database: Database) -> None:
    with database.begin() as session:
        found = {
            name: session.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": 10_000,
    }


def test_opening_again_is_quick_and_loads_no_migrations(database: Database) -> None:
    taken = []
    for _ in range(5):
        start = time.perf_counter()
        open_database(database.path).close()
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.05


def test_opening_does_not_wait_for_a_writer(database: Database) -> None:
    with database.begin() as session:
        reviewers.ensure(session, "ada")
        start = time.perf_counter()
        open_database(database.path).close()
    assert time.perf_counter() - start < 1.0


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b ü %20" / "rsqa.sqlite3"
    open_database(path).close()
    assert path.is_file()


def test_reads_see_no_half_written_change_and_cannot_write(filled: Filled) -> None:
    database = filled.database
    with database.read() as reading:
        before = verdicts.effective(reading, filled.project.id)
        filled.say()
        assert verdicts.effective(reading, filled.project.id) == before
        with pytest.raises(OperationalError, match="readonly"):
            reviewers.ensure(reading, "bob")
    with database.begin() as session:
        reviewers.ensure(session, "bob")


def test_an_error_rolls_everything_back(filled: Filled) -> None:
    def write_and_fail() -> None:
        with filled.database.begin() as session:
            verdicts.record(session, filled.verdict())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert filled.holding() == []
    assert filled.status() == "open"


def test_a_write_inside_a_write_is_reported_and_not_waited_for(database: Database) -> None:
    with database.begin(), pytest.raises(RuntimeError, match="inside"), database.begin():
        pass
    with database.begin() as session:
        reviewers.ensure(session, "ada")


def test_a_row_that_changed_in_between_is_a_conflict(filled: Filled) -> None:
    with filled.database.read() as session:
        row = session.get_one(ProjectRow, filled.project.id)
    with filled.database.begin() as session:
        session.get_one(ProjectRow, filled.project.id).name = "First"
    row.name = "Second"
    with (
        pytest.raises(ConflictError, match="changed in between"),
        filled.database.begin() as session,
    ):
        session.add(row)  # written when the transaction ends
    with filled.database.read() as session:
        assert projects.get(session, "town").name == "First"


def test_numbers_that_are_not_finite_do_not_reach_the_tables(filled: Filled) -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(InvalidInputError, match="finite"), filled.database.begin() as session:
            session.get_one(ImageRow, filled.images[0].id).disagreement = value
        with pytest.raises(InvalidInputError, match="finite"), filled.database.begin() as session:
            session.execute(update(ImageRow).values(disagreement=value))
        with pytest.raises(InvalidInputError, match="held"), filled.database.begin() as session:
            session.get_one(HeadRow, "base").metrics = {"held_out": [1.0, value]}


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rsqa.sqlite3"
    path.write_bytes(b"a text that is long enough to be no header" * 100)
    with pytest.raises(UnreadableFileError, match=r"rsqa\.sqlite3"):
        open_database(path)
    assert path.read_bytes().startswith(b"a text")


def test_a_database_of_a_newer_version_is_left_alone(filled: Filled) -> None:
    path = filled.database.path
    filled.database.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '7777'")
    connection.close()
    with pytest.raises(RsqaError, match="newer RSQA"):
        open_database(path)


def test_an_older_populated_database_is_upgraded_without_loss(
    filled: Filled, tmp_path: Path
) -> None:
    filled.say()
    path = filled.database.path
    with filled.database.read() as session:
        before = projects.summaries(session)
    migrations = later_migrations(tmp_path)
    bring_up_to_date(filled.database._engine, path, head="9999", migrations=migrations)
    with filled.database.read() as session:
        assert projects.summaries(session) == before
        assert session.execute(text("SELECT motto FROM project")).scalar() == ""
    assert filled.holding() != []
    with pytest.raises(Exception, match="append-only"), filled.database.begin() as session:
        session.execute(text("DELETE FROM verdict"))
    (copy,) = (path.parent / "backups").iterdir()
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            (HEAD_REVISION,)
        ]
        assert connection.execute("SELECT count(*) FROM image").fetchall() == [(12,)]
    connection.close()


def test_the_first_version_of_the_tables_is_upgraded_without_loss(
    filled: Filled, tmp_path: Path
) -> None:
    filled.say()
    with filled.database.begin() as session:
        session.get_one(HeadRow, "base").metrics = {"mae": 0.125}
    with filled.database.read() as session:
        before = (
            projects.summaries(session),
            images.all_of(session, filled.project.id),
            scores.of_head(session, filled.project.id, "base"),
            verdicts.effective(session, filled.project.id),
        )
    path = tmp_path / "old" / "rsqa.sqlite3"
    path.parent.mkdir()
    older_version(filled, path, "0001")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE sqlite_sequence SET seq = 5000 WHERE name = 'image'")
        connection.commit()
    with closing(open_database(path)) as upgraded:
        with upgraded.read() as session:
            after = (
                projects.summaries(session),
                images.all_of(session, filled.project.id),
                scores.of_head(session, filled.project.id, "base"),
                verdicts.effective(session, filled.project.id),
            )
        assert after == before
        with upgraded.read() as session:
            base = heads.get(session, "base")
        assert base.metrics == {"mae": 0.125, "interval_coverage": 0.8}
        with pytest.raises(Exception, match="append-only"), upgraded.begin() as session:
            session.execute(text("DELETE FROM verdict"))
        with upgraded.begin() as session:
            (new,) = images.add(session, filled.project.id, [new_image(99)])
            assert new.id == 5001  # an id that was given out before does not come back
            full = Score(1, "base", 0.5, 0.4, 0.6, ("unlike_training",), 0.5, 0.25, (0.5, None))
            scores.publish(session, filled.project.id, "base", [full])
            assert scores.of_head(session, filled.project.id, "base")[1] == full
    assert schema(path) == schema(filled.database.path)
    assert len(list((path.parent / "backups").iterdir())) == 1


def test_verdicts_of_before_there_were_marks_are_upgraded_as_they_are(
    filled: Filled, tmp_path: Path
) -> None:
    check = PointCheck("random", 3, (True, None, False))
    said = filled.say("correct", low=0.25, high=0.75, point_check=check)
    filled.undo(filled.say("flag", 1))
    path = tmp_path / "old" / "rsqa.sqlite3"
    path.parent.mkdir()
    older_version(filled, path, "0003")
    with closing(open_database(path)) as upgraded:
        with upgraded.read() as session:
            rows = verdicts.history(session, filled.project.id)
        assert [row.kind for row in rows] == ["undo", "flag", "correct"]
        assert rows[-1] == said
        assert said.marks is None
        for change in ("UPDATE verdict SET marks = NULL", "DELETE FROM verdict"):
            with pytest.raises(Exception, match="append-only"), upgraded.begin() as session:
                session.execute(text(change))
        marks = ErrorMarks((64, 64), "0abc")
        with upgraded.begin() as session:
            new, _ = verdicts.record(session, filled.verdict("correct", 2, marks=marks))
        assert new.marks == marks
    assert schema(path) == schema(filled.database.path)


@pytest.mark.parametrize(
    "harm", ['op.execute("DELETE FROM candidate")', 'op.execute("DELETE FROM image")', "1 / 0"]
)
def test_an_upgrade_that_would_lose_rows_changes_nothing(
    filled: Filled, tmp_path: Path, harm: str
) -> None:
    path = filled.database.path
    before = schema(path)
    migrations = later_migrations(tmp_path, harm)
    with pytest.raises((RsqaError, ZeroDivisionError)):
        bring_up_to_date(filled.database._engine, path, head="9999", migrations=migrations)
    assert schema(path) == before
    with filled.database.read() as session:
        (summary,) = projects.summaries(session)
    assert (summary.images, summary.candidates, summary.scored_candidates) == (12, 24, 24)


def test_an_unsafe_sqlite_is_refused_by_version(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unsafe:
        sqlite_version = "3.40.1"
        sqlite_version_info = (3, 40, 1)

    monkeypatch.setattr(db.sqlite_driver.importlib, "import_module", lambda name: Unsafe)
    with pytest.raises(RsqaError, match=r"3\.40\.1.*pip install pysqlite3"):
        load_driver()
