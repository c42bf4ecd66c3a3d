"""Copies of the database, and putting one back."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner

from db.store import projects, verdicts
from rsqa_core.errors import ConflictError, RsqaError, UnreadableFileError
from rsqa_core.records import ClassDef
from rsqa_core.settings import Settings
from workflows.backups import decisions_of, kept_backups, make_backup, restore_backup
from workflows.cli import rsqa
from workflows.opening import Installation, open_installation


@pytest.fixture
def opened(tmp_path: Path) -> Installation:
    return open_installation(Settings(home=tmp_path / "home"))


def add(installation: Installation, slug: str) -> None:
    with installation.database.begin() as session:
        projects.create(
            session,
            slug=slug,
            name=slug,
            classes=(ClassDef(0, "roof", (1, 2, 3)),),
            origin="imported",
        )


def slugs(installation: Installation) -> list[str]:
    with installation.database.read() as session:
        return sorted(one.project.slug for one in projects.summaries(session))


def test_a_copy_is_put_back_and_so_is_what_it_replaced(opened: Installation) -> None:
    add(opened, "first")
    copy = make_backup(opened)
    add(opened, "second")

    before = restore_backup(opened, copy)
    assert slugs(opened) == ["first"]
    restore_backup(opened, before)

    assert slugs(opened) == ["first", "second"]
    assert len(kept_backups(opened.settings)) == 3
    assert list(opened.settings.home.glob(".restoring-*")) == []
    with opened.database.read() as session:
        assert verdicts.total(session) == decisions_of(copy) == 0


def test_a_copy_of_a_newer_version_is_refused_and_changes_nothing(opened: Installation) -> None:
    add(opened, "first")
    copy = make_backup(opened)
    with sqlite3.connect(copy) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    add(opened, "second")

    with pytest.raises(RsqaError, match="newer RSQA"):
        restore_backup(opened, copy)

    assert slugs(opened) == ["first", "second"]


def test_what_is_no_copy_is_refused(opened: Installation, tmp_path: Path) -> None:
    add(opened, "first")
    empty, text = tmp_path / "empty.sqlite3", tmp_path / "text.sqlite3"
    empty.write_bytes(b"")
    text.write_text("not at all")

    for path in (empty, text, tmp_path / "nowhere.sqlite3"):
        with pytest.raises(UnreadableFileError):
            restore_backup(opened, path)
    assert decisions_of(text) is None
    assert slugs(opened) == ["first"]
    assert kept_backups(opened.settings) == []


def test_a_copy_replaces_no_other(opened: Installation, tmp_path: Path) -> None:
    target = make_backup(opened, tmp_path / "copy.sqlite3")

    with pytest.raises(ConflictError, match="replaces nothing"):
        make_backup(opened, target)


def test_the_command_puts_a_copy_back(
    opened: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(opened, "first")
    copy = make_backup(opened)
    add(opened, "second")
    monkeypatch.setenv("RSQA_HOME", str(opened.settings.home))

    result = CliRunner().invoke(rsqa, ["restore", str(copy)])

    assert result.exit_code == 0, result.output
    assert "What was there before" in result.output
    assert slugs(opened) == ["first"]
